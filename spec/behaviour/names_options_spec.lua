local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local options = require "spec.support.options"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

describe("getsockname", function()
  descriptors.guard()

  it("name-1: of an unbound socket is the wildcard", function()
    for _, type in ipairs { "stream", "dgram" } do
      local s <close> = sockeye.socket("inet", type)
      assert.equal(sockeye.inet(), s:getsockname())
      local t <close> = sockeye.socket("inet6", type)
      assert.equal(sockeye.inet6(), t:getsockname())
      local u <close> = sockeye.socket("unix", type)
      assert.equal(sockeye.unix(), u:getsockname())
    end
  end)

  it("name-1: of a bound socket is what it was bound to", function()
    local s <close> = sockets.bound "127.0.0.1:0"
    assert.equal("127.0.0.1", s:getsockname().host)
    assert.is_true(s:getsockname().port > 0)
    local t <close> = sockets.bound "[::1]:0"
    assert.equal("::1", t:getsockname().host)
    local path = ("\0sockeye-name-1-%d"):format(sockeye.getpid())
    local u <close> = sockets.bound(sockeye.unix(path))
    assert.equal(path, u:getsockname().path)
  end)

  it("name-1: of a connected socket is the kernel's choice", function()
    local l <close> = sockets.listener "0.0.0.0:0"
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(sockeye.inet("127.0.0.1", l:getsockname().port))
    assert.equal("127.0.0.1", c:getsockname().host)
    assert.is_true(c:getsockname().port > 0)
  end)

  it("name-1: of an accepted socket is the peer's peer", function()
    for _, address in ipairs { sockeye.inet "127.0.0.1", sockeye.inet6 "::1",
                               sockeye.unix() } do
      local l <close> = sockets.listener(address)
      local c <close> = sockets.client(l:getsockname())
      local a <close> = l:accept()
      assert.equal(c:getpeername(), a:getsockname())
      assert.equal(l:getsockname(), a:getsockname())
    end
  end)
end)

describe("getpeername", function()
  descriptors.guard()

  it("name-2: is the other end's name", function()
    local l <close> = sockets.listener()
    local c <close> = sockets.client(l:getsockname())
    local a <close>, peer = l:accept()
    assert.equal(l:getsockname(), c:getpeername())
    assert.equal(c:getsockname(), a:getpeername())
    assert.equal(peer, a:getpeername())
  end)

  it("name-2: is ENOTCONN without a peer", function()
    for _, family in ipairs { "inet", "inet6", "unix" } do
      for _, type in ipairs { "stream", "dgram" } do
        local s <close> = sockeye.socket(family, type)
        errors.raised("ENOTCONN", "getpeername", s.getpeername, s)
      end
    end
    local l <close> = sockets.listener()
    errors.raised("ENOTCONN", "getpeername", l.getpeername, l)
  end)

  it("name-2: is known until both directions have ended", function()
    local c, a = sockets.tcp()
    local name = a:getsockname()
    a:close()
    assert.is_nil(c:recv(1))
    assert.equal("CLOSE_WAIT", c:state())
    assert.equal(name, c:getpeername())
    c:shutdown "wr"
    sockets.await(c, "CLOSED")
    errors.raised("ENOTCONN", "getpeername", c.getpeername, c)
    c:close()
  end)

  it("name-3: names the peer to a program after exec", function()
    local c, a = sockets.tcp()
    local script = [[
      local s = require("sockeye").adopt(0)
      s:sendall(tostring(s:getpeername()))
    ]]
    local pid = fork.child(function()
      c:close()
      sockeye.dup2(a, 0)
      sockeye.execvp(process.lua, { process.lua, "-e", script })
    end)
    a:close()
    assert.equal(tostring(c:getsockname()), sockets.read_all(c))
    fork.reap(pid)
    c:close()
  end)
end)

-- An option of each type of value at each level, and a value to set.
local settings = {
  { "inet", "stream", "SO_KEEPALIVE", true },
  { "inet", "stream", "SO_LINGER", 5 },
  { "inet", "stream", "SO_RCVTIMEO", 2.5 },
  { "inet", "dgram", "SO_BROADCAST", true },
  { "unix", "dgram", "SO_PASSCRED", true },
  { "inet", "dgram", "IP_TTL", 77 },
  { "inet", "dgram", "IP_TOS", 0x10 },
  { "inet", "dgram", "IP_MTU_DISCOVER", "do" },
  { "inet", "dgram", "IP_MULTICAST_LOOP", false },
  { "inet6", "stream", "IPV6_V6ONLY", true },
  { "inet6", "dgram", "IPV6_UNICAST_HOPS", 33 },
  { "inet", "stream", "TCP_NODELAY", true },
  { "inet", "stream", "TCP_KEEPIDLE", 42 },
  { "inet", "stream", "TCP_CONGESTION", "reno" },
  { "inet", "dgram", "UDP_CORK", true },
}

local read_only = {
  { "inet", "stream", "SO_TYPE", "stream" },
  { "inet", "dgram", "SO_DOMAIN", "inet" },
  { "inet", "stream", "SO_ACCEPTCONN", false },
}

local rows = {}
for _, row in ipairs(sockeye.options()) do rows[row.name] = row end

