-- What options do to sockets, beyond being stored.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local process = require "spec.support.process"

local patience <const> = 30

local function udp(family, address)
  local s = sockeye.socket(family, "dgram")
  s:settimeout(patience)
  return s:bind(address)
end

local function connected(prepare)
  local l <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
  if prepare then prepare(l) end
  l:listen()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  local a = l:accept()
  c:settimeout(patience)
  a:settimeout(patience)
  return c, a
end

local function receives(r, send)
  send(r:getsockname().port)
  assert.equal("to the group", r:recv(99))
end

-- What r is sent directly, later, is the first that it gets.
local function misses(r, send)
  local port = r:getsockname().port
  local direct <close> = sockeye.socket("inet", "dgram")
  send(port)
  direct:sendto("direct", "127.0.0.1:" .. port)
  assert.equal("direct", r:recv(99))
end

describe("multicast group", function()
  descriptors.guard()

  local group <const> = "239.255.77.1"

  -- A spec of r, which is to receive what send(port) sends.
  local function with_sockets(f)
    return function()
      local r <close> = udp("inet", "0.0.0.0:0")
      local s <close> = udp("inet", "127.0.0.1:0")
      r:setsockopt("IP_MULTICAST_ALL", false)
      s:setsockopt("IP_MULTICAST_IF", "127.0.0.1")
      f(r, function(port)
        s:sendto("to the group", group .. ":" .. port)
      end)
    end
  end

  local interfaces = { "lo", 1, "127.0.0.1" }
  for _, interface in ipairs(sockeye.interfaces()) do
    if tostring(interface.address) == "[::1]:0" then
      table.insert(interfaces, "::1")
    end
  end
  local groups = { group, sockeye.inet(group) }

  local any_source = {
    { "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP" },
    { "MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP" },
  }

  for _, names in ipairs(any_source) do
    it("is joined and left by " .. names[1], with_sockets(function(r, send)
      for i, interface in ipairs(interfaces) do
        local member = { group = groups[i % 2 + 1], interface = interface }
        misses(r, send)
        r:setsockopt(names[1], member)
        receives(r, send)
        r:setsockopt(names[2], member)
        misses(r, send)
      end
    end))
  end

  local one_source = {
    { "IP_ADD_SOURCE_MEMBERSHIP", "IP_DROP_SOURCE_MEMBERSHIP" },
    { "MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP" },
  }

  for _, names in ipairs(one_source) do
    it("is joined for a source by " .. names[1], with_sockets(function(r, send)
      for _, interface in ipairs(interfaces) do
        local other = { group = group, source = "127.0.0.2",
                        interface = interface }
        local right = { group = group, source = sockeye.inet("127.0.0.1"),
                        interface = interface }
        r:setsockopt(names[1], other)
        misses(r, send)
        r:setsockopt(names[1], right)
        receives(r, send)
        r:setsockopt(names[2], right)
        misses(r, send)
        r:setsockopt(names[2], other)
      end
    end))
  end

  local blocks = {
    { "IP_BLOCK_SOURCE", "IP_UNBLOCK_SOURCE" },
    { "MCAST_BLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE" },
  }

  for _, names in ipairs(blocks) do
    it("is closed to a source by " .. names[1], with_sockets(function(r, send)
      local member = { group = group, source = "127.0.0.1", interface = "lo" }
      r:setsockopt("IP_ADD_MEMBERSHIP", { group = group, interface = "lo" })
      r:setsockopt(names[1], member)
      misses(r, send)
      r:setsockopt(names[2], member)
      receives(r, send)
    end))
  end

  it("is joined once", with_sockets(function(r)
    local member = { group = group, interface = "lo" }
    r:setsockopt("IP_ADD_MEMBERSHIP", member)
    local err = errors.raised("EADDRINUSE", "setsockopt", r.setsockopt, r,
                              "IP_ADD_MEMBERSHIP", member)
    assert.equal("IP_ADD_MEMBERSHIP", err.subject)
    r:setsockopt("IP_DROP_MEMBERSHIP", member)
    errors.raised("EADDRNOTAVAIL", "setsockopt", r.setsockopt, r,
                  "IP_DROP_MEMBERSHIP", member)
  end))

  it("is one of multicast", with_sockets(function(r)
    errors.raised("EINVAL", "setsockopt", r.setsockopt, r,
                  "IP_ADD_MEMBERSHIP", { group = "127.0.0.1" })
  end))
end)

