-- What the Lua that runs the specs allows while it closes a variable.

local M = {}

--- Whether a task may wait there; if not, also the reason.
function M.may_wait()
  local thread = coroutine.create(function()
    local _ <close> = setmetatable({}, { __close = coroutine.yield })
  end)
  if coroutine.resume(thread) then return true end
  return false, "Lua before 5.4.3 cannot wait while a variable is closed"
end

return M