describe("an option", function()
  descriptors.guard()

  for _, case in ipairs(settings) do
    local family, type, name, value = table.unpack(case)
    it("opt-1: is set and got at its level: " .. name, function()
      local s <close> = sockeye.socket(family, type)
      assert.not_equal(value, s:getsockopt(name))
      s:setsockopt(name, value)
      assert.equal(value, s:getsockopt(name))
    end)
  end

  for _, case in ipairs(read_only) do
    local family, type, name, value = table.unpack(case)
    it("opt-1: is got at its level: " .. name, function()
      local s <close> = sockeye.socket(family, type)
      assert.equal(value, s:getsockopt(name))
    end)
  end

  for _, level in ipairs { "SOL_SOCKET", "IPPROTO_IP", "IPPROTO_IPV6",
                           "IPPROTO_TCP", "IPPROTO_UDP" } do
    it("opt-1: has typed rows at " .. level, function()
      local readable = 0
      for _, row in pairs(rows) do
        if row.level == level and row.readable then
          options.with_socket(row, function(s)
            if pcall(s.getsockopt, s, row.name) then readable = readable + 1 end
          end)
        end
      end
      assert.is_true(readable >= 4, readable)
    end)
  end

  it("opt-1: is reached by level and number, too", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, name in ipairs { "SO_KEEPALIVE", "IP_TTL", "TCP_KEEPIDLE" } do
      local row = rows[name]
      s:setsockopt(row.level, row.number, 1)
      assert.equal(1, s:getsockopt(row.level, row.number))
      assert.equal(string.pack("=i4", 1), s:getsockopt(row.level, name, 4))
      assert.equal(row.type == "bool" and true or 1, s:getsockopt(name))
      s:setsockopt(row.level, name, string.pack("=i4", 0x15))
      assert.equal(row.type == "bool" and 1 or 0x15,
                   s:getsockopt(row.level, row.number))
    end
  end)

  it("opt-1: of a level without rows is reached by number", function()
    local ok, s = pcall(sockeye.socket, "inet", "raw", "icmp")
    if not ok then pending "raw sockets need a privilege" return end
    -- ICMP_FILTER: no echo requests.
    s:setsockopt("SOL_RAW", 1, string.pack("=I4", 1 << 8))
    assert.equal(string.pack("=I4", 1 << 8), s:getsockopt("SOL_RAW", 1, 4))
    s:close()
  end)

  it("opt-1: that the socket does not have is ENOPROTOOPT", function()
    local s <close> = sockeye.socket("inet", "dgram")
    errors.raised("ENOPROTOOPT", "setsockopt", s.setsockopt, s, "SOL_SOCKET",
                  30000, 1)
    errors.raised("ENOPROTOOPT", "getsockopt", s.getsockopt, s, "SOL_SOCKET",
                  30000)
    errors.rejected("SO_REUSEADDR", s.setsockopt, s, "SO_REUSEADR", true)
  end)

  it("opt-1: of a buffer's size is doubled by Linux", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, name in ipairs { "SO_RCVBUF", "SO_SNDBUF" } do
      s:setsockopt(name, 10000)
      assert.equal(20000, s:getsockopt(name))
    end
  end)
end)

describe("fcntl", function()
  descriptors.guard()

  it("opt-2: O_NONBLOCK makes every call on the open file so", function()
    local a, b = sockets.unix()
    a:settimeout(nil)
    assert.is_false(a:fcntl "O_NONBLOCK")
    a:fcntl("O_NONBLOCK", true)
    assert.is_true(a:fcntl "O_NONBLOCK")
    assert.is_false(a:recv(1))
    a:fcntl("O_NONBLOCK", false)
    assert.is_false(a:fcntl "O_NONBLOCK")
    b:send "x"
    assert.equal("x", a:recv(1))
    sockets.close(a, b)
  end)

  it("opt-2: FD_CLOEXEC is set from the start", function()
    local l <close> = sockets.listener()
    local c <close> = sockets.client(l:getsockname())
    local a <close> = l:accept()
    for _, s in ipairs { l, c, a } do
      assert.is_true(s:fcntl "FD_CLOEXEC")
      s:fcntl("FD_CLOEXEC", false)
      assert.is_false(s:fcntl "FD_CLOEXEC")
    end
  end)

  -- On BSD it is, being copied from the listener.
  it("opt-2: O_NONBLOCK is not an accepted socket's on Linux", function()
    local l <close> = sockets.listener()
    l:fcntl("O_NONBLOCK", true)
    local c <close> = sockets.client(l:getsockname())
    local a <close> = l:accept()
    assert.is_false(a:fcntl "O_NONBLOCK")
    assert.equal("ESTABLISHED", c:state())
  end)

  it("opt-2: a forked child shares O_NONBLOCK, not FD_CLOEXEC", function()
    local a, b = sockets.unix()
    assert.is_false(a:fcntl "O_NONBLOCK")
    fork.reap(fork.child(function()
      assert(a:fcntl "FD_CLOEXEC")
      a:fcntl("O_NONBLOCK", true)
      a:fcntl("FD_CLOEXEC", false)
      assert(not a:fcntl "FD_CLOEXEC")
    end))
    assert.is_true(a:fcntl "O_NONBLOCK")
    assert.is_true(a:fcntl "FD_CLOEXEC")
    a:fcntl("O_NONBLOCK", false)
    sockets.close(a, b)
  end)
end)
