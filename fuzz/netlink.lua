-- Decodes netlink messages and attributes to Lua values, and encodes these.
--
-- Input: the number of allocations, or zero for no limit; then the bytes.

local netlink = core.primitives.netlink

local function starved(requests, f, ...)
  return fuzz.starve(requests == 0 and -1 or requests, f, ...)
end

-- Checks that a decoder's error names a place in the bytes.
local function check_refusal(err, size)
  fuzz.check_error(err)
  if err == "not enough memory" then return end
  local place = math.tointeger(tonumber(err:match "at byte (%d+): "))
  assert(place and place >= 1 and place <= size + 1, err)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function padded(size) return (size + 3) & ~3 end

local function encode_all(messages)
  local list = {}
  for i, m in ipairs(messages) do
    list[i] = netlink.encode { type = m.type, flags = m.flags, seq = m.seq,
                               pid = m.pid, data = m.data }
    assert(#list[i] == 16 + padded(#m.data), "a length of its own")
  end
  return table.concat(list)
end

local function attribute_flags(a)
  local flags = {}
  if a.nested then flags[#flags + 1] = "nested" end
  if a.net_byteorder then flags[#flags + 1] = "net_byteorder" end
  return table.concat(flags, " ")
end

local function encode_attributes(attributes)
  local list = {}
  for i, a in ipairs(attributes) do
    list[i] = netlink.attribute(a.type, a.data, attribute_flags(a))
  end
  return table.concat(list)
end

local function both_ways(decode, encode, bytes, requests)
  local ok, list = starved(requests, decode, bytes)
  if not ok then return check_refusal(list, #bytes) end
  local again = encode(list)
  assert(#again <= padded(#bytes), "more than there was")
  assert(same(list, decode(again)), "not the same again")
  for _, part in ipairs(list) do
    assert(#part.data <= #bytes)
    both_ways(netlink.attributes, encode_attributes, part.data, 0)
  end
end

-- Checks that a part of the bytes decodes as it does alone.
local function check_places(decode, bytes)
  local first = 1 + #bytes // 3
  local last = #bytes - #bytes // 4
  local ok, list = pcall(decode, bytes, first, last)
  local alone, wanted = pcall(decode, bytes:sub(first, last))
  assert(ok == alone and (not ok or same(list, wanted)), "places matter")
end

return function(input)
  local requests, bytes = input:byte() or 0, input:sub(2)
  both_ways(netlink.decode, encode_all, bytes, requests)
  both_ways(netlink.attributes, encode_attributes, bytes, requests)
  check_places(netlink.decode, bytes)
  check_places(netlink.attributes, bytes)
end
