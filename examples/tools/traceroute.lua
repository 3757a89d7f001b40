-- The routers on the way to a host, in the manner of traceroute(8): UDP probes
-- that may go one hop, two hops, … and the error queue's reports of who dropped
-- them. No privilege is needed.
--
--   lua traceroute.lua [-4 | -6] [-n] [-m HOPS] [-q PROBES] [-w SECONDS] HOST
--
--   -n  no names        -m  hops at most, 30
--   -q  probes for each hop, 3
--   -w  to wait for the answers to them, 5 s
--
-- Exits with 0 where the host was reached.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage(
  "usage: lua traceroute.lua [-4 | -6] [-n] [-m HOPS] [-q PROBES] " ..
  "[-w SECONDS] HOST")

local kinds = {
  ["4"] = "flag", ["6"] = "flag", n = "flag",
  m = { 1, 255, integer = true }, q = { 1, 100, integer = true },
  w = { 0, 3600 },
}

local options, words = arguments.parse(arg, kinds, usage)
local host = #words == 1 and words[1] or usage()
options.m, options.q = options.m or 30, options.q or 3
options.w = options.w or 5

-- What differs from one version of IP to the other: `reached` is the code of
-- what says that nobody listens there, and the marks are of other codes.
local versions = {
  inet = {
    errors = "IP_RECVERR", hops = "ttl", header = 28, make = sockeye.inet,
    unreachable = 3, reached = 3,
    marks = { [0] = " !N", " !H", " !P", [4] = " !F-%d", [5] = " !S",
              [9] = " !X", [10] = " !X", [13] = " !X" },
  },
  inet6 = {
    errors = "IPV6_RECVERR", hops = "hoplimit", header = 48,
    make = sockeye.inet6, unreachable = 1, reached = 4,
    marks = { [0] = " !N", " !X", " !S", " !H" },
  },
}

local first_port <const>, size <const> = 33434, 32

local function resolve()
  return sockeye.resolve(host, nil, {
    type = "dgram", family = arguments.family(options) })[1].address
end

local function new_trace()
  local address = resolve()
  local version = versions[address.family]
  local s = sockeye.socket(address.family, "dgram")
  s:setsockopt(version.errors, true)
  return { address = address, version = version, socket = s, probes = {},
           names = {} }
end

-- "name (address)", or the address alone.
local function name_of(trace, address)
  if options.n then return address.host end
  local name = trace.names[address.host]
  if not name then
    local ok, found = sockeye.pcall(sockeye.nameinfo, address, "namereqd")
    name = ("%s (%s)"):format(ok and found or address.host, address.host)
    trace.names[address.host] = name
  end
  return name
end

-- Each probe goes to a port of its own, by which its answer is known.
local function note(trace, m)
  local probe = m.from and trace.probes[m.from.port]
  local e = m.control and m.control.recverr
  if not probe or probe.from then return end
  probe.from = e and e.offender or trace.address
  probe.elapsed = sockeye.now() - probe.sent
  local version = trace.version
  local is_final = not e or e.type == version.unreachable
  probe.reached = is_final and (not e or e.code == version.reached)
  probe.is_final = is_final
  if is_final and not probe.reached then
    probe.mark = (version.marks[e.code] or " !<%d>"):format(
      version.marks[e.code] and e.info or e.code)
  end
end

-- Reads all reports on probes. Returns whether there were any.
local function read_answers(trace)
  local some = false
  for _, flags in ipairs { "errqueue dontwait", "dontwait" } do
    repeat
      local ok, m = sockeye.pcall(trace.socket.recvmsg, trace.socket, {
        iov = 512, control = true, flags = flags,
      })
      if ok and m then note(trace, m) end
      some = some or ok and m
    until not ok or not m
  end
  return some
end

-- An error that a probe before has met is raised by the next call.
local function send(trace, hop, port)
  local scope = trace.address.family == "inet6" and
    { scope = trace.address.scope_id } or nil
  local probe = { sent = sockeye.now() }
  trace.probes[port] = probe
  repeat
    local ok, err = sockeye.pcall(trace.socket.sendmsg, trace.socket, {
      iov = ("@"):rep(size), control = { [trace.version.hops] = hop },
      name = trace.version.make(trace.address.host, port, scope),
    })
    if not ok and not read_answers(trace) then error(err, 0) end
  until ok
  return probe
end

local function is_answered(probes)
  for _, probe in ipairs(probes) do
    if not probe.from then return false end
  end
  return true
end

local function wait_for(trace, probes)
  local deadline = sockeye.now() + options.w
  while not is_answered(probes) do
    local left = deadline - sockeye.now()
    if left <= 0 then break end
    sockeye.poll({ [trace.socket] = "r" }, left)
    read_answers(trace)
  end
end

-- Whether the way goes on behind it, and whether its end is the host.
local function try_hop(trace, hop)
  local probes = {}
  for i = 1, options.q do
    local number = (hop - 1) * options.q + i - 1
    probes[i] = send(trace, hop, first_port + number % 30000)
  end
  wait_for(trace, probes)
  local is_final, is_reached, before = false, false, nil
  io.write(("%2d "):format(hop))
  for _, probe in ipairs(probes) do
    if not probe.from then
      io.write " *"
    else
      if probe.from.host ~= before then
        io.write(" ", name_of(trace, probe.from))
      end
      io.write(("  %.3f ms%s"):format(probe.elapsed * 1000, probe.mark or ""))
      before = probe.from.host
      is_final = is_final or probe.is_final
      is_reached = is_reached or probe.reached
    end
  end
  io.write "\n"
  return is_final, is_reached
end

local function main()
  local trace = new_trace()
  local _ <close> = trace.socket
  io.stdout:setvbuf "line"
  print(("traceroute to %s (%s), %d hops max, %d byte packets"):format(
    host, trace.address.host, options.m, size + trace.version.header))
  for hop = 1, options.m do
    local is_final, is_reached = try_hop(trace, hop)
    if is_final then return is_reached and 0 or 1 end
  end
  return 1
end

program.run(main, "traceroute: ", 2)
