-- Decodes messages on links, addresses and routes: any bytes give a table of
-- plain values, nothing, or EBADMSG.
--
-- Input: the kind of message; then its data.

local values = require "sockeye.rtnetlink.values"

local readers = {
  require "sockeye.rtnetlink.link", require "sockeye.rtnetlink.address",
  (require "sockeye.rtnetlink.route"),
}

local function name(index) return "if" .. index end

-- Returns the number of values, which the number of bytes limits.
local function count(value, depth)
  assert(depth < 8, "tables without an end")
  local kind = type(value)
  assert(kind == "table" or kind == "string" or kind == "boolean" or
         math.type(value) == "integer", kind)
  local sum = 1
  if kind == "table" then
    for _, inner in pairs(value) do sum = sum + count(inner, depth + 1) end
  end
  return sum
end

return function(input)
  local reader = readers[(input:byte() or 0) % #readers + 1]
  local data = input:sub(2)
  local ok, result = pcall(values.reading, reader.read, data, name)
  if ok then
    if result == nil then return end
    assert(count(result, 0) < 200 + 20 * #data, "more than there was")
    if reader.name then count(reader.name(result, name), 0) end
  else
    fuzz.check_error(result)
    assert(type(result) == "table" and result.code == "EBADMSG",
           tostring(result))
  end
end
