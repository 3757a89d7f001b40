-- Sends echo requests and prints the replies, in the manner of ping(8): by a
-- ping socket where the system allows it, else by a raw one.
--
--   lua ping.lua [-4 | -6] [-c COUNT] [-i SECONDS] [-s BYTES] [-t TTL]
--                [-W SECONDS] HOST
--
--   -c  send so many requests           -s  bytes of data, 56
--   -i  between two requests, 1 s       -t  hops that a request may take
--   -W  to wait for the last reply; without it, twice the longest round trip,
--       or 10 s where there was none
--
-- Exits with 0 where there was a reply, 1 where there was none, 2 where it
-- could not ask.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage(
  "usage: lua ping.lua [-4 | -6] [-c COUNT] [-i SECONDS] [-s BYTES] " ..
  "[-t TTL] [-W SECONDS] HOST")

local kinds = {
  ["4"] = "flag", ["6"] = "flag", c = { 1, 1 << 31, integer = true },
  i = { 0.002, 3600 }, s = { 0, 65507, integer = true },
  t = { 1, 255, integer = true }, W = { 0, 3600 },
}

local options, words = arguments.parse(arg, kinds, usage)
local host = #words == 1 and words[1] or usage()
options.i, options.s = options.i or 1, options.s or 56

-- What differs from one version of IP to the other.
local versions = {
  inet = {
    protocol = "icmp", request = 8, reply = 0, header = 20,
    filter = "ICMP_FILTER", errors = "IP_RECVERR",
    receive_hops = "IP_RECVTTL", hops = "ttl",
    send_hops = { "IP_TTL", "IP_MULTICAST_TTL" },
    reasons = {
      [3] = {
        [0] = "Destination Net Unreachable", "Destination Host Unreachable",
        "Destination Protocol Unreachable", "Destination Port Unreachable",
        "Frag needed and DF set (mtu = %d)", "Source Route Failed",
        "Destination Net Unknown", "Destination Host Unknown",
        "Source Host Isolated", "Destination Net Prohibited",
        "Destination Host Prohibited",
        "Destination Net Unreachable for Type of Service",
        "Destination Host Unreachable for Type of Service", "Packet filtered",
      },
      [11] = { [0] = "Time to live exceeded",
               "Frag reassembly time exceeded" },
    },
  },
  inet6 = {
    protocol = "icmpv6", request = 128, reply = 129, header = 0,
    filter = "ICMP6_FILTER", errors = "IPV6_RECVERR",
    receive_hops = "IPV6_RECVHOPLIMIT", hops = "hoplimit",
    send_hops = { "IPV6_UNICAST_HOPS", "IPV6_MULTICAST_HOPS" },
    reasons = {
      [1] = {
        [0] = "Destination unreachable: No route",
        "Destination unreachable: Administratively prohibited",
        "Destination unreachable: Beyond scope of source address",
        "Destination unreachable: Address unreachable",
        "Destination unreachable: Port unreachable",
      },
      [2] = { [0] = "Packet too big: mtu=%d" },
      [3] = { [0] = "Time exceeded: Hop limit",
              "Time exceeded: Defragmentation failure" },
    },
  },
}

local stop <const> = {} -- what the handler of SIGINT raises

local function open(family, version)
  local ok, s = pcall(sockeye.socket, family, "dgram", version.protocol)
  local raw = not ok
  if raw then
    s = sockeye.socket(family, "raw", version.protocol)
    s:setsockopt(version.filter, { version.reply })
  end
  s:setsockopt(version.errors, true)
  s:setsockopt(version.receive_hops, true)
  for _, name in ipairs(options.t and version.send_hops or {}) do
    s:setsockopt(name, options.t)
  end
  return s, raw
end

-- A time as text: three significant digits, or fewer if it is short.
local function milliseconds(seconds)
  local ms = seconds * 1000
  local digits = ms >= 99.95 and 0 or ms >= 9.95 and 1 or ms >= 0.995 and 2 or 3
  return ("%." .. digits .. "f"):format(ms)
end

