-- Asks a name server over UDP, and over TCP where the answer does not fit
-- (RFC 1035).
--
--   lua dns.lua 127.0.0.1:53 example.com
--   lua dns.lua [::1]:53 example.com MX

local sockeye = require "sockeye"

local types = {
  A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28,
  SRV = 33,
}
local type_names = {}
for name, number in pairs(types) do type_names[number] = name end

local server, name, type_name = table.unpack(arg, 1, 3)
local qtype = types[(type_name or "A"):upper()]
if not name or not qtype then
  io.stderr:write("usage: lua dns.lua SERVER:PORT NAME [TYPE]\n")
  os.exit(2)
end

local tries <const>, seconds <const> = 3, 2

local function encode_name(text)
  local labels = {}
  for label in text:gmatch("[^.]+") do
    if #label > 63 then error("a label of more than 63 bytes: " .. label, 0) end
    labels[#labels + 1] = string.pack("s1", label)
  end
  return table.concat(labels) .. "\0"
end

-- The name at `at` and where it ends. A pointer leads back in the message, so
-- that following them comes to an end.
local function decode_name(message, at)
  local labels, finish, limit = {}, nil, at
  while true do
    local length = message:byte(at) or error("name cut short", 0)
    if length == 0 then
      return table.concat(labels, "."), finish or at + 1
    elseif length < 0x40 then
      labels[#labels + 1], at = string.unpack("s1", message, at)
    else
      finish = finish or at + 2
      at = (string.unpack(">I2", message, at) & 0x3fff) + 1
      if at >= limit then error("name points forward", 0) end
      limit = at
    end
  end
end

-- How the data of a record reads: of size bytes, at a place of the message.
local readers = {
  A = function(message, at)
    return ("%d.%d.%d.%d"):format(message:byte(at, at + 3))
  end,
  AAAA = function(message, at)
    local groups = { string.unpack(">I2I2I2I2I2I2I2I2", message, at) }
    local text = ("%x:%x:%x:%x:%x:%x:%x:%x"):format(table.unpack(groups, 1, 8))
    return sockeye.inet6(text).host
  end,
  NS = decode_name, CNAME = decode_name, PTR = decode_name,
  MX = function(message, at)
    return ("%d %s"):format(string.unpack(">I2", message, at),
                            (decode_name(message, at + 2)))
  end,
  TXT = function(message, at, size)
    local texts, finish = {}, at + size
    while at < finish do
      local text
      text, at = string.unpack("s1", message, at)
      texts[#texts + 1] = ("%q"):format(text)
    end
    return table.concat(texts, " ")
  end,
  SOA = function(message, at)
    local primary, mail
    primary, at = decode_name(message, at)
    mail, at = decode_name(message, at)
    return ("%s %s %d %d %d %d %d"):format(primary, mail,
      string.unpack(">I4I4I4I4I4", message, at))
  end,
  SRV = function(message, at)
    local priority, weight, port = string.unpack(">I2I2I2", message, at)
    return ("%d %d %d %s"):format(priority, weight, port,
                                  (decode_name(message, at + 6)))
  end,
}

local function print_record(message, at)
  local owner, rtype, ttl, size, text
  owner, at = decode_name(message, at)
  rtype, ttl, size, at = string.unpack(">I2xxI4I2", message, at)
  local reader = readers[type_names[rtype]]
  text = reader and reader(message, at, size) or ("(%d bytes)"):format(size)
  print(owner, ttl, type_names[rtype] or "TYPE" .. rtype, text)
  return at + size
end

-- Whether the message is the answer to the query.
local function answers(message, query)
  local question = query:sub(13)
  return #message >= 12 and message:sub(1, 2) == query:sub(1, 2) and
    message:byte(3) & 0x80 ~= 0 and
    message:sub(13, 12 + #question):lower() == question:lower()
end

local function ask_udp(address, query)
  local s <close> = sockeye.socket(address.family, "dgram")
  s:connect(address):settimeout(seconds)
  for try = 1, tries do
    s:send(query)
    local ok, message
    repeat ok, message = pcall(s.recv, s, 65535)
    until not ok or answers(message, query)
    if ok then return message end
    if not message.timeout or try == tries then error(message, 0) end
  end
end

local function ask_tcp(address, query)
  local s <close> = sockeye.socket(address.family, "stream")
  s:settimeout(seconds):connect(address)
  s:sendall(string.pack(">s2", query))
  local size = string.unpack(">I2", s:recv(2, "waitall") or "\0\0")
  local message = s:recv(size, "waitall") or ""
  if not answers(message, query) then error("no answer over TCP", 0) end
  return message
end

local function main()
  local address = sockeye.address(server)
  local query = string.pack(">I2I2I2I2I2I2", math.random(0, 65535), 0x0100,
                            1, 0, 0, 0) ..
    encode_name(name) .. string.pack(">I2I2", qtype, 1)
  local message = ask_udp(address, query)
  if message:byte(3) & 0x02 ~= 0 then message = ask_tcp(address, query) end

  local codes = { "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" }
  local code = message:byte(4) & 0x0f
  if code ~= 0 then
    error(("%s: %s"):format(name, codes[code] or "RCODE " .. code), 0)
  end
  local count = string.unpack(">I2", message, 7)
  local at = #query + 1
  for _ = 1, count do at = print_record(message, at) end
  if count == 0 then error(name .. ": no such record", 0) end
end

local ok, err = pcall(main)
if not ok then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
