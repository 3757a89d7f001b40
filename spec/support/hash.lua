-- A hash of what passes by in pieces: FNV-1a over words of 64 bits, so that
-- 64 MiB take a second and not a minute. What is left over at the end counts
-- by its bytes.

local M = {}

local words <const> = 64
local size <const> = words * 8
local format <const> = "<" .. ("i8"):rep(words)
local basis <const> = 0xcbf29ce484222325
local prime <const> = 0x100000001b3

local hash = {}
hash.__index = hash

--- A hash of nothing yet.
function M.new()
  return setmetatable({ value = basis, rest = "", count = 0 }, hash)
end

--- Adds a piece.
function hash:add(data)
  self.count = self.count + #data
  data = self.rest .. data
  local value, position = self.value, 1
  while position + size - 1 <= #data do
    local list = { string.unpack(format, data, position) }
    for i = 1, words do value = (value ~ list[i]) * prime end
    position = position + size
  end
  self.value, self.rest = value, data:sub(position)
end

--- How many bytes there were and what they come to, as a text.
function hash:result()
  local value = self.value
  for i = 1, #self.rest do value = (value ~ self.rest:byte(i)) * prime end
  return ("%d %016x"):format(self.count, value)
end

return M
