local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

-- Begins n connections, all of them in a list that closes them. As many as have
-- a place wait to be accepted.
local function begin(l, n)
  local places = l:getsockopt("TCP_INFO").sacked + 1
  local list = setmetatable({}, {
    __close = function(self) sockets.close(table.unpack(self)) end,
  })
  for i = 1, n do
    list[i] = sockeye.socket("inet", "stream"):settimeout(0)
    assert.is_false(list[i]:connect(l:getsockname()))
    sockets.await_queue(l, math.min(i, places))
  end
  return list
end

local function setting(path)
  local file <close> = assert(io.open(path))
  return file:read("n")
end

describe("listen", function()
  descriptors.guard()

  -- BSD's limit was 1.5 times the number, and counted the half-open, too.
  for _, backlog in ipairs { 0, 1, 4 } do
    it(("listen-1: %d has %d connections established on Linux"):format(
       backlog, backlog + 1), function()
      local l <close> = sockets.listener("127.0.0.1:0", backlog)
      local clients <close> = begin(l, backlog + 3)
      for i, c in ipairs(clients) do
        sockets.await(c, i <= backlog + 1 and "ESTABLISHED" or "SYN_SENT")
      end
      assert.equal(backlog + 1, l:getsockopt("TCP_INFO").unacked)
    end)
  end

  it("listen-1: accepts the next client when a place is free", function()
    local l <close> = sockets.listener("127.0.0.1:0", 0)
    local clients <close> = begin(l, 2)
    assert.equal("SYN_SENT", clients[2]:state())
    l:accept():close()
    clients[2]:settimeout(20):connect(l:getsockname())
    local a <close>, peer = l:accept()
    assert.equal(clients[2]:getsockname(), peer)
    assert.equal("ESTABLISHED", a:state())
  end)

  it("listen-1: lets the next client time out while no place is", function()
    local l <close> = sockets.listener("127.0.0.1:0", 0)
    local clients <close> = begin(l, 1)
    local c <close> = sockeye.socket("inet", "stream")
    c:setsockopt("TCP_SYNCNT", 1)
    local err = errors.raised("ETIMEDOUT", "connect", c.connect, c,
                              l:getsockname())
    assert.is_nil(err.timeout)
    assert.equal("CLOSED", c:state())
    assert.equal("ESTABLISHED", clients[1]:state())
  end)

  it("listen-1: makes a unix client wait in connect", function()
    local l <close> = sockets.listener(sockeye.unix(), 0)
    local one <close> = sockets.client(l:getsockname())
    local other <close> = sockeye.socket("unix", "stream")
    assert.is_false(other:settimeout(0):connect(l:getsockname()))
    assert.equal("CLOSED", other:state())
    l:accept():close()
    assert.equal(other, other:connect(l:getsockname()))
    assert.equal("ESTABLISHED", one:state())
  end)

  it("listen-2: has SOMAXCONN as its default", function()
    local limit = setting "/proc/sys/net/core/somaxconn"
    for _, backlog in ipairs { false, sockeye.SOMAXCONN, 0x7fffffff } do
      local l <close> = sockets.bound "127.0.0.1:0"
      if backlog then l:listen(backlog) else l:listen() end
      assert.equal(math.min(limit, backlog or sockeye.SOMAXCONN),
                   l:getsockopt("TCP_INFO").sacked)
    end
  end)

  it("listen-3: shows the length of its queue, and its limit", function()
    local l <close> = sockets.listener("127.0.0.1:0", 5)
    local function queue()
      local info = l:getsockopt "TCP_INFO"
      assert.equal("LISTEN", info.state)
      return { info.unacked, info.sacked }
    end
    assert.same({ 0, 5 }, queue())
    local clients <close> = begin(l, 3)
    assert.equal(3, #clients)
    examples.eventually(function() return queue()[1] == 3 end)
    assert.same({ 3, 5 }, queue())
    l:accept():close()
    assert.same({ 2, 5 }, queue())
    l:listen(7)
    assert.same({ 2, 7 }, queue())
  end)
end)

describe("accept", function()
  descriptors.guard()

  it("accept-1: sleeps until a connection is complete", function()
    local l <close> = sockets.listener()
    l:settimeout(nil)
    local pid = fork.child(function()
      local a <close> = l:accept()
      a:send "served"
    end)
    fork.await(pid, "S")
    assert.is_false(sockeye.waitpid(pid, "nohang"))
    local c <close> = sockets.client(l:getsockname())
    assert.equal("served", c:recv(9))
    fork.reap(pid)
  end)

  it("accept-1: does not return a connection that is not complete",
     function()
    local l <close> = sockets.listener()
    assert.is_false(l:settimeout(0):accept())
    assert.is_false(sockets.readable(l))
    local c <close> = sockets.client(l:getsockname())
    assert.equal("r", sockeye.poll({ [l] = "r" }, 20)[l])
    local a <close> = l:accept()
    assert.equal(c:getsockname(), a:getpeername())
  end)

  it("accept-2: returns the new socket and the peer's address", function()
    for _, host in ipairs { "127.0.0.1:0", "[::1]:0" } do
      local l <close> = sockets.listener(host)
      local c <close> = sockets.client(l:getsockname())
      local a <close>, peer = l:accept()
      assert.not_equal(l:fd(), a:fd())
      assert.equal(c:getsockname(), peer)
      assert.equal(peer, a:getpeername())
      assert.equal("ESTABLISHED", a:state())
      assert.is_false(a:getsockopt "SO_ACCEPTCONN")
    end
  end)

  it("accept-2: leaves the listener listening", function()
    local l <close> = sockets.listener()
    for _ = 1, 3 do
      local c <close> = sockets.client(l:getsockname())
      local a <close>, peer = l:accept()
      assert.equal(c:getsockname(), peer)
      assert.equal("LISTEN", l:state())
      assert.is_true(l:getsockopt "SO_ACCEPTCONN")
      errors.raised("ENOTCONN", "getpeername", l.getpeername, l)
      assert.equal(l:getsockname(), a:getsockname())
    end
  end)

  it("accept-2: returns connections in the order they completed",
     function()
    local l <close> = sockets.listener()
    local clients <close> = begin(l, 5)
    for _, c in ipairs(clients) do
      local a <close>, peer = l:accept()
      assert.equal(c:getsockname(), peer)
      assert.equal(peer, a:getpeername())
    end
  end)

  it("accept-3: names the address of a wildcard that the client reached",
     function()
    local l <close> = sockets.listener "0.0.0.0:0"
    local port = l:getsockname().port
    for _, host in ipairs { "127.0.0.1", "127.0.0.2", "127.1.2.3" } do
      local c <close> = sockets.client(sockeye.inet(host, port))
      local a <close> = l:accept()
      assert.equal(sockeye.inet(host, port), a:getsockname())
      assert.equal(c:getpeername(), a:getsockname())
      assert.equal(sockeye.inet("*", port), l:getsockname())
    end
  end)

  it("accept-3: shows an IPv4 peer as a mapped IPv6 address", function()
    local l <close> = sockeye.socket("inet6", "stream")
    l:setsockopt("IPV6_V6ONLY", false):bind("[::]:0"):listen()
    local port = l:getsockname().port
    local reached = {
      [sockeye.inet("127.0.0.2", port)] =
        sockeye.inet6("::ffff:127.0.0.2", port),
      [sockeye.inet6("::1", port)] = sockeye.inet6("::1", port),
    }
    for address, name in pairs(reached) do
      local c <close> = sockets.client(address)
      local a <close> = l:accept()
      assert.equal(name, a:getsockname())
      assert.equal(c:getsockname(), a:getpeername():unmap())
    end
  end)

  -- POSIX has ECONNABORTED for it, BSD drops the connection from the queue.
  it("accept-4: returns a connection that was reset before, on Linux",
     function()
    local l <close> = sockets.listener()
    local lost = sockets.client(l:getsockname())
    local name = lost:getsockname()
    lost:setsockopt("SO_LINGER", 0):close()
    local a <close>, peer = l:accept()
    assert.equal(name, peer)
    sockets.await(a, "CLOSED")
    errors.raised("ENOTCONN", "getpeername", a.getpeername, a)
    errors.raised("ECONNRESET", "recv", a.recv, a, 1)
  end)

  it("accept-4: can serve the next client after a reset", function()
    local l <close> = sockets.listener()
    for _ = 1, 3 do
      sockets.client(l:getsockname()):setsockopt("SO_LINGER", 0):close()
    end
    local c <close> = sockets.client(l:getsockname())
    c:send "hello"
    local heard
    for _ = 1, 4 do
      local a <close> = l:accept()
      local ok, data = pcall(a.recv, a, 9)
      assert.is_true(ok or data.code == "ECONNRESET")
      heard = ok and data
    end
    assert.equal("hello", heard)
    assert.equal("LISTEN", l:state())
  end)
end)
