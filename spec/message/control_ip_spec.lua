local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local messages = require "spec.support.messages"
local netns = require "spec.support.netns"
local sockets = require "spec.support.sockets"

-- A socket of every address, with these options on; and its port.
local function open_to_all(family, ...)
  local any = family == "inet" and sockeye.inet() or sockeye.inet6()
  local s = sockets.bound(any, "dgram")
  for _, option in ipairs { ... } do s:setsockopt(option, true) end
  return s, s:getsockname().port
end

local function received(s)
  return s:recvmsg { iov = 2000, control = true }
end

describe("pktinfo", function()
  descriptors.guard()

  local lo = sockeye.if_nametoindex "lo"

  it("has the interface and address an IPv4 datagram reached", function()
    local b, port = open_to_all("inet", "IP_PKTINFO")
    local a = sockets.bound("127.0.0.1:0", "dgram")
    for _, host in ipairs { "127.0.0.1", "127.0.0.9" } do
      a:sendto("x", sockeye.inet(host, port))
      assert.same({ ifindex = lo, interface = "lo", address = host,
                    destination = host }, received(b).control.pktinfo)
    end
    sockets.close(a, b)
  end)

  it("has the interface and address an IPv6 datagram reached", function()
    local b, port = open_to_all("inet6", "IPV6_RECVPKTINFO")
    local a = sockets.bound("[::1]:0", "dgram")
    a:sendto("x", sockeye.inet6("::1", port))
    assert.same({ ifindex = lo, interface = "lo", address = "::1",
                  destination = "::1" }, received(b).control.pktinfo)
    sockets.close(a, b)
  end)

  it("chooses the source address of a datagram", function()
    local a = open_to_all "inet"
    local b = sockets.bound("127.0.0.1:0", "dgram")
    for _, address in ipairs { "127.0.0.5", sockeye.inet "127.0.0.5",
                               sockeye.inet("127.0.0.5", 99) } do
      a:sendmsg { iov = "x", name = b:getsockname(),
                  control = { pktinfo = { address = address } } }
      assert.equal("127.0.0.5", received(b).from.host)
    end
    a:sendto("x", b:getsockname())
    assert.equal("127.0.0.1", received(b).from.host)
    local ok, err = pcall(a.sendmsg, a, {
      iov = "x", name = b:getsockname(),
      control = { pktinfo = { address = "192.0.2.1" } },
    })
    assert.is_false(ok)
    assert.is_true(err.code == "EINVAL" or err.code == "ENETUNREACH")
    sockets.close(a, b)
  end)

  it("chooses the interface, by name and index", function()
    for _, family in ipairs { "inet", "inet6" } do
      local a, b = messages.udp(family)
      for _, info in ipairs { { interface = "lo" }, { ifindex = lo },
                              { ifindex = 0, interface = "lo" }, {} } do
        a:sendmsg { iov = "x", name = b:getsockname(),
                    control = { pktinfo = info } }
        assert.equal("x", b:recv(9))
      end
      local ok, err = pcall(a.sendmsg, a, {
        iov = "x", name = b:getsockname(),
        control = { pktinfo = { ifindex = 0x7ffffff0 } },
      })
      if not ok then assert.is_true(err.code == "ENODEV") end
      sockets.close(a, b)
    end
  end)

  -- What a server with one socket for all addresses does.
  it("sends an answer from the address the question reached", function()
    local b, port = open_to_all("inet", "IP_PKTINFO")
    local a = sockets.bound("127.0.0.1:0", "dgram")
    a:sendto("question", sockeye.inet("127.0.0.7", port))
    local m = received(b)
    b:sendmsg { iov = "answer", name = m.from, control = m.control }
    assert.equal(sockeye.inet("127.0.0.7", port), received(a).from)
    sockets.close(a, b)
    b, port = open_to_all("inet6", "IPV6_RECVPKTINFO")
    a = sockets.bound("[::1]:0", "dgram")
    a:sendto("question", sockeye.inet6("::1", port))
    m = received(b)
    b:sendmsg { iov = "answer", name = m.from, control = m.control }
    assert.equal(sockeye.inet6("::1", port), received(a).from)
    sockets.close(a, b)
  end)

  it("has the multicast group as destination, beside the address",
     function()
    local b, port = open_to_all("inet", "IP_PKTINFO")
    b:setsockopt("IP_ADD_MEMBERSHIP", { group = "239.255.77.5",
                                        interface = "lo" })
    local a = sockets.bound("127.0.0.1:0", "dgram")
    a:sendmsg { iov = "x", name = sockeye.inet("239.255.77.5", port),
                control = { pktinfo = { interface = "lo" } } }
    local info = received(b).control.pktinfo
    assert.same({ "239.255.77.5", "lo" }, { info.destination, info.interface })
    assert.is_false(info.address == info.destination)
    sockets.close(a, b)
  end)
end)

