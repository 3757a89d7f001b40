local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local sockets = require "spec.support.sockets"

-- Begins a connection and does not wait for it.
local function begin(address)
  local s = sockeye.socket(address.family, "stream")
  s:settimeout(0)
  return s, s:connect(address)
end

describe("connect", function()
  descriptors.guard()

  it("connect-1: goes from CLOSED to ESTABLISHED", function()
    local l <close> = sockets.listener()
    local c <close> = sockeye.socket("inet", "stream")
    assert.equal("CLOSED", c:state())
    assert.is_true(c:getsockname():is_any())
    c:connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
  end)

  it("connect-1: is in SYN_SENT until the peer answers", function()
    local l <close>, other = sockets.busy_listener()
    local _ <close> = other
    local c <close>, connected = begin(l:getsockname())
    assert.is_false(connected)
    assert.equal("SYN_SENT", c:state())
    errors.raised("ENOTCONN", "getpeername", c.getpeername, c)
    l:accept():close()
    c:settimeout(20):connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
    assert.equal(l:getsockname(), c:getpeername())
  end)

  it("connect-1: leaves local address and port to the kernel", function()
    local l <close> = sockets.listener "0.0.0.0:0"
    local port = l:getsockname().port
    for _, host in ipairs { "127.0.0.1", "127.0.0.9" } do
      local c <close> = sockets.client(sockeye.inet(host, port))
      local a <close>, peer = l:accept()
      assert.is_false(c:getsockname():is_any())
      assert.is_true(c:getsockname().port > 0)
      assert.equal(c:getsockname(), peer)
      assert.equal(host, a:getsockname().host)
    end
  end)

  it("connect-2: is refused at once if nobody listens", function()
    for _, host in ipairs { "127.0.0.1:0", "[::1]:0" } do
      local bound <close> = sockets.bound(host)
      local address = bound:getsockname()
      local c <close> = sockeye.socket(address.family, "stream")
      local err = errors.raised("ECONNREFUSED", "connect", c.connect, c,
                                address)
      assert.equal(address, err.address)
      assert.is_nil(err.timeout)
      assert.equal("CLOSED", c:state())
    end
  end)

  it("connect-2: is refused if nobody serves a unix path any more", function()
    local path = os.tmpname()
    os.remove(path)
    local address = sockeye.unix(path)
    local c <close> = sockeye.socket("unix", "stream")
    errors.raised("ENOENT", "connect", c.connect, c, address)
    sockets.listener(address):close()
    errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
    os.remove(path)
  end)

  it("connect-3: ends at the caller's deadline, and can continue",
     function()
    local l <close>, other = sockets.busy_listener()
    local _ <close> = other
    local c <close> = sockeye.socket("inet", "stream")
    c:settimeout(0.01)
    local err = errors.raised("ETIMEDOUT", "connect", c.connect, c,
                              l:getsockname())
    assert.is_true(err.timeout)
    assert.equal("SYN_SENT", c:state())
    l:accept():close()
    c:settimeout(20):connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
  end)
end)

-- Runs it on one of two hosts. Each address of the list, which may name the
-- other's by "peer", gets a line: its text, the code, whether the time-out was
-- the caller's, and how it went the second time.
local attempts <const> = [[
  local sockeye = require "sockeye"
  for address in ("%s"):gmatch "%%S+" do
    address = sockeye.address(address)
    local s <close> = sockeye.socket(address.family, "stream")
    s:setsockopt("TCP_SYNCNT", 1):settimeout(%s)
    local ok, err = pcall(s.connect, s, address)
    local word = ok and "connected" or err.code
    print(address, word, not ok and err.timeout, s:state())
  end
]]

local function outcomes(host, addresses, timeout)
  local result = host:lua(attempts:format(table.concat(addresses, " "),
                                          timeout or "nil"))
  assert.equal("", result.stderr)
  local list = {}
  for address, code, limit, state in
      result.stdout:gmatch "(%S+)\t(%S+)\t(%S+)\t(%S+)\n" do
    list[address] = { code, limit == "true", state }
  end
  return list
end

local function assert_all(expected, host, addresses, timeout)
  local got = outcomes(host, addresses, timeout)
  for _, address in ipairs(addresses) do
    assert.same(expected, got[address], address)
  end
end

local function make_router(ns)
  ns.b:route()
  ns.a:must("ip route add 10.99.0.0/16 via " .. ns.b.address)
  ns.a:must("ip route add fd00:99::/32 via " .. ns.b.address6)
  ns.b:must "ip route add unreachable 10.99.1.0/24"
end

