-- Packet sockets, on the loopback and between two hosts.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local netns = require "spec.support.netns"
local sockets = require "spec.support.sockets"

-- A protocol that no other process is likely to speak now.
local protocol <const> = 0xa000 + sockeye.getpid() % 0x1000
local nobody <const> = "00:00:00:00:00:00"

local function frame(to, text, type)
  return string.pack(">c6 c6 H", to, "\2\2\2\2\2\2", type or protocol) ..
    text .. ("\0"):rep(46 - #text)
end

local loopback <const> = ("\0"):rep(6)

-- Declares a spec that gets a function which makes packet sockets on the
-- loopback.
local function with_packets(name, f)
  it(name, function()
    local made = {}
    local function make(type, of)
      made[#made + 1] = sockeye.socket("packet", type or "raw")
        :settimeout(20)
      return made[#made]:bind(sockeye.packet("lo", of or protocol))
    end
    local ok, err = pcall(f, make)
    sockets.close(table.unpack(made))
    if ok then return end
    if sockeye.is_error(err, "EPERM") and err.call == "socket" then
      return pending("packet sockets need a privilege")
    end
    error(err, 0)
  end)
end

-- The next packet of our protocol; what others send is passed over.
local function receive(s)
  for _ = 1, 10000 do
    local data, from = s:recvfrom(65536)
    if from.protocol == protocol then return data, from end
  end
end

describe("a packet socket", function()
  descriptors.guard()

  with_packets("passes whole frames", function(make)
    local s, r = make(), make()
    local sent = frame(loopback, "whole")
    assert.equal(60, s:send(sent))
    local data, from = r:recvfrom(65536)
    assert.equal(sent, data)
    assert.equal("lo", from.interface)
    assert.equal(sockeye.if_nametoindex("lo"), from.ifindex)
    assert.equal(protocol, from.protocol)
    assert.equal("loopback", from.hatype)
    assert.equal("host", from.pkttype)
    assert.equal("02:02:02:02:02:02", from.address)
    assert.is_true(from:is_loopback())
    assert.equal(from, sockeye.address(tostring(from)))
    assert.equal(from, sockeye.unpack(from:pack()))
  end)

  with_packets("makes and takes off the header: dgram", function(make)
    local s, raw, cooked = make("dgram"), make("raw"), make("dgram")
    s:sendto("cooked", sockeye.packet("lo", protocol, {
      address = "02:00:00:00:00:05" }))
    assert.equal(string.pack(">c6 c6 H", "\2\0\0\0\0\5", loopback, protocol)
                 .. "cooked", (raw:recvfrom(100)))
    local data, from = cooked:recvfrom(100)
    assert.equal("cooked", data)
    assert.equal("otherhost", from.pkttype)
    assert.equal(nobody, from.address)
  end)

  with_packets("takes the address as a string", function(make)
    local s, r = make("dgram"), make("dgram")
    s:sendto("text", ("packet:lo/%d/02:00:00:00:00:05"):format(protocol))
    assert.equal("text", r:recv(9))
  end)

  with_packets("reports for whom a packet is", function(make)
    local s, r = make(), make()
    local cases = {
      { loopback, "host" },
      { "\1\0\x5e\0\0\1", "multicast" }, { "\2\0\0\0\0\1", "otherhost" },
    }
    for _, case in ipairs(cases) do
      s:send(frame(case[1], case[2]))
      local data, from = r:recvfrom(100)
      assert.equal(frame(case[1], case[2]), data)
      assert.equal(case[2], from.pkttype)
    end
  end)

  with_packets("hears what goes out where it hears all", function(make)
    local s, all = make(), make("raw", "all")
    s:send(frame(loopback, "both"))
    local types = {}
    for _ = 1, 2 do
      local _, from = receive(all)
      types[from.pkttype] = true
    end
    assert.same({ outgoing = true, host = true }, types)
  end)

  with_packets("ignores what goes out: PACKET_IGNORE_OUTGOING",
    function(make)
      local s, all = make(), make("raw", "all")
      all:setsockopt("PACKET_IGNORE_OUTGOING", true)
      for _ = 1, 3 do
        s:send(frame(loopback, "in alone"))
        local _, from = receive(all)
        assert.equal("host", from.pkttype)
      end
    end)

  with_packets("hears the protocol alone that it is bound to", function(make)
    local s, r = make(), make()
    local other = protocol ~ 0x1000
    s:send(frame(loopback, "not heard", other))
    s:send(frame(loopback, "heard"))
    assert.equal(frame(loopback, "heard"), r:recv(100))
    r:bind(sockeye.packet("lo", other))
    assert.equal(other, r:getsockname().protocol)
    s:send(frame(loopback, "not heard"))
    s:send(frame(loopback, "heard", other))
    assert.equal(frame(loopback, "heard", other), r:recv(100))
  end)

  with_packets("hears nothing without a protocol", function(make)
    local s, r = make(), make("raw", 0)
    s:send(frame(loopback, "nothing"))
    assert.is_false(sockets.readable(r))
  end)

  with_packets("hears every interface where it is bound to none",
    function(make)
      local s, r = make(), make()
      r:bind(sockeye.packet(nil, protocol))
      assert.is_true(r:getsockname():is_any())
      assert.equal(("packet:*/0x%04x"):format(protocol),
                   tostring(r:getsockname()))
      s:send(frame(loopback, "anywhere"))
      local _, from = r:recvfrom(100)
      assert.equal("lo", from.interface)
    end)

  with_packets("returns the length of what it cut", function(make)
    local s, r = make(), make()
    s:send(frame(loopback, "cut"))
    local data, length = r:recv(20)
    assert.equal(frame(loopback, "cut"):sub(1, 20), data)
    assert.equal(60, length)
  end)

  with_packets("brings lengths and times as control data", function(make)
    local s, r = make(), make()
    r:setsockopt("PACKET_AUXDATA", true):setsockopt("SO_TIMESTAMPNS", true)
    s:send(frame(loopback, "cut"))
    local message = r:recvmsg { iov = 20, control = true }
    assert.is_true(message.flags.trunc)
    assert.equal(60, message.control.auxdata.len)
    assert.equal(60, message.control.auxdata.snaplen)
    assert.is_true(math.abs(message.control.timestampns.seconds - os.time())
                   < 60)
    assert.equal("host", message.from.pkttype)
  end)

  with_packets("waits until a packet comes", function(make)
    local s, r = make(), make()
    local child = fork.child(function() s:send(frame(loopback, "late")) end)
    assert.equal(frame(loopback, "late"), (r:recvfrom(100)))
    fork.reap(child)
    r:settimeout(0.001)
    local err = errors.raised("ETIMEDOUT", "recvfrom", r.recvfrom, r, 100)
    assert.is_true(err.timeout)
    r:settimeout(0)
    assert.is_false((r:recvfrom(100)))
  end)

  with_packets("lets through what its filter does", function(make)
    local s, r = make(), make()
    -- The first octet after the header is "y".
    r:setsockopt("SO_ATTACH_FILTER",
                 "4\n48 0 0 14\n21 0 1 121\n6 0 0 65535\n6 0 0 0\n")
    for _, text in ipairs { "no", "yes", "neither", "yes, too" } do
      s:send(frame(loopback, text))
    end
    assert.equal(frame(loopback, "yes"), r:recv(100))
    assert.equal(frame(loopback, "yes, too"), r:recv(100))
  end)

  with_packets("counts packets and those dropped, since the last reading",
    function(make)
      local s, r = make(), make()
      r:setsockopt("SO_RCVBUF", 1)
      for _ = 1, 50 do s:send(frame(loopback, "many")) end
      local counted = r:getsockopt("PACKET_STATISTICS")
      assert.equal(50, counted.packets)
      assert.is_true(counted.drops > 0 and counted.drops < 50)
      local received = 0
      r:settimeout(0)
      while r:recv(100) do received = received + 1 end
      assert.equal(50 - counted.drops, received)
      assert.same({ packets = 0, drops = 0 },
                  r:getsockopt("PACKET_STATISTICS"))
    end)

  with_packets("passes the queues by: PACKET_QDISC_BYPASS", function(make)
    local s, r = make(), make()
    s:setsockopt("PACKET_QDISC_BYPASS", true)
    s:send(frame(loopback, "fast"))
    assert.equal(frame(loopback, "fast"), r:recv(100))
  end)

  with_packets("is adopted with its protocol", function(make)
    local r = make()
    local a <close> = sockeye.adopt(r:detach()):settimeout(20)
    assert.matches(("^socket%%(packet raw fd %%d+ packet:lo/0x%04x/")
                   :format(protocol), tostring(a))
    make():send(frame(loopback, "adopted"))
    assert.equal(frame(loopback, "adopted"), a:recv(100))
  end)

  with_packets("raises what the kernel refuses", function(make)
    local s, cooked = make(), make("dgram")
    cooked:bind(sockeye.packet(nil, protocol))
    local lo = sockeye.packet("lo", protocol, { address = loopback })
    errors.raised("EINVAL", "send", s.send, s, "short")
    errors.raised("EMSGSIZE", "sendto", s.sendto, s, ("x"):rep(70000), lo)
    errors.raised("ENXIO", "sendto", cooked.sendto, cooked, "x",
                  sockeye.packet(nil, protocol))
    local gone = sockeye.packet(0x7fffffff, protocol)
    local err = errors.raised("ENODEV", "bind", s.bind, s, gone)
    assert.equal(gone, err.address)
    errors.raised("EINVAL", "bind", s.bind, s, "127.0.0.1:0")
    errors.raised("EOPNOTSUPP", "listen", s.listen, s)
    errors.raised("EOPNOTSUPP", "connect", s.connect, s, lo)
  end)
end)

describe("packet sockets in a group", function()
  descriptors.guard()

  local function group(make, count, options)
    local members = {}
    for i = 1, count do
      members[i] = make():setsockopt("PACKET_FANOUT", options)
    end
    return members
  end

  -- How many packets have come to each.
  local function counts(members)
    local list = {}
    for i, s in ipairs(members) do
      list[i] = s:getsockopt("PACKET_STATISTICS").packets
    end
    return list
  end

  local number = sockeye.getpid() & 0xffff

  with_packets("take turns: PACKET_FANOUT by lb", function(make)
    local members = group(make, 2, { id = number, type = "lb" })
    local s = make()
    for i = 1, 10 do s:send(frame(loopback, tostring(i))) end
    assert.same({ 5, 5 }, counts(members))
  end)

  with_packets("share flows: PACKET_FANOUT by hash", function(make)
    local members = group(make, 2, { id = number, type = "hash" })
    local s = make()
    for i = 1, 10 do s:send(frame(loopback, tostring(i))) end
    local list = counts(members)
    table.sort(list)
    assert.same({ 0, 10 }, list)
  end)

  with_packets("are chosen by a filter: PACKET_FANOUT_DATA", function(make)
    local members = group(make, 3, { id = number, type = "cbpf" })
    -- The first octet after the header.
    members[1]:setsockopt("PACKET_FANOUT_DATA", {
      { 0x30, 0, 0, 0 }, { 0x16, 0, 0, 0 } })
    local s = make("dgram")
    local to = sockeye.packet("lo", protocol, { address = loopback })
    for _, text in ipairs { "\0", "\1", "\1", "\2", "\2", "\2" } do
      s:sendto(text, to)
    end
    assert.same({ 1, 2, 3 }, counts(members))
  end)

  with_packets("are of one kind", function(make)
    group(make, 1, { id = number, type = "lb" })
    local s = make()
    errors.raised("EINVAL", "setsockopt", s.setsockopt, s, "PACKET_FANOUT",
                  { id = number, type = "hash" })
  end)
end)

describe("a packet socket between hosts", function()
  descriptors.guard()

  -- A script on one host that does `body` with a socket bound to its
  -- interface, and the host's record.
  local function script(host, type, of, body)
    return ([[
      local sockeye = require "sockeye"
      local s = sockeye.socket("packet", %q):settimeout(20)
      s:bind(sockeye.packet(%q, %q))
      local interface, address = %q, %q
      %s
    ]]):format(type, host.interface, of, host.interface, host.address, body)
  end

  it("sends an ARP request, and receives the answer #namespace", function()
    netns.with_namespaces(function(ns)
      local result = ns.a:lua(script(ns.a, "dgram", "arp", ([[
        local own = s:getsockname().address
        local octets = own:gsub("(%%x%%x):?", function(pair)
          return string.char(tonumber(pair, 16))
        end)
        local function number(host)
          return sockeye.inet(host):pack():sub(5, 8)
        end
        s:sendto(string.pack(">HHBBH c6 c4 c6 c4", 1, 0x0800, 6, 4, 1, octets,
                             number(address), "", number(%q)),
                 sockeye.packet(interface, "arp",
                                { address = "ff:ff:ff:ff:ff:ff" }))
        local data, from = s:recvfrom(100)
        print(string.unpack(">H", data, 7), from.pkttype, from.protocol,
              from.hatype, from.interface, from.address)
      ]]):format(ns.b.address)))
      local hardware = ns.b:must(("cat /sys/class/net/%s/address"):format(
        ns.b.interface))
      assert.equal("", result.stderr)
      assert.equal(("2\thost\tarp\tether\twire1\t%s"):format(hardware),
                   result.stdout)
    end)
  end)

  it("receives a broadcast #namespace", function()
    netns.with_namespaces(function(ns)
      local hearing = ns.b:start_lua(script(ns.b, "dgram", "802_ex1", [[
        io.stdout:setvbuf "no"
        print "ready"
        local data, from = s:recvfrom(9)
        print(data:sub(1, 5), from.pkttype)
      ]]))
      hearing:line "ready"
      local sent = ns.a:lua(script(ns.a, "dgram", "802_ex1", [[
        s:sendto("hello", sockeye.packet(interface, "802_ex1", {
          address = "ff:ff:ff:ff:ff:ff" }))
      ]]))
      assert.equal("", sent.stderr)
      assert.equal("hello\tbroadcast", hearing:line())
    end)
  end)

  it("makes the interface promiscuous as long as it is open #namespace",
     function()
    netns.with_namespaces(function(ns)
      local show = ("ip -d link show %s"):format(ns.a.interface)
      local body = [[
        for _, kind in ipairs { "promisc", "allmulti" } do
          s:setsockopt("PACKET_ADD_MEMBERSHIP",
                       { type = kind, interface = interface })
        end
        s:setsockopt("PACKET_ADD_MEMBERSHIP",
                     { type = "multicast", interface = interface,
                       address = "01:02:03:04:05:06" })
        print "ready"
        sockeye.sleep(30)
      ]]
      assert.matches("promiscuity 0", ns.a:must(show))
      local running = ns.a:start_lua(script(ns.a, "raw", "arp",
        "io.stdout:setvbuf 'no'\n" .. body))
      running:line "ready"
      assert.matches("promiscuity 1", ns.a:must(show))
      assert.matches("allmulti 1", ns.a:must(show))
      assert.matches("01:02:03:04:05:06", ns.a:must "ip maddr show dev wire1")
      running:stop()
      assert.is_truthy(examples.eventually(function()
        return ns.a:must(show):find "promiscuity 0"
      end))
    end)
  end)

  it("raises an error when the interface is down, or gone #namespace",
     function()
    netns.with_namespaces(function(ns)
      local result = ns.a:lua(script(ns.a, "raw", "all", [[
        assert(os.execute "ip link set wire1 down")
        local _, err = pcall(function() while true do s:recv(65536) end end)
        print(err.code, err.call)
        _, err = pcall(s.send, s, ("x"):rep(60))
        print(err.code, err.call)
        assert(os.execute "ip link del wire1")
        print(s:getsockname().ifindex)
      ]]))
      assert.equal("", result.stderr)
      assert.equal("ENETDOWN\trecv\nENETDOWN\tsend\n-1\n",
                   result.stdout)
    end)
  end)
end)
