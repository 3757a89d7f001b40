local process = require "spec.support.process"
local trace = require "spec.support.trace"

-- A call that makes no more attempts than a handful in each pause makes fewer
-- system calls than this until its deadline; one that does not pause makes
-- thousands.
local most_calls <const> = 600

local worlds = {
  { "outside of tasks", "outside" },
  { "in a task, on epoll", "inside", "epoll" },
  { "in a task, on poll", "inside", "poll" },
}

-- The text of the trace between each two calls of getppid, the first with what
-- comes before it.
local function pieces(text)
  local list, piece = {}, 0
  for line in text:gmatch "[^\n]+" do
    if line:find("getppid(", 1, true) then
      list[#list + 1], piece = piece, 0
    else
      piece = piece + 1
    end
  end
  return list
end

describe("a socket that poll(2) reports ready for nothing #ptrace", function()
  local usable, reason = trace.available()

  for _, world in ipairs(worlds) do
    local title, where, poller = table.unpack(world)
    local name = "ends each call at its deadline, without spinning, " .. title

    if usable then
      it(name, function()
        local log = os.tmpname()
        local result = process.run(
          { process.lua, "spec/support/vain_waits.lua", where }, {
            env = { SOCKEYE_POLLER = poller }, timeout = 60,
            prefix = { "strace", "-f", "-qq", "-o", log },
          })
        local file <close> = assert(io.open(log))
        local counts = pieces(file:read "a")
        local case = 0

        os.remove(log)
        assert.same("", result.stderr)
        assert.equal(0, result.status)
        for line in result.stdout:gmatch "[^\n]+" do
          case = case + 1
          assert.truthy(line:find "\tas expected$", line)
          local count = counts[2 * case]
          assert.is_true(count < most_calls, line .. ": " .. count)
        end
        assert.is_true(case >= 94, "the cases have run")
      end)
    else
      pending(name .. ": " .. reason)
    end
  end
end)
