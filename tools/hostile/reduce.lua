-- Takes away from a list of steps what a fault does not need: steps, what is
-- around them, and arguments.

local M = {}

-- Removes chunks of the list, ever smaller, for as long as it fails.
local function thin(list, fails)
  local size = #list
  while size >= 1 do
    local at = 1
    while at <= #list do
      local kept <const> = table.move(list, 1, #list, 1, {})
      for _ = 1, math.min(size, #list - at + 1) do table.remove(list, at) end
      if not fails() then
        table.move(kept, 1, #kept, 1, list)
        at = at + size
      end
    end
    size = size // 2
  end
end

-- Puts the steps inside of one in its place.
local function unwrap(list, at, fails)
  local one <const> = list[at]
  local kept <const> = table.move(list, 1, #list, 1, {})
  table.remove(list, at)
  for i, inner in ipairs(one.body) do table.insert(list, at + i - 1, inner) end
  if fails() then return true end
  for i = #list, 1, -1 do list[i] = nil end
  table.move(kept, 1, #kept, 1, list)
end

-- Keeps no result and gives no argument that it can do without.
local function spare(one, fails)
  local head <const>, arguments <const> = one.head, one.arguments
  one.head = head:gsub("^V%[%d+%] = ", "")
  if one.head ~= head and not fails() then one.head = head end
  while #arguments > 0 do
    local last <const> = table.remove(arguments)
    if not fails() then
      arguments[#arguments + 1] = last
      break
    end
  end
  for i, argument in ipairs(arguments) do
    if argument ~= "nil" then
      arguments[i] = "nil"
      if not fails() then arguments[i] = argument end
    end
  end
end

local function visit(list, fails)
  thin(list, fails)
  local at = 1
  while at <= #list do
    local one <const> = list[at]
    if one.arguments then spare(one, fails) end
    if one.body and not unwrap(list, at, fails) then
      visit(one.body, fails)
      at = at + 1
    elseif not one.body then
      at = at + 1
    end
  end
end

--- Reduces a list in place for as long as `fails` says that it still fails,
-- and, up to the number of rounds, gets shorter.
function M.reduce(list, fails, text, rounds)
  for _ = 1, rounds or 3 do
    local before <const> = text()
    visit(list, fails)
    if text() == before then break end
  end
end

return M
