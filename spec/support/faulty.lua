-- Scripts in which calls of the C library fail, in a process of their own,
-- where tools/torture's library is preloaded.

local process = require "spec.support.process"

local M = {}

-- What each script has: failing(plan, f, ...) runs f with a fault, which has to
-- come, and returns what pcall returns; raises(code, call, plan, f, ...) wants
-- an error by this call.
local prelude <const> = [[
  local faults = require "tools.torture.faults"
  local sockeye = require "sockeye"

  local reason = faults.unavailable()
  if reason then
    print("pending: " .. reason)
    os.exit(0)
  end

  local function failing(plan, f, ...)
    plan.first = plan.first or 1
    faults.arm(plan)
    local results = table.pack(pcall(f, ...))
    local fired = faults.disarm()
    assert(fired > 0, plan.call .. " was not called")
    return table.unpack(results, 1, results.n)
  end

  local function raises(code, call, plan, f, ...)
    local ok, err = failing(plan, f, ...)
    assert(not ok, "nothing was raised")
    assert(sockeye.is_error(err, code) and err.call == call, tostring(err))
    return err
  end

  local always <const> = 1 << 20
]]

-- Where the specs run under a sanitizer or valgrind, nothing is preloaded.
local checked <const> = os.getenv "SOCKEYE_CHECKED"

--- Runs the script. Returns what it has written, and how it ended if not by
-- itself; "" where all was well. Or nil, and why it cannot run.
function M.run(script)
  if checked then return nil, "runs without sanitizers" end
  local result = process.lua_script(prelude .. script, {
    env = { LD_PRELOAD = "./build/spec/torture.so" }, timeout = 20,
  })
  local reason = result.stdout:match "^pending: ([^\n]*)"
  if reason then return nil, reason end
  return result.stdout .. result.stderr ..
    (result.timed_out and "it has no end" or
     result.signal and "ended by signal " .. result.signal or "")
end

return M
