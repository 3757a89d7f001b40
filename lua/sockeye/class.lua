-- Types that are tables: how each of their metatables is made.

require("sockeye.core").primitives.mark_library_file()

local M = {}

--- Returns the metatable of the type `name`, whose objects have these methods;
-- nil: none. Scripts cannot reach it: getmetatable returns the name.
function M.new(name, methods)
  return { __name = name, __metatable = name, __index = methods }
end

--- Whether the value is of the type `name`, one of C or one of this file.
function M.is(value, name)
  local kind <const> = type(value)
  return (kind == "table" or kind == "userdata") and
    getmetatable(value) == name
end

--- Returns the name of the value's type, for errors.
function M.name_of(value)
  local kind <const> = type(value)
  if kind ~= "table" and kind ~= "userdata" then return kind end
  local meta = getmetatable(value)
  if type(meta) == "table" then meta = rawget(meta, "__name") end
  return type(meta) == "string" and meta or kind
end

return M