describe("connect between hosts", function()
  descriptors.guard()

  it("connect-3: marks only the caller's time-out as such #namespace",
     function()
    netns.with_namespaces(function(ns)
      local address = ns.b.address .. ":9"
      ns.b:must(("ip route add blackhole %s/32"):format(ns.a.address))
      assert_all({ "ETIMEDOUT", true, "SYN_SENT" }, ns.a, { address }, 0.01)
      assert_all({ "ETIMEDOUT", false, "CLOSED" }, ns.a, { address })
    end)
  end)

  -- BSD goes on sending SYN until its time-out.
  it("connect-4: fails at the first ICMP message on Linux #namespace",
     function()
    netns.with_namespaces(function(ns)
      make_router(ns)
      assert_all({ "EHOSTUNREACH", false, "CLOSED" }, ns.a,
                 { "10.99.1.1:9", "10.99.1.2:9" })
      assert_all({ "ENETUNREACH", false, "CLOSED" }, ns.a,
                 { "10.99.2.1:9", "[fd00:99::1]:9" })
    end)
  end)

  it("connect-4: fails before any packet without a route #namespace",
     function()
    netns.with_namespaces(function(ns)
      ns.a:must "ip route add unreachable 10.98.1.0/24"
      ns.a:must "ip route add prohibit 10.98.2.0/24"
      ns.a:must "ip route add blackhole 10.98.3.0/24"
      assert_all({ "ENETUNREACH", false, "CLOSED" }, ns.a,
                 { "10.97.0.1:9", "[fd00:97::1]:9" })
      assert_all({ "EHOSTUNREACH", false, "CLOSED" }, ns.a, { "10.98.1.1:9" })
      assert_all({ "EACCES", false, "CLOSED" }, ns.a, { "10.98.2.1:9" })
      assert_all({ "EINVAL", false, "CLOSED" }, ns.a, { "10.98.3.1:9" })
    end)
  end)

  it("connect-5: fails if no neighbour answers ARP #namespace", function()
    netns.with_namespaces(function(ns)
      assert_all({ "ECONNREFUSED", false, "CLOSED" }, ns.a,
                 { ns.b.address .. ":9", ("[%s]:9"):format(ns.b.address6) })
      for _, family in ipairs { "ipv4", "ipv6" } do
        local folder = ("/proc/sys/net/%s/neigh/%s"):format(family,
                                                            ns.a.interface)
        ns.a:must(("echo 1 >%s/mcast_solicit"):format(folder))
        ns.a:must(("echo 10 >%s/retrans_time_ms"):format(folder))
      end
      assert_all({ "EHOSTUNREACH", false, "CLOSED" }, ns.a,
                 { "10.77.0.99:9", "[fd00:77::99]:9" })
    end)
  end)
end)

describe("connect after a failure", function()
  descriptors.guard()

  it("connect-6: works with a fresh socket", function()
    local address, s = sockets.refusing()
    local _ <close> = s
    local c <close> = sockeye.socket("inet", "stream")
    errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
    s:listen()
    local fresh <close> = sockets.client(address)
    assert.equal("ESTABLISHED", fresh:state())
  end)

  for _, words in ipairs { "without", "with" } do
    local timeout = words == "with" and 20 or nil

    -- On BSD it is fit for nothing but close.
    it(("connect-6: works %s time-out with the same socket, on Linux"):format(
       words), function()
      local address, s = sockets.refusing()
      local _ <close> = s
      local c <close> = sockeye.socket("inet", "stream")
      c:settimeout(timeout)
      for _ = 1, 3 do
        errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
      end
      s:listen()
      c:connect(address)
      assert.equal("ESTABLISHED", c:state())
      c:send "x"
      local a <close> = s:accept()
      assert.equal("x", a:recv(9))
    end)

    it(("connect-6: is EISCONN %s time-out on a connected socket"):format(
       words), function()
      local l <close> = sockets.listener()
      local c <close> = sockeye.socket("inet", "stream")
      c:settimeout(timeout):connect(l:getsockname())
      for _ = 1, 2 do
        errors.raised("EISCONN", "connect", c.connect, c, l:getsockname())
      end
      assert.equal("ESTABLISHED", c:state())
    end)
  end

  it("connect-6: works on a connected one after AF_UNSPEC, on Linux",
     function()
    local l <close> = sockets.listener()
    local c <close> = sockets.client(l:getsockname())
    local a <close> = l:accept()
    c:disconnect()
    assert.equal("CLOSED", c:state())
    errors.raised("ECONNRESET", "recv", a.recv, a, 1)
    c:connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
  end)

  it("connect-6: starts no new attempt while one is under way", function()
    local l <close>, other = sockets.busy_listener()
    local _ <close> = other
    local c <close> = begin(l:getsockname())
    local again <close> = sockets.listener()
    assert.is_false(c:connect(again:getsockname()))
    assert.equal("SYN_SENT", c:state())
    c:disconnect()
    c:settimeout(20):connect(again:getsockname())
    assert.equal(again:getsockname(), c:getpeername())
  end)
end)

