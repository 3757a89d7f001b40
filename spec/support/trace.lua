-- Other processes under strace.

local process = require "spec.support.process"

local M = {}

--- Whether strace can be used here; and if not, the reason to give. The C
-- library of 32 bits makes other system calls than the specs name.
function M.available()
  if string.packsize "T" == 4 then
    return false, "system calls of 32 bits have other names"
  end
  local available, reason = process.available("strace")
  if not available then return false, reason end
  local result = process.run { "strace", "-qq", "-o", "/dev/null", "true" }
  return result.status == 0, "strace may not trace here"
end

--- What strace writes of those system calls (names with commas between) while
-- the script runs, which has to succeed.
function M.calls(names, script)
  local log = os.tmpname()
  local result = process.lua_script(script, {
    prefix = { "strace", "-f", "-qq", "-o", log, "-e", "trace=" .. names },
  })
  local file <close> = io.open(log)
  local text = file:read "a"
  os.remove(log)
  if result.status ~= 0 then error(result.stderr, 2) end
  return text
end

return M
