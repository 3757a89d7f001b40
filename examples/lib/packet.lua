-- Describes a packet in a line, as tcpdump does; for sniffer.lua.

local sockeye = require "sockeye"

local M = {}

-- ---- addresses as text ----

local function ether(bytes)
  return sockeye.packet(nil, 0, { address = bytes }).address
end

local function inet(bytes)
  return ("%d.%d.%d.%d"):format(bytes:byte(1, 4))
end

local function inet6(bytes)
  return sockeye.unpack(string.pack("=HHI4c16I4", sockeye.AF_INET6, 0, 0,
                                    bytes, 0)).host
end

-- ---- TCP and UDP ----

local flag_letters <const> = { "F", "S", "R", "P", ".", "U", "E", "W" }

local function tcp_flags(bits)
  local letters = {}
  for i, letter in ipairs(flag_letters) do
    if bits & 1 << (i - 1) ~= 0 then letters[#letters + 1] = letter end
  end
  return #letters > 0 and table.concat(letters) or "none"
end

local function sack_blocks(body)
  local blocks = {}
  for at = 1, #body - 7, 8 do
    blocks[#blocks + 1] = ("{%d:%d}"):format(string.unpack(">I4I4", body, at))
  end
  return ("sack %d %s"):format(#blocks, table.concat(blocks))
end

local tcp_options <const> = {
  [0] = function() return "eol" end,
  [1] = function() return "nop" end,
  [2] = function(body) return "mss " .. string.unpack(">I2", body) end,
  [3] = function(body) return "wscale " .. body:byte() end,
  [4] = function() return "sackOK" end,
  [5] = sack_blocks,
  [8] = function(body)
    return ("TS val %d ecr %d"):format(string.unpack(">I4I4", body))
  end,
}

-- The first two have no length.
local function options_of_tcp(text)
  local list, at, kind = {}, 1, nil
  while at <= #text and kind ~= 0 do
    kind = text:byte(at)
    local length = kind < 2 and 1 or math.max(2, text:byte(at + 1) or 2)
    local say = tcp_options[kind]
    local body = text:sub(at + 2, at + length - 1)
    list[#list + 1] = say and say(body) or "unknown-" .. kind
    at = at + length
  end
  return ", options [" .. table.concat(list, ",") .. "]"
end

-- The ports, and the text; `whole` is the length that IP has.
local function tcp(data, whole)
  local from, to, seq, ack, offset, bits, window, urgent =
    string.unpack(">I2I2I4I4BBI2xxI2", data)
  local header = (offset >> 4) * 4
  local length = whole - header
  local parts = { ("Flags [%s]"):format(tcp_flags(bits)) }
  if length > 0 then
    parts[2] = (", seq %d:%d"):format(seq, seq + length & 0xffffffff)
  elseif bits & 7 ~= 0 then
    parts[2] = ", seq " .. seq
  end
  if bits & 0x10 ~= 0 then parts[#parts + 1] = ", ack " .. ack end
  parts[#parts + 1] = ", win " .. window
  if bits & 0x20 ~= 0 then parts[#parts + 1] = ", urg " .. urgent end
  if header > 20 then
    parts[#parts + 1] = options_of_tcp(data:sub(21, header))
  end
  parts[#parts + 1] = ", length " .. length
  return table.concat(parts), from, to
end

local function udp(data)
  local from, to, length = string.unpack(">I2I2I2", data)
  return "UDP, length " .. length - 8, from, to
end

-- ---- ICMP and ICMPv6 ----

local function echo(name)
  return function(data)
    return ("%s, id %d, seq %d"):format(name, string.unpack(">I2I2", data, 5))
  end
end

local transports <const> = { [6] = "tcp", [17] = "udp" }

-- Names what is unreachable, from the packet that an ICMP message quotes.
local function unreachable(data)
  local code = data:byte(2)
  local protocol, to = data:byte(18), inet(data:sub(25, 28))
  if code == 3 then
    local port = string.unpack(">I2", data, 11 + (data:byte(9) & 15) * 4)
    return ("%s %s port %d unreachable"):format(
      to, transports[protocol] or "protocol " .. protocol, port)
  elseif code == 2 then
    return ("%s protocol %d unreachable"):format(to, protocol)
  elseif code == 4 then
    return ("%s unreachable - need to frag (mtu %d)"):format(
      to, string.unpack(">I2", data, 7))
  elseif code == 0 then
    return ("net %s unreachable"):format(to)
  end
  return ("host %s unreachable"):format(to) ..
    (code == 13 and " - admin prohibited filter" or "")
end

local icmp_types <const> = {
  [0] = echo "echo reply",
  [3] = unreachable,
  [8] = echo "echo request",
  [11] = function(data)
    return data:byte(2) == 0 and "time exceeded in-transit" or
      "ip reassembly time exceeded"
  end,
}

local function icmp_by(name, types)
  return function(data, whole)
    local kind = data:byte()
    local say = types[kind]
    return ("%s %s, length %d"):format(
      name, say and say(data) or "type-#" .. kind, whole)
  end
end

local unreachable6 <const> = {
  [0] = "unreachable route", "unreachable prohibited", "beyond scope",
  "unreachable address",
}

local icmp6_types <const> = {
  [1] = function(data)
    local code, protocol, to = data:byte(2), data:byte(15),
      inet6(data:sub(33, 48))
    if code == 4 and transports[protocol] then
      return ("destination unreachable, unreachable port, %s %s port %d")
        :format(to, transports[protocol], string.unpack(">I2", data, 51))
    end
    return ("destination unreachable, %s %s"):format(
      unreachable6[code] or "code-#" .. code, to)
  end,
  [2] = function(data)
    return "packet too big, mtu " .. string.unpack(">I4", data, 5)
  end,
  [3] = function(data)
    return "time exceeded in-transit for " .. inet6(data:sub(33, 48))
  end,
  [128] = echo "echo request",
  [129] = echo "echo reply",
  [133] = function() return "router solicitation" end,
  [134] = function() return "router advertisement" end,
  [135] = function(data)
    return "neighbor solicitation, who has " .. inet6(data:sub(9, 24))
  end,
  [136] = function(data)
    return "neighbor advertisement, tgt is " .. inet6(data:sub(9, 24))
  end,
  [143] = function(data)
    return ("multicast listener report v2, %d group record(s)"):format(
      (string.unpack(">I2", data, 7)))
  end,
}

-- ---- the network layer ----

local payloads <const> = {
  [1] = icmp_by("ICMP", icmp_types), [6] = tcp, [17] = udp,
  [58] = icmp_by("ICMP6,", icmp6_types),
}

local function say_payload(protocol, data, whole, from, to)
  local say = payloads[protocol] or function()
    return ("ip-proto-%d %d"):format(protocol, whole)
  end
  local text, from_port, to_port = say(data, whole)
  if not from_port then return ("%s > %s: %s"):format(from, to, text) end
  return ("%s.%d > %s.%d: %s"):format(from, from_port, to, to_port, text)
end

local function ip(data)
  local first, total, fragment, protocol, from, to =
    string.unpack(">BxI2xxI2xBxxc4c4", data)
  local header = (first & 15) * 4
  from, to = inet(from), inet(to)
  if total == 0 then total = #data end
  if fragment & 0x1fff ~= 0 then
    return ("IP %s > %s: %s"):format(
      from, to, transports[protocol] or "ip-proto-" .. protocol)
  end
  return "IP " .. say_payload(protocol, data:sub(header + 1, total),
                              total - header, from, to)
end

local extensions <const> = { [0] = "HBH ", [43] = "srcrt ", [60] = "DSTOPT " }

local function ipv6(data)
  local length, protocol, from, to = string.unpack(">xxxxI2Bxc16c16", data)
  if length == 0 then length = #data - 40 end
  local at, last, named = 41, 40 + length, ""
  while extensions[protocol] do
    named = named .. extensions[protocol]
    local size
    protocol, size = string.unpack("BB", data, at)
    at = at + (size + 1) * 8
  end
  from, to = inet6(from), inet6(to)
  if protocol == 44 then
    return ("IP6 %s > %s: %sfrag"):format(from, to, named)
  end
  local line = say_payload(protocol, data:sub(at, last), last - at + 1, from,
                           to)
  return "IP6 " .. (named == "" and line or line:gsub(": ", ": " .. named, 1))
end

local function arp(data)
  local operation = string.unpack(">I2", data, 7)
  local sender, from, target, to = string.unpack("c6c4c6c4", data, 9)
  from, to = inet(from), inet(to)
  local text = ("Operation %d"):format(operation)
  if operation == 1 then
    local known = target:find "[^\0]" and (" (%s)"):format(ether(target)) or ""
    text = ("Request who-has %s%s tell %s"):format(to, known, from)
  elseif operation == 2 then
    text = ("Reply %s is-at %s"):format(from, ether(sender))
  end
  return ("ARP, %s, length %d"):format(text, #data)
end

local layers <const> = { [0x0800] = ip, [0x0806] = arp, [0x86dd] = ipv6 }

-- ---- the link layer ----

local function say_other(type, data)
  return ("ethertype 0x%04x, length %d"):format(type, #data)
end

-- Tags of virtual networks stand between the addresses and the type.
local function ethernet(data)
  local to, from, type, at = string.unpack(">c6c6I2", data)
  while type == 0x8100 or type == 0x88a8 do
    type, at = string.unpack(">I2", data, at + 2)
  end
  local say = layers[type]
  if say then return say(data:sub(at)) end
  return ("%s > %s, %s"):format(ether(from), ether(to),
                                say_other(type, data))
end

local directions <const> = {
  host = "In", broadcast = "B", multicast = "M", otherhost = "P",
  outgoing = "Out",
}

-- A packet without its link header. The sender's address has what that says.
local function cooked(data, from)
  local type = string.unpack(">H", from:pack(), 3)
  local say = layers[type]
  return ("%-5s %-3s %s"):format(
    from.interface or from.ifindex, directions[from.pkttype] or "?",
    say and say(data) or from.address .. ", " .. say_other(type, data))
end

--- Returns the packet's line, without its time; nil if it is malformed. With
-- `from`, its sender, it has no link header; else it is a frame of Ethernet.
function M.line(data, from)
  local ok, text = pcall(from and cooked or ethernet, data, from)
  return ok and text or nil
end

return M
