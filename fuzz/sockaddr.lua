-- Decodes the bytes of a sockaddr, reads all fields and methods of the address,
-- and encodes it again.

local fields = {
  "family", "host", "port", "flowinfo", "scope_id", "path", "interface",
  "ifindex", "protocol", "hatype", "pkttype", "address", "pid", "groups", "cid",
  "rx_id", "tx_id", "name", "pgn", "addr", "type", "feat", "mask", "addrtype",
  "scope", "lower", "upper", "instance", "domain", "ref", "node", "bytes",
}

local methods = {
  "is_any", "is_loopback", "is_multicast", "is_link_local", "is_private",
  "is_v4mapped",
}

local printable = {
  inet = true, inet6 = true, unix = true, packet = true, netlink = true,
  vsock = true, can = true, alg = true, tipc = true,
}

-- The printed form leaves out a flow label and the flags of vsock, and puts
-- "./" before a path that begins as an abstract name does.
local function tells_all(a)
  if a.family == "inet6" then return a.flowinfo == 0 end
  if a.family == "unix" then return not (a.path and a.path:sub(1, 1) == "@") end
  if a.family == "vsock" then return a:pack():byte(13) == 0 end
  return printable[a.family]
end

local function check_printed(a)
  local text = tostring(a)
  assert(type(text) == "string" and #text < 1024)
  if not printable[a.family] then return end
  if a.family == "unix" and a.path and a.path:sub(1, 1) == "@" and
     #a.path > 106 then
    return
  end
  local again = core.address(text)
  assert(again.family == a.family, text)
  assert(tostring(again) == text, text)
  assert(not tells_all(a) or again == a, text)
end

return function(bytes)
  local ok, a = pcall(core.unpack, bytes)
  if not ok then
    fuzz.check_error(a)
    assert(#bytes < 28 or #bytes > 110 or bytes:byte() == 17 or
             bytes:byte() == 38 and #bytes < 88,
           "long enough for all families without a length of their own")
    return
  end
  for _, name in ipairs(fields) do
    local value = a[name]
    assert(value == nil or type(value) == "string" or
           math.type(value) == "integer", name)
  end
  for _, name in ipairs(methods) do
    assert(type(a[name](a)) == "boolean", name)
  end
  local packed = a:pack()
  assert(#packed >= 2 and #packed <= 128)
  assert(packed:sub(1, 2) == bytes:sub(1, 2), "another family")
  local again = core.unpack(packed)
  assert(again == a and again:pack() == packed and again:key() == a:key())
  assert(core.address(a) == a)
  check_printed(a)
  local plain = a:unmap()
  assert(plain == a or plain.family == "inet" and a:is_v4mapped())
end
