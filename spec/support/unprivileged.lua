-- Lua scripts that run without any privilege of root's.

local process = require "spec.support.process"

local M = {}

local function is_root()
  return process.run({ "sh", "-c", "test $(id -u) = 0" }).status == 0
end

-- The user stays the same, so that the files can still be read.
local drop = { "setpriv", "--bounding-set", "-all", "--inh-caps", "-all" }

--- Options for process.run and its like. Nil and the reason where the
-- privilege cannot be given up.
function M.options()
  if not is_root() then return {} end
  local is_there, reason = process.available "setpriv"
  if not is_there then return nil, reason end
  return { prefix = drop }
end

--- Runs the text of a Lua script; as process.lua_script. Nil and the reason
-- likewise.
function M.lua(text)
  local options, reason = M.options()
  if not options then return nil, reason end
  return process.lua_script(text, options)
end

return M