describe("flowinfo", function()
  descriptors.guard()

  it("is sent and received with one message", function()
    local a, b, name = messages.asking("inet6", "IPV6_FLOWINFO",
                                       "IPV6_RECVTCLASS")
    local ok, err = pcall(a.sendmsg, a, { iov = "x", name = name,
                                          control = { flowinfo = 0x12345 } })
    if ok then
      assert.equal(0x12345, received(b).control.flowinfo)
    else
      assert.equal("EINVAL", err.code)
    end
    sockets.close(a, b)
  end)
end)

describe("dontfrag", function()
  descriptors.guard()

  it("forbids fragmenting one message", function()
    local a, b, name = messages.asking "inet6"
    local data = ("x"):rep(65527)
    for _, value in ipairs { 0, 1 } do
      local message = { iov = data, name = name,
                        control = { dontfrag = value } }
      if value == 1 then
        errors.raised("EMSGSIZE", "sendmsg", a.sendmsg, a, message)
      else
        assert.equal(#data, a:sendmsg(message))
        assert.equal(#data, #b:recv(70000))
      end
    end
    sockets.close(a, b)
  end)
end)

describe("pathmtu", function()
  descriptors.guard()

  it("arrives after a message that was too large", function()
    local a, b, name = messages.asking "inet6"
    a:setsockopt("IPV6_RECVPATHMTU", true):setsockopt("IPV6_DONTFRAG", true)
    errors.raised("EMSGSIZE", "sendto", a.sendto, a, ("x"):rep(65527), name)
    local m = received(a)
    assert.equal("", m.data)
    local pathmtu = m.control.pathmtu
    assert.equal("::1", pathmtu.address.host)
    assert.is_true(pathmtu.mtu > 60000 and pathmtu.mtu <= 65536)
    sockets.close(a, b)
  end)
end)

describe("origdstaddr", function()
  descriptors.guard()

  it("has the original destination address and port", function()
    local b, port = open_to_all("inet", "IP_RECVORIGDSTADDR")
    local a = sockets.bound("127.0.0.1:0", "dgram")
    a:sendto("x", sockeye.inet("127.0.0.8", port))
    assert.equal(sockeye.inet("127.0.0.8", port),
                 received(b).control.origdstaddr)
    sockets.close(a, b)
    b, port = open_to_all("inet6", "IPV6_RECVORIGDSTADDR")
    a = sockets.bound("[::1]:0", "dgram")
    a:sendto("x", sockeye.inet6("::1", port))
    assert.equal(sockeye.inet6("::1", port), received(b).control.origdstaddr)
    sockets.close(a, b)
  end)
end)

describe("IP options", function()
  descriptors.guard()

  -- A router alert (RFC 2113).
  local alert <const> = "\148\4\0\0"

  it("are sent and received", function()
    local a, b, name = messages.asking("inet", "IP_RECVOPTS", "IP_RETOPTS")
    local ok, err = pcall(a.sendmsg, a, { iov = "x", name = name,
                                          control = { retopts = alert } })
    if ok then
      local control = received(b).control
      assert.equal(alert, control.recvopts)
      assert.is_truthy(control.retopts)
      a:sendto("x", name)
      assert.is_true((received(b).control.recvopts or "") == "")
      errors.raised("EINVAL", "sendmsg", a.sendmsg, a, {
        iov = "x", name = name, control = { retopts = "\148\99" },
      })
    else
      assert.equal("EPERM", err.code)
    end
    sockets.close(a, b)
  end)

  -- PadN of four bytes in a header of eight (RFC 8200).
  local padding <const> = "\0\0\1\4\0\0\0\0"

  for kind, option in pairs { hopopts = "IPV6_RECVHOPOPTS",
                              dstopts = "IPV6_RECVDSTOPTS" } do
    it("of IPv6 are whole headers: " .. kind, function()
      local a, b, name = messages.asking("inet6", option)
      local ok, err = pcall(a.sendmsg, a, { iov = "x", name = name,
                                            control = { [kind] = padding } })
      if ok then
        -- The first byte is the next header's number.
        assert.equal(padding:sub(2), received(b).control[kind]:sub(2))
        errors.raised("EINVAL", "sendmsg", a.sendmsg, a, {
          iov = "x", name = name, control = { [kind] = "\0\9\1\4" },
        })
      else
        assert.equal("EPERM", err.code)
      end
      sockets.close(a, b)
    end)
  end

  it("of IPv6 can be routing headers, which the system checks", function()
    local a, b, name = messages.asking("inet6", "IPV6_RECVRTHDR")
    for _, kind in ipairs { "rthdr", "rtdstopts" } do
      local ok, err = pcall(a.sendmsg, a, {
        iov = "x", name = name, control = { [kind] = "\0\9\0\0" },
      })
      assert.is_false(ok)
      assert.is_true(err.code == "EINVAL" or err.code == "EPERM")
    end
    sockets.close(a, b)
  end)
end)

describe("a checksum", function()
  descriptors.guard()

  it("arrives if the device computed it", function()
    local a, b, name = messages.asking("inet", "IP_CHECKSUM")
    a:sendto("x", name)
    local checksum = received(b).control.checksum
    assert.is_true(checksum == nil or math.type(checksum) == "integer")
    sockets.close(a, b)
  end)
end)

describe("recverr", function()
  descriptors.guard()

  local hosts = {
    inet = { "127.0.0.1", "IP_RECVERR", "icmp", 3, 3 },
    inet6 = { "::1", "IPV6_RECVERR", "icmp6", 1, 4 },
  }

  for family, row in pairs(hosts) do
    local host, option, origin, type, code = table.unpack(row)

    local function closed_port()
      local s = sockets.bound(family == "inet" and "127.0.0.1:0" or "[::1]:0",
                              "dgram")
      local name = s:getsockname()
      s:close()
      return name
    end

    it("has no offender if there was no room for it: " .. family,
       function()
      local a = sockets.bound(host == "::1" and "[::1]:0" or "127.0.0.1:0",
                              "dgram")
      a:setsockopt(option, true):connect(closed_port()):send "x"
      local room = messages.header + (family == "inet" and 20 or 32)
      local m = messages.queued(a, { iov = 9, control = room })
      assert.equal("ECONNREFUSED", m.control.recverr.name)
      assert.is_nil(m.control.recverr.offender)
      assert.is_true(m.flags.ctrunc)
      a:close()
    end)

    for title, peer in pairs { connected = true, ["not connected"] = false } do
      it(("reports that nobody listens: %s, %s"):format(family, title),
         function()
        local a = sockets.bound(host == "::1" and "[::1]:0" or "127.0.0.1:0",
                                "dgram")
        a:setsockopt(option, true)
        local name = closed_port()
        if peer then a:connect(name) end
        a:sendmsg { iov = "hello", name = not peer and name or nil }
        local m = messages.queued(a)
        local e = m.control.recverr
        assert.same({ "hello", name, true },
                    { m.data, m.from, m.flags.errqueue })
        assert.same({ "ECONNREFUSED", origin, type, code, 0, 0 },
                    { e.name, e.origin, e.type, e.code, e.info, e.data })
        assert.equal("integer", math.type(e.errno))
        assert.same({ host, family }, { e.offender.host, e.offender.family })
        -- The queue is empty again, and so is the error of the socket.
        assert.is_false(a:recvmsg { iov = 9, flags = "errqueue" })
        assert.is_false(a:recvmsg { iov = 9, flags = "dontwait" })
        a:close()
      end)
    end

    it("fills a list of sizes, and may be truncated: " .. family, function()
      local a = sockets.bound(host == "::1" and "[::1]:0" or "127.0.0.1:0",
                              "dgram")
      a:setsockopt(option, true)
      a:sendto("hello", closed_port())
      local m = messages.queued(a, { iov = { 2, 1 }, control = true })
      assert.same({ "he", "l" }, m.iov)
      assert.is_true(m.flags.trunc)
      a:sendto("hello", closed_port())
      m = messages.queued(a, { iov = 9 })
      assert.same({ "hello", true }, { m.data, m.flags.ctrunc })
      assert.is_nil(m.control)
      a:sendto("hello", closed_port())
      m = messages.queued(a, { iov = 9, control = 36 })
      assert.is_true(m.flags.ctrunc)
      a:close()
    end)

    it("is available to raw sockets: " .. family, function()
      local made, s = pcall(sockeye.socket, family, "raw", "udp")
      if not made then return pending "raw sockets need a privilege" end
      s:setsockopt(option, true):connect(family == "inet" and
        sockeye.inet(host) or sockeye.inet6(host))
      local name = closed_port()
      -- A UDP header without a checksum, or with one that the system makes.
      if family == "inet6" then s:setsockopt("IPV6_CHECKSUM", 6) end
      s:send(string.pack(">I2I2I2I2", 9, name.port, 8, 0))
      local e = messages.queued(s).control.recverr
      assert.same({ "ECONNREFUSED", type, code },
                  { e.name, e.type, e.code })
      s:close()
    end)
  end

  it("is read without waiting: an empty queue returns false", function()
    for _, make in pairs(messages.all) do
      local a, b = make()
      local ok, m = pcall(a.recvmsg, a, { iov = 9, flags = "errqueue" })
      -- Unix sockets have none, and ignore the flag.
      if ok then assert.is_false(m)
      else assert.is_true(m.code == "EOPNOTSUPP" or m.code == "EINVAL") end
      sockets.close(a, b)
    end
  end)
end)

local preamble <const> = [[
local sockeye = require "sockeye"
local messages = require "spec.support.messages"
local function show(t)
  local e = assert(t.control.recverr)
  print(e.name, e.origin, e.type, e.code, e.info,
        e.offender and e.offender.host)
end
]]

-- b knows no way to one network, and one of small packets to another.
local function prepare(ns)
  ns.b:route()
  for _, line in ipairs {
    "ip route add unreachable 10.88.1.0/24",
    "ip -6 route add unreachable fd00:88:1::/64",
    "ip link add narrow mtu 1300 type veth peer name narrower mtu 1300",
    "ip link set narrow up && ip link set narrower up",
    "ip addr add 10.88.2.1/24 dev narrow",
    "ip addr add fd00:88:2::1/64 dev narrow nodad",
  } do ns.b:must(line) end
  for _, line in ipairs {
    "ip route add 10.88.0.0/16 via " .. ns.b.address,
    "ip -6 route add fd00:88::/32 via " .. ns.b.address6,
    "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range",
    "ip link set lo mtu 1500",
  } do ns.a:must(line) end
end

local function it_in_namespaces(name, wanted, script)
  it(name .. " #namespace", function()
    netns.with_namespaces(function(ns)
      prepare(ns)
      ns.a:await_ipv6()
      local result = ns.a:lua(preamble .. script)
      assert.equal("", result.stderr)
      assert.equal(wanted, (result.stdout:gsub("\t", " ")))
    end)
  end)
end

describe("a message between hosts", function()
  descriptors.guard()

  it_in_namespaces("has a multicast destination and no other", [[
wire1 ff15::77:5 nil
]], [[
    local s = sockeye.socket("inet6", "dgram"):bind(sockeye.inet6())
    s:setsockopt("IPV6_JOIN_GROUP", { group = "ff15::77:5",
                                      interface = "wire1" })
    s:setsockopt("IPV6_RECVPKTINFO", true)
    s:sendmsg { iov = "x", control = { pktinfo = { interface = "wire1" } },
                name = sockeye.inet6("ff15::77:5", s:getsockname().port) }
    local info = s:recvmsg({ iov = 9, control = true }).control.pktinfo
    print(info.interface, info.destination, info.address)
  ]])

  it_in_namespaces("names the router that knows no route", [[
EHOSTUNREACH icmp 3 1 0 10.77.0.2
ENETUNREACH icmp6 1 0 0 fd00:77::2
]], [[
    for _, name in ipairs { "10.88.1.5:9", "[fd00:88:1::5]:9" } do
      local s = sockeye.socket(sockeye.address(name).family, "dgram")
      s:setsockopt("IP_RECVERR", true)
      if name:find "fd00" then s:setsockopt("IPV6_RECVERR", true) end
      s:sendto("x", name)
      show(messages.queued(s))
    end
  ]])

  it_in_namespaces("reports the MTU of the wire, and of the path", [[
EMSGSIZE local 0 0 1500 nil
EMSGSIZE icmp 3 4 1300 10.77.0.2
EMSGSIZE local 0 0 1500 nil
EMSGSIZE icmp6 2 0 1300 fd00:77::2
]], [[
    for _, row in ipairs { { "10.88.2.5:9", "IP" },
                           { "[fd00:88:2::5]:9", "IPV6" } } do
      local name, prefix = table.unpack(row)
      local s = sockeye.socket(sockeye.address(name).family, "dgram")
      s:setsockopt(prefix .. "_RECVERR", true)
      s:setsockopt(prefix .. "_MTU_DISCOVER", "do")
      local ok, err = pcall(s.sendto, s, ("x"):rep(2000), name)
      assert(not ok and err.code == "EMSGSIZE")
      show(messages.queued(s))
      s:sendto(("x"):rep(1350), name)
      show(messages.queued(s))
    end
  ]])

  it_in_namespaces("comes to TCP and ping sockets", [[
EHOSTUNREACH icmp 3 1 0 10.77.0.2
EHOSTUNREACH icmp 3 1 0 10.77.0.2
ENETUNREACH icmp6 1 0 0 fd00:77::2
ENETUNREACH icmp6 1 0 0 fd00:77::2
]], [[
    for _, row in ipairs { { "10.88.1.5", "IP", "icmp", 8 },
                           { "fd00:88:1::5", "IPV6", "icmpv6", 128 } } do
      local host, prefix, protocol, echo = table.unpack(row)
      local make = prefix == "IP" and sockeye.inet or sockeye.inet6
      local s = sockeye.socket(make().family, "stream"):settimeout(20)
      s:setsockopt(prefix .. "_RECVERR", true)
      local ok, err = pcall(s.connect, s, make(host, 9))
      assert(not ok)
      show(messages.queued(s))
      s = sockeye.socket(make().family, "dgram", protocol)
      s:setsockopt(prefix .. "_RECVERR", true)
      s:sendto(string.pack(">BBI2I2I2", echo, 0, 0, 0, 1), make(host))
      show(messages.queued(s))
    end
  ]])

  it_in_namespaces("is beside the size of fragments", [[
4000 1500
4000 1496
]], [[
    for _, row in ipairs { { "inet", "IP", "127.0.0.1:0" },
                           { "inet6", "IPV6", "[::1]:0" } } do
      local s = sockeye.socket(row[1], "dgram"):bind(row[3])
      s:setsockopt(row[2] .. "_RECVFRAGSIZE", true)
      s:sendto(("x"):rep(4000), s:getsockname())
      local m = s:recvmsg { iov = 5000, control = true }
      print(#m.data, m.control.recvfragsize)
    end
  ]])

  it("sent too late for its txtime is reported #namespace", function()
    netns.with_namespaces(function(ns)
      local command = "tc qdisc replace dev wire1 root etf clockid CLOCK_TAI"
      if ns.a:run({ "sh", "-c", command }).status ~= 0 then
        return pending "there is no queue here that observes the time (tc, etf)"
      end
      local result = ns.a:lua(preamble .. [[
        local s = sockeye.socket("inet", "dgram")
        s:setsockopt("SO_TXTIME", { clockid = 11, flags = 2 })
        s:sendmsg { iov = "x", name = "10.77.0.2:9",
                    control = { txtime = 1 } }
        show(messages.queued(s))
      ]])
      assert.equal("", result.stderr)
      assert.matches("^E%u+\ttxtime\t", result.stdout)
    end)
  end)
end)