-- Run in a network namespace, where there are routes for IPv6 multicast.
local ipv6_script = [[
local sockeye = require "sockeye"
local group, interface, address = table.unpack(arg)
local r = sockeye.socket("inet6", "dgram"):bind("[::]:0")
local s = sockeye.socket("inet6", "dgram"):bind("[" .. address .. "]:0")
s:setsockopt("IPV6_MULTICAST_IF", interface)
r:setsockopt("IPV6_MULTICAST_ALL", false)
r:settimeout(30)
local to = ("[%s]:%d"):format(group, r:getsockname().port)
local direct = ("[%s]:%d"):format(address, r:getsockname().port)
local function reaches()
  s:sendto("to the group", to)
  s:sendto("last", direct)
  local data = r:recv(99)
  return data ~= "last" and r:recv(99) == "last"
end
local function try(join, leave, member)
  local before = reaches()
  r:setsockopt(join, member)
  local joined = reaches()
  r:setsockopt(leave, member)
  print(join, before, joined, reaches())
end
for _, name in ipairs { interface, address } do
  local member = { group = group, interface = name }
  local sourced = { group = group, interface = name, source = address }
  try("IPV6_ADD_MEMBERSHIP", "IPV6_DROP_MEMBERSHIP", member)
  try("IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP", member)
  try("MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP", member)
  try("MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP", sourced)
end
]]

describe("IPv6 multicast group", function()
  descriptors.guard()

  it("is joined and left by each of the options #namespace", function()
    local available, reason = netns.available()
    if not available then return pending(reason) end
    netns.with_namespaces(function(ns)
      local result = ns.a:lua(ipv6_script, {
        args = { "ff15::77:1", ns.a.interface, ns.a.address6 },
      })
      assert.equal("", result.stderr)
      local lines = 0
      for line in result.stdout:gmatch "[^\n]+" do
        assert.matches("\tfalse\ttrue\tfalse$", line)
        lines = lines + 1
      end
      assert.equal(8, lines)
    end)
  end)
end)

