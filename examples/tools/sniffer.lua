-- Prints a line for each packet, as tcpdump -nS does; writes them to a file
-- that tcpdump and Wireshark read. It needs root, or CAP_NET_RAW.
--
--   lua sniffer.lua                           all interfaces, until Ctrl-C
--   lua sniffer.lua -i eth0 -c 10             ten packets of one
--   lua sniffer.lua -i eth0 -w file.pcap -p   promiscuous; to a file as well
--   tcpdump -ddd -y EN10MB 'tcp port 80' >filter
--   lua sniffer.lua -i eth0 -f filter         what the filter lets through

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local decoder = require "packet"
local program = require "program"
local until_signal = require "until_signal"

local snapshot <const> = 262144
local linktypes <const> = { ethernet = 1, cooked = 113 } -- LINKTYPE_ of pcap

local function say_line(packet)
  local text = decoder.line(packet.data, packet.is_cooked and packet.from)
  return ("%s.%06d %s"):format(
    os.date("%H:%M:%S", packet.seconds), packet.nanoseconds // 1000,
    text or ("[malformed] length %d"):format(packet.length))
end

-- ---- the file: pcap, with nanoseconds ----

local function start_file(path, link)
  local file = assert(io.open(path, "wb"))
  file:write(string.pack("=I4I2I2i4I4I4I4", 0xa1b23c4d, 2, 4, 0, 0, snapshot,
                         linktypes[link]))
  return file
end

local codes <const> = {
  host = 0, broadcast = 1, multicast = 2, otherhost = 3, outgoing = 4,
}

-- The header that stands for the link's in LINKTYPE_LINUX_SLL.
local function cooked_header(from)
  local protocol, hatype, length, octets =
    string.unpack("c2xxxx=HxBc8", from:pack(), 3)
  return string.pack(">HHHc8c2", codes[from.pkttype] or 0, hatype, length,
                     octets, protocol)
end

local function write_packet(file, packet)
  local header = packet.is_cooked and cooked_header(packet.from) or ""
  file:write(string.pack("=I4I4I4I4", packet.seconds, packet.nanoseconds,
                         #header + #packet.data, #header + packet.length),
             header, packet.data)
end

-- ---- capturing ----

-- The kernel takes the tag of a virtual network out of the frame.
local vlan_valid <const>, vlan_tpid_valid <const> = 1 << 4, 1 << 6

local function with_tag(message, is_cooked)
  local aux = message.control.auxdata
  if is_cooked or not aux or aux.status & vlan_valid == 0 then
    return message.data, 0
  end
  local type = aux.status & vlan_tpid_valid ~= 0 and aux.vlan_tpid or 0x8100
  return message.data:sub(1, 12) .. string.pack(">HH", type, aux.vlan_tci) ..
    message.data:sub(13), 4
end

local function next_packet(s, is_cooked)
  local message = s:recvmsg { iov = snapshot, control = true }
  local time = message.control.timestampns
  local data, more = with_tag(message, is_cooked)
  return {
    data = data, length = (message.length or #message.data) + more,
    from = message.from, is_cooked = is_cooked,
    seconds = time.seconds, nanoseconds = time.nanoseconds,
  }
end

-- Whether the frames of an interface have no Ethernet header, as far as known.
local function needs_cooking(interface)
  if interface == "any" then return true end
  local s <close> = sockeye.socket("packet", "raw")
  local hatype = s:bind(sockeye.packet(interface)):getsockname().hatype
  return hatype ~= "ether" and hatype ~= "loopback"
end

-- Nothing is received before the socket is bound, and so nothing past the
-- filter.
local function open(options)
  local is_cooked = needs_cooking(options.interface)
  local s = sockeye.socket("packet", is_cooked and "dgram" or "raw")
  local interface = options.interface ~= "any" and options.interface or nil
  s:setsockopt("SO_TIMESTAMPNS", true):setsockopt("PACKET_AUXDATA", true)
  if options.filter then
    local file <close> = assert(io.open(options.filter))
    s:setsockopt("SO_ATTACH_FILTER", file:read("a"))
  end
  if options.promiscuous then
    s:setsockopt("PACKET_ADD_MEMBERSHIP",
                 { type = "promisc", interface = interface })
  end
  return s:bind(sockeye.packet(interface, "all")), is_cooked
end

local usage = program.usage(
  "usage: lua sniffer.lua [-i INTERFACE] [-c COUNT] [-w FILE.pcap] " ..
  "[-f FILTER] [-p]")

local function parse(list)
  local given, words = arguments.parse(list, {
    i = "text", c = { 1, math.maxinteger, integer = true }, w = "text",
    f = "text", p = "flag",
  }, usage)
  if words[1] then usage() end
  local interface = given.i or "any"
  if interface == "any" and (given.f or given.p) then
    usage "-f and -p are of one interface: -i"
  end
  return {
    interface = interface, count = given.c or math.maxinteger,
    output = given.w, filter = given.f, promiscuous = given.p,
  }
end

local function main(options)
  local s <close>, is_cooked = open(options)
  local file <close> = options.output and
    start_file(options.output, is_cooked and "cooked" or "ethernet") or nil
  local captured = 0
  until_signal(function()
    while captured < options.count do
      local packet = next_packet(s, is_cooked)
      captured = captured + 1
      if file then write_packet(file, packet) end
      print(say_line(packet))
    end
  end)
  local counted = s:getsockopt("PACKET_STATISTICS")
  io.stderr:write(("%d packets captured\n%d packets received by filter\n" ..
    "%d packets dropped by kernel\n"):format(captured, counted.packets,
                                             counted.drops))
end

local options <const> = parse(arg)
io.stdout:setvbuf "line"
program.run(function() sockeye.run(main, options) end)
