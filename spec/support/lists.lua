-- Lists whose length is not what they hold.

local M = {}

--- A table of which `rawlen` says that it has 2^62 elements, each `element` (a
-- Lua literal), though it holds about a thousand: the length is found by
-- doubling a number until there is no such element.
function M.endless(element)
  local parts = {}
  for i = 1, 1024 do parts[i] = element end
  parts[#parts + 1] = ("[1025]=%s"):format(element)
  local k = 1024
  while k < 1 << 62 do
    k = k * 2
    parts[#parts + 1] = ("[%d]=%s"):format(k, element)
  end
  local list = load("return {" .. table.concat(parts, ",") .. "}")()
  assert(rawlen(list) == 1 << 62)
  return list
end

return M