describe("effect of an option", function()
  descriptors.guard()

  it("is that IPV6_V6ONLY leaves the port to IPv4", function()
    local ok, six = pcall(sockeye.socket, "inet6", "stream")
    if not ok then return pending("there is no IPv6 here") end
    six:setsockopt("IPV6_V6ONLY", true):bind("[::]:0"):listen()
    local port = six:getsockname().port
    local four <close> = sockeye.socket("inet", "stream")
    four:bind(sockeye.inet("*", port)):listen()
    six:close()
  end)

  it("is that a socket without IPV6_V6ONLY has both", function()
    local ok, six = pcall(sockeye.socket, "inet6", "stream")
    if not ok then return pending("there is no IPv6 here") end
    six:setsockopt("IPV6_V6ONLY", false):bind("[::]:0"):listen()
    local port = six:getsockname().port
    local four <close> = sockeye.socket("inet", "stream")
    errors.raised("EADDRINUSE", "bind", four.bind, four,
                  sockeye.inet("*", port))
    four:connect(sockeye.inet("127.0.0.1", port))
    local a <close>, peer = six:accept()
    assert.equal("inet6", peer.family)
    assert.is_true(a:getpeername():is_v4mapped())
    six:close()
  end)

  it("is that SO_BINDTODEVICE keeps to an interface", function()
    local s <close> = sockeye.socket("inet", "dgram")
    s:setsockopt("SO_BINDTODEVICE", "lo")
    local ok, err = pcall(s.setsockopt, s, "SO_BINDTODEVICE", "")
    if not ok and err.code == "EPERM" then
      return pending("SO_BINDTODEVICE needs a privilege")
    end
    assert(ok, err)
    s:setsockopt("SO_BINDTODEVICE", "lo")
    assert.equal("lo", s:getsockopt("SO_BINDTODEVICE"))
    assert.equal(s:getsockopt("SO_BINDTOIFINDEX"), 1)
    s:bind("127.0.0.1:0"):settimeout(patience)
    local c <close> = sockeye.socket("inet", "dgram")
    c:sendto("through lo", s:getsockname())
    assert.equal("through lo", s:recv(99))
    s:setsockopt("SO_BINDTODEVICE", "")
    assert.equal("", s:getsockopt("SO_BINDTODEVICE"))
    err = errors.raised("ENODEV", "setsockopt", s.setsockopt, s,
                        "SO_BINDTODEVICE", "nosuchdevice")
    assert.equal("SO_BINDTODEVICE", err.subject)
  end)

  it("is that TCP_CONGESTION chooses the algorithm", function()
    local s <close> = sockeye.socket("inet", "stream")
    s:setsockopt("TCP_CONGESTION", "reno")
    assert.equal("reno", s:getsockopt("TCP_CONGESTION"))
    errors.raised("ENOENT", "setsockopt", s.setsockopt, s, "TCP_CONGESTION",
                  "nosuchthing")
  end)

  it("is that SO_LINGER of 0 resets the connection", function()
    local c, a = connected()
    c:setsockopt("SO_LINGER", 0)
    c:close()
    errors.raised("ECONNRESET", "recv", a.recv, a, 9)
    a:close()
  end)

  it("is that SO_ERROR tells and clears the pending error", function()
    local l = sockeye.socket("inet", "stream"):bind("127.0.0.1:0"):listen()
    local nobody = l:getsockname()
    l:close()
    local s <close> = sockeye.socket("inet", "dgram"):connect(nobody)
    s:send("anybody there?")
    assert.is_truthy(sockeye.poll({ [s] = "r" }, patience)[s])
    assert.equal("ECONNREFUSED", s:getsockopt("SO_ERROR"))
    assert.is_nil(s:getsockopt("SO_ERROR"))
  end)

  it("is that SO_RCVTIMEO ends a wait", function()
    local a <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
    a:setsockopt("SO_RCVTIMEO", 1e-9)
    assert.is_true(a:getsockopt("SO_RCVTIMEO") > 0)
    errors.raised("EAGAIN", "recv", a.recv, a, 9)
    a:setsockopt("SO_RCVTIMEO", 0.9999999)
    assert.equal(1.0, a:getsockopt("SO_RCVTIMEO"))
  end)

  it("is that a filter drops what it does not let through", function()
    local r <close> = udp("inet", "127.0.0.1:0")
    local s <close> = sockeye.socket("inet", "dgram")
    local drop = string.pack("=I2BBI4", 6, 0, 0, 0) -- BPF_RET, 0 bytes
    r:setsockopt("SO_ATTACH_FILTER", drop)
    s:sendto("dropped", r:getsockname())
    assert.equal(drop, r:getsockopt("SOL_SOCKET", "SO_ATTACH_FILTER", 1))
    r:setsockopt("SO_DETACH_FILTER", 0)
    s:sendto("let through", r:getsockname())
    assert.equal("let through", r:recv(99))
    errors.raised("EINVAL", "setsockopt", r.setsockopt, r, "SO_ATTACH_FILTER",
                  ("\255"):rep(8))
  end)

  it("is that IPV6_PKTINFO sets the source", function()
    local ok, r = pcall(udp, "inet6", "[::1]:0")
    if not ok then return pending("there is no IPv6 here") end
    local s <close> = sockeye.socket("inet6", "dgram")
    s:setsockopt("IPV6_PKTINFO", { address = "::1", interface = "lo" })
    s:sendto("from ::1", r:getsockname())
    local data, from = r:recvfrom(99)
    assert.equal("from ::1", data)
    assert.equal("::1", from.host)
    r:close()
  end)

  it("is that IP_LOCAL_PORT_RANGE bounds the system's choice", function()
    local s <close> = sockeye.socket("inet", "stream")
    local range = { low = 40000, high = 40999 }
    local ok, err = pcall(s.setsockopt, s, "IP_LOCAL_PORT_RANGE", range)
    if not ok and err.code == "ENOPROTOOPT" then
      return pending("this kernel does not have IP_LOCAL_PORT_RANGE")
    end
    assert(ok, err)
    local port = s:bind("127.0.0.1:0"):getsockname().port
    assert.is_true(port >= 40000 and port <= 40999)
  end)
end)