local function new_pinger()
  local found = sockeye.resolve(host, nil, {
    type = "dgram", family = arguments.family(options) })
  local address = found[1].address
  local version = versions[address.family]
  local self = {
    address = address, version = version, sent = {}, count = 0, received = 0,
    duplicates = 0, errors = 0, sum = 0, squares = 0, least = math.huge,
    most = 0, id = math.random(0, 0xffff), names = {},
    data = ("\x10\x20\x30\x40"):rep(options.s // 4 + 1):sub(1, options.s),
  }
  self.socket, self.raw = open(address.family, version)
  return self
end

-- "name (address)", or the address alone if the command line has that.
local function name_of(self, address)
  if host == self.address.host then return address.host end
  local key = address.host
  if not self.names[key] then
    local ok, name = sockeye.pcall(sockeye.nameinfo, address, "namereqd")
    self.names[key] = ok and ("%s (%s)"):format(name, key) or key
  end
  return self.names[key]
end

local function print_head(self)
  local where, size = self.address.host, options.s
  if self.address.family == "inet6" then
    print(("PING %s(%s) %d data bytes"):format(host, where, size))
  else
    print(("PING %s (%s) %d(%d) bytes of data."):format(host, where, size,
                                                       size + 28))
  end
end

-- The sequence number in an echo message, if it is one of ours.
local function sequence_of(self, message, type)
  if #message < 8 or message:byte(1) ~= type then return nil end
  local id, sequence = string.unpack(">I2I2", message, 5)
  if self.raw and id ~= self.id then return nil end
  return sequence
end

local function note_reply(self, m, now)
  local message = m.data
  if self.raw and self.version.header > 0 then
    message = message:sub((message:byte(1) & 15) * 4 + 1)
  end
  local sequence = sequence_of(self, message, self.version.reply)
  local sent = sequence and self.sent[sequence]
  if not sent then return end
  local elapsed = now - sent.time
  print(("%d bytes from %s: icmp_seq=%d ttl=%s time=%s ms%s"):format(
    #message, name_of(self, m.from), sequence,
    m.control[self.version.hops] or "?", milliseconds(elapsed),
    sent.answered and " (DUP!)" or ""))
  self.sum, self.squares = self.sum + elapsed, self.squares + elapsed ^ 2
  self.least, self.most = math.min(self.least, elapsed),
                          math.max(self.most, elapsed)
  local kind = sent.answered and "duplicates" or "received"
  self[kind] = self[kind] + 1
  self.last, sent.answered = now, true
end

local function note_error(self, m)
  local e = m.control.recverr
  local sequence = sequence_of(self, m.data, self.version.request)
  if not e or not sequence then return end
  self.errors = self.errors + 1
  self.last = sockeye.now()
  if not e.offender then
    io.stderr:write(("ping: local error: errno %d, mtu=%d\n"):format(e.errno,
                                                                    e.info))
    return
  end
  local reason = (self.version.reasons[e.type] or {})[e.code] or
    ("Bad ICMP type: %d, code %d"):format(e.type, e.code)
  print(("From %s icmp_seq=%d %s"):format(name_of(self, e.offender), sequence,
                                          reason:format(e.info)))
end

-- Prints the errors that routers or this host reported. Returns whether there
-- were any.
local function read_errors(self)
  local some = false
  while true do
    local m = self.socket:recvmsg { iov = 256, control = true,
                                    flags = "errqueue dontwait" }
    if not m then return some end
    some = true
    note_error(self, m)
  end
end

-- Waits for one message, at most until then. Returns false at that time.
local function receive(self, deadline)
  self.socket:settimeout(math.max(0, deadline - sockeye.now()))
  local ok, m = sockeye.pcall(self.socket.recvmsg, self.socket,
                              { iov = options.s + 128, control = true })
  if ok and m then
    note_reply(self, m, sockeye.now())
  elseif not ok and (not sockeye.is_error(m) or
                     not m.timeout and not read_errors(self)) then
    error(m, 0)
  end
  return ok and m or not ok and not m.timeout
end

-- The next call raises an error that the network reported before.
local function send(self)
  local sequence = (self.count + 1) & 0xffff
  local function message(sum)
    return string.pack(">BBI2I2I2", self.version.request, 0, sum, self.id,
                       sequence) .. self.data
  end
  local whole = message(sockeye.checksum(message(0)))
  self.sent[sequence] = { time = sockeye.now() }
  self.sent[sequence - 1000 & 0xffff] = nil
  local function try()
    return sockeye.pcall(self.socket.sendto, self.socket, whole, self.address)
  end
  local ok, err = try()
  if not ok and sockeye.is_error(err) and read_errors(self) then
    self.sent[sequence].time = sockeye.now()
    ok, err = try()
  end
  if not ok then
    if self.count == 0 or not sockeye.is_error(err) then error(err, 0) end
    io.stderr:write("ping: ", tostring(err), "\n")
  end
  self.count = self.count + 1
end

-- How long the last reply may take.
local function patience(self)
  return options.W or self.received > 0 and 2 * self.most or 10
end

local function ask(self)
  local due = sockeye.now()
  self.start, self.last = due, due
  while not options.c or self.count < options.c do
    send(self)
    due = math.max(due + options.i, sockeye.now())
    local goes_on = not options.c or self.count < options.c
    while goes_on and receive(self, due) do end
  end
  local sent = sockeye.now()
  while self.received + self.errors < options.c and
        receive(self, sent + patience(self)) do
  end
end

local function print_statistics(self)
  local lost = self.count - self.received
  local function some(number, what)
    return number > 0 and (" +%d %s,"):format(number, what) or ""
  end
  print(("\n--- %s ping statistics ---"):format(host))
  print(("%d packets transmitted, %d received,%s%s %g%% packet loss, " ..
    "time %dms"):format(self.count, self.received,
    some(self.duplicates, "duplicates"), some(self.errors, "errors"),
    lost * 100 / math.max(self.count, 1),
    ((self.last - self.start) * 1000) // 1 | 0))
  local n = self.received + self.duplicates
  if n == 0 then return print() end
  local average = self.sum / n
  local deviation = math.sqrt(math.max(0, self.squares / n - average ^ 2))
  print(("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms"):format(
    self.least * 1000, average * 1000, self.most * 1000, deviation * 1000))
end

local function main()
  local self = new_pinger()
  local _ <close> = self.socket
  print_head(self)
  sockeye.signal("SIGINT", function() error(stop, 0) end)
  local ok, err = pcall(ask, self)
  sockeye.signal("SIGINT", "default")
  if not ok and err ~= stop then error(err, 0) end
  print_statistics(self)
  return self.received > 0 and 0 or 1
end

io.stdout:setvbuf "line"
program.run(main, "ping: ", 2)
