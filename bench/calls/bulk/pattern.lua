-- The bytes that are sent, and a check for them; c.c has the same.

local M = {}

M.size = 65536

local function make()
  local bytes = {}
  for i = 0, M.size - 1 do
    bytes[i + 1] = string.char(i * 7 + i // 256 & 255)
  end
  return table.concat(bytes)
end

M.block = make()

local twice = M.block .. M.block

--- Raises unless the data are what was sent after `received` bytes.
function M.compare(data, received)
  local offset = received % M.size
  if twice:sub(offset + 1, offset + #data) ~= data then
    error "other bytes than were sent"
  end
end

--- Prints how long all the bytes took; raises where some are missing.
function M.report(received, bytes, seconds)
  assert(received == bytes, "not all was received")
  print(("%d bytes in %.9f s"):format(received, seconds))
end

return M