describe("what an option tells", function()
  descriptors.guard()

  it("is the whole of TCP_INFO for a connection", function()
    local c <close>, a = connected()
    c:send(("x"):rep(1000))
    assert.equal(1000, #a:recv(1000, "waitall"))
    a:send("thanks")
    assert.equal("thanks", c:recv(99))
    local info = c:getsockopt("TCP_INFO")
    assert.equal("ESTABLISHED", info.state)
    assert.equal("open", info.ca_state)
    assert.equal("table", type(info.options))
    assert.equal(1000, info.bytes_sent)
    assert.equal(1000, info.bytes_acked - 1) -- the SYN counts, too
    assert.equal(6, info.bytes_received)
    assert.equal(1, info.data_segs_in)
    assert.is_true(info.rtt > 0 and info.rto >= 1000)
    assert.is_true(info.snd_mss > 0 and info.snd_cwnd > 0)
    for name, value in pairs(info) do
      local kind = math.type(value) or type(value)
      assert.is_true(kind == "integer" or name == "state" or
        name == "ca_state" or name == "options" or
        name == "delivery_rate_app_limited", name)
    end
    a:close()
  end)

  it("is TCP_INFO's state at each end of a connection's life", function()
    local l <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
    assert.equal("CLOSED", l:getsockopt("TCP_INFO").state)
    l:listen(7)
    local info = l:getsockopt("TCP_INFO")
    assert.equal("LISTEN", info.state)
    assert.equal(7, info.sacked)
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    assert.equal(1, l:getsockopt("TCP_INFO").unacked)
    local a <close> = l:accept()
    c:shutdown("wr")
    assert.is_nil(a:recv(1))
    assert.equal("CLOSE_WAIT", a:getsockopt("TCP_INFO").state)
  end)

  it("is the peer of a socketpair: SO_PEERCRED", function()
    local a <close>, b = sockeye.socketpair()
    local credentials = a:getsockopt("SO_PEERCRED")
    assert.same(credentials, b:getsockopt("SO_PEERCRED"))
    assert.equal(sockeye.getpid(), credentials.pid)
    local told = process.run { "id", "-u" }
    assert.equal(tonumber(told.stdout), credentials.uid)
    told = process.run { "id", "-g" }
    assert.equal(tonumber(told.stdout), credentials.gid)
    b:close()
  end)

  it("is every group of the peer: SO_PEERGROUPS", function()
    local list = {}
    for i = 1, 300 do list[i] = 5000 + i end
    local groups = table.concat(list, ",")
    local script = [[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair()
      print(table.concat(a:getsockopt "SO_PEERGROUPS", ","))
      b:close()
    ]]
    local available, reason = process.available "setpriv"
    if not available then return pending(reason) end
    local result = process.lua_script(script, {
      prefix = { "setpriv", "--groups", groups },
    })
    if result.stderr:find "not permitted" then
      return pending("setgroups needs a privilege")
    end
    assert.equal("", result.stderr)
    assert.equal(groups .. "\n", result.stdout)
  end)

  it("is the kind of the socket", function()
    local cases = {
      { "inet", "stream", "tcp" }, { "inet", "dgram", "udp" },
      { "unix", "dgram", "ip" }, { "unix", "seqpacket", "ip" },
    }
    for _, case in ipairs(cases) do
      local s <close> = sockeye.socket(case[1], case[2])
      assert.equal(case[1], s:getsockopt("SO_DOMAIN"))
      assert.equal(case[2], s:getsockopt("SO_TYPE"))
      assert.equal(case[3], s:getsockopt("SO_PROTOCOL"))
    end
  end)

  it("is whether it listens: SO_ACCEPTCONN", function()
    local s <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
    assert.is_false(s:getsockopt("SO_ACCEPTCONN"))
    s:listen()
    assert.is_true(s:getsockopt("SO_ACCEPTCONN"))
  end)

  it("is the same number once more: SO_COOKIE, SO_MEMINFO", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal(s:getsockopt("SO_COOKIE"), s:getsockopt("SO_COOKIE"))
    assert.equal(s:getsockopt("SO_RCVBUF"), s:getsockopt("SO_MEMINFO").rcvbuf)
    assert.equal(s:getsockopt("SO_SNDBUF"), s:getsockopt("SO_MEMINFO").sndbuf)
  end)

  it("is the SYN that was saved: TCP_SAVED_SYN", function()
    local c <close>, a = connected(function(l)
      l:setsockopt("TCP_SAVE_SYN", 1)
    end)
    local syn = a:getsockopt("TCP_SAVED_SYN")
    assert.equal(4, syn:byte(1) >> 4)
    local header = (syn:byte(1) & 15) * 4
    local port = string.unpack(">I2", syn, header + 1)
    assert.equal(c:getsockname().port, port)
    a:close()
  end)

  it("is nothing for a descriptor that is no socket", function()
    local a, b = sockeye.pipe()
    local err = errors.raised("ENOTSOCK", "getsockopt", a.getsockopt, a,
                              "SO_TYPE")
    assert.equal("SO_TYPE", err.subject)
    a:close()
    b:close()
  end)
end)
