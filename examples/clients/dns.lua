-- Asks a name server over UDP, and over TCP where the answer does not fit
-- (RFC 1035).
--
--   lua dns.lua 127.0.0.1:53 example.com
--   lua dns.lua [::1]:53 example.com MX

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local dns = require "dns_message"
local program = require "program"

local usage = program.usage "usage: lua dns.lua SERVER:PORT NAME [TYPE]"
local server, name, type = table.unpack(arguments.words(arg, 2, 3, usage))
type = (type or "A"):upper()
if not dns.types[type] then usage() end

local tries <const>, seconds <const> = 3, 2

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
    repeat ok, message = sockeye.pcall(s.recv, s, 65535)
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
  local query = dns.encode {
    id = math.random(0, 65535), flags = 0x0100,
    questions = { { name = name, type = type } },
  }
  local message = ask_udp(address, query)
  if message:byte(3) & 0x02 ~= 0 then message = ask_tcp(address, query) end

  local codes = { "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" }
  local code = message:byte(4) & 0x0f
  if code ~= 0 then
    error(("%s: %s"):format(name, codes[code] or "RCODE " .. code), 0)
  end
  local records = dns.decode(message).answers
  for _, r in ipairs(records) do print(r.name, r.ttl, r.type, r.text) end
  if #records == 0 then error(name .. ": no such record", 0) end
end

program.run(main)
