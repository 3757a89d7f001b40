-- Other processes under strace.

local process = require "spec.support.process"

local M = {}

--- Whether strace can be used here; and if not, the reason to give.
function M.available()
  local available, reason = process.available("strace")
  if not available then return false, reason end
  local result = process.run { "strace", "-qq", "-o", "/dev/null", "true" }
  return result.status == 0, "strace may not trace here"
end

return M
