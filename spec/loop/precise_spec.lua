local loops = require "spec.support.loops"
local process = require "spec.support.process"
local trace = require "spec.support.trace"

-- Prints the median of what sleeps of 0.1 ms take, in seconds; and, of one of
-- 3 ms, that it is not too short.
local script <const> = [[
  local sockeye = require "sockeye"
  local function take(seconds)
    local start = sockeye.now()
    sockeye.sleep(seconds)
    return sockeye.now() - start
  end
  sockeye.run(function()
    local times = {}
    for i = 1, 51 do times[i] = take(0.0001) end
    table.sort(times)
    print(times[26])
    assert(times[1] >= 0.0001)
    assert(take(0.003) >= 0.003)
  end)
]]

local function median(poller, prefix)
  local result = process.lua_script(script, {
    env = { SOCKEYE_POLLER = poller }, timeout = 20, prefix = prefix,
  })
  assert.equal("", result.stderr)
  return tonumber(result.stdout)
end

-- A process in which the system has no such call. Returns what it prints, and
-- how often it has asked for it.
local function median_without(code)
  local path <const> = os.tmpname()
  local result = median("epoll", {
    "strace", "-f", "-qq", "-o", path, "-e", "trace=?epoll_pwait2",
    "-e", "inject=epoll_pwait2:error=" .. code,
  })
  local count = 0
  for line in io.lines(path) do
    if line:find("epoll_pwait2(", 1, true) then count = count + 1 end
  end
  os.remove(path)
  return result, count
end

describe("a sleep of a tenth of a millisecond in a task", function()
  for _, poller in ipairs(loops.pollers) do
    it("takes much less than one of a millisecond on " .. poller, function()
      assert.is_true(median(poller) < 0.001)
    end)
  end

  for _, code in ipairs { "ENOSYS", "EPERM" } do
    it(("is rounded up where epoll_pwait2 fails with %s, which is asked " ..
        "once #ptrace"):format(code), function()
      local available, reason = trace.available()
      if available then available, reason = loops.has_epoll() end
      if not available then return pending(reason) end
      local seconds, count = median_without(code)
      assert.is_true(seconds >= 0.001)
      assert.equal(1, count)
    end)
  end
end)