-- A UDP address at which nobody is, and who keeps others away.
local function dead_address()
  local s <close> = sockets.bound("127.0.0.1:0", "dgram")
  return s:getsockname()
end

local function udp()
  return sockets.bound("127.0.0.1:0", "dgram")
end

describe("connect of UDP", function()
  descriptors.guard()

  it("connect-7: sends without a destination", function()
    local c <close> = udp()
    local s <close> = udp()
    errors.raised("EDESTADDRREQ", "send", c.send, c, "x")
    c:connect(s:getsockname())
    assert.equal(s:getsockname(), c:getpeername())
    assert.equal("ESTABLISHED", c:state())
    c:send "x"
    local data, from = s:recvfrom(9)
    assert.same({ "x", c:getsockname() }, { data, from })
  end)

  it("connect-7: receives from that peer only", function()
    local c <close> = udp()
    local s <close> = udp()
    local stranger <close> = udp()
    c:connect(s:getsockname())
    stranger:sendto("not heard", c:getsockname())
    s:sendto("heard", c:getsockname())
    assert.equal("heard", c:recv(99))
    assert.is_false(c:recv(99, "dontwait"))
  end)

  it("connect-7: keeps datagrams that arrived before", function()
    local c <close> = udp()
    local s <close> = udp()
    local stranger <close> = udp()
    stranger:sendto("early", c:getsockname())
    c:connect(s:getsockname())
    assert.equal("early", c:recv(99))
  end)

  it("connect-7: can still name another destination, on Linux", function()
    local c <close> = udp()
    local s <close> = udp()
    local other <close> = udp()
    c:connect(s:getsockname())
    c:sendto("x", other:getsockname())
    assert.equal("x", other:recv(9))
  end)

  local later = {
    recv = function(c) return c:recv(9) end,
    send = function(c) return c:send("again") end,
  }

  for call, f in pairs(later) do
    it("connect-7: reports ECONNREFUSED on a later " .. call, function()
      local c <close> = udp()
      c:connect(dead_address())
      assert.equal(1, c:send "x")
      assert.is_truthy(sockeye.poll({ [c] = "r" }, 20)[c])
      errors.raised("ECONNREFUSED", call, f, c)
      assert.is_false(c:recv(9, "dontwait"))
    end)
  end

  it("connect-7: reports ECONNREFUSED as SO_ERROR, once", function()
    local c <close> = udp()
    c:connect(dead_address()):send "x"
    assert.is_truthy(sockeye.poll({ [c] = "r" }, 20)[c])
    assert.equal("ECONNREFUSED", c:getsockopt "SO_ERROR")
    assert.is_nil(c:getsockopt "SO_ERROR")
  end)

  it("connect-7: is needed for ICMP errors, or IP_RECVERR is", function()
    local c <close> = udp()
    local address = dead_address()
    c:sendto("x", address)
    assert.is_nil(c:getsockopt "SO_ERROR")
    c:setsockopt("IP_RECVERR", true):sendto("x", address)
    assert.is_truthy(sockeye.poll({ [c] = "r" }, 20)[c])
    assert.equal("ECONNREFUSED", c:getsockopt "SO_ERROR")
  end)

  it("connect-7: is undone by AF_UNSPEC", function()
    local c <close> = sockeye.socket("inet", "dgram")
    local s <close> = udp()
    local stranger <close> = udp()
    c:bind(sockeye.inet()):connect(s:getsockname())
    c:disconnect()
    errors.raised("ENOTCONN", "getpeername", c.getpeername, c)
    errors.raised("EDESTADDRREQ", "send", c.send, c, "x")
    local port = c:getsockname().port
    stranger:sendto("heard", sockeye.inet("127.0.0.1", port))
    assert.equal("heard", c:settimeout(20):recv(99))
  end)

  it("connect-7: can change the peer without AF_UNSPEC", function()
    local c <close> = udp()
    local s <close> = udp()
    local other <close> = udp()
    c:connect(s:getsockname()):connect(other:getsockname())
    assert.equal(other:getsockname(), c:getpeername())
    c:send "x"
    assert.equal("x", other:recv(9))
  end)
end)
