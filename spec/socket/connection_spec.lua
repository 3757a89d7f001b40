local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local function listener(family, address, backlog)
  local s = sockeye.socket(family or "inet", "stream")
  return s:bind(address or "127.0.0.1:0"):listen(backlog)
end

-- A listener of this process, its client and the connection's other end.
local function connected()
  local l <close> = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  local a = l:accept()
  return c, a
end

-- Whether the fd is ready to be written, within what a busy machine needs.
local function writable(s)
  return sockeye.poll({ [s] = "w" }, 30)[s]
end

describe("socketpair", function()
  descriptors.guard()

  local kinds = { {}, { "unix" }, { "unix", "stream" }, { "local", "dgram" },
                  { "unix", "seqpacket" }, { "unix", "stream", 0 },
                  { sockeye.AF_UNIX, sockeye.SOCK_DGRAM } }

  for _, kind in ipairs(kinds) do
    it("is connected: " .. table.concat(kind, " "), function()
      local a, b = sockeye.socketpair(table.unpack(kind))
      assert.equal("ESTABLISHED", a:state())
      assert.equal("ESTABLISHED", b:state())
      assert.equal(sockeye.unix(), a:getpeername())
      assert.is_true(a:fcntl("FD_CLOEXEC"))
      assert.is_true(b:fcntl("FD_CLOEXEC"))
      assert.is_false(a:fcntl("O_NONBLOCK"))
      assert.is_nil(a:gettimeout())
      a:send("there")
      b:send("back")
      assert.equal("there", b:recv(9))
      assert.equal("back", a:recv(9))
      sockets.close(a, b)
    end)
  end

  it("is not there for other families", function()
    errors.raised("EOPNOTSUPP", "socketpair", sockeye.socketpair, "inet")
    errors.raised("EAFNOSUPPORT", "socketpair", sockeye.socketpair, 99)
    errors.raised("ESOCKTNOSUPPORT", "socketpair", sockeye.socketpair,
                  "unix", "rdm")
    errors.raised("EPROTONOSUPPORT", "socketpair", sockeye.socketpair,
                  "unix", "stream", "tcp")
  end)
end)

describe("bind", function()
  descriptors.guard()

  it("returns the socket, which then has that address", function()
    local s <close> = sockeye.socket("inet", "stream")
    assert.is_true(rawequal(s, s:bind(sockeye.inet("127.0.0.1"))))
    local name = s:getsockname()
    assert.equal("127.0.0.1", name.host)
    assert.is_true(name.port > 0)
  end)

  it("raises what the system says, with the address", function()
    local s <close> = listener()
    local t <close> = sockeye.socket("inet", "stream")
    local name = s:getsockname()
    local err = errors.raised("EADDRINUSE", "bind", t.bind, t, name)
    assert.equal(name, err.address)
    err = errors.raised("EADDRNOTAVAIL", "bind", t.bind, t, "192.0.2.1:0")
    assert.equal("192.0.2.1:0", tostring(err.address))
    errors.raised("EINVAL", "bind", s.bind, s, "127.0.0.1:0")
    local u <close> = sockeye.socket("unix", "stream")
    err = errors.raised("ENOENT", "bind", u.bind, u, "unix:/nosuch/a")
    assert.equal("/nosuch/a", err.address.path)
    errors.raised("EINVAL", "bind", u.bind, u, "127.0.0.1:0")
  end)

  it("takes addresses alone, and looks at them first", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, value in ipairs { 80, true, {}, print, io.stdout, "", "80",
                             "127.0.0.1", "127.0.0.1:65536", "a:1" } do
      errors.rejected("bad argument #2", s.bind, s, value)
    end
    errors.rejected("bad argument #2", s.bind, s)
    errors.rejected("bad argument #2", s.bind, s, s)
    assert.equal(sockeye.inet(), s:getsockname())
  end)
end)

describe("listen", function()
  descriptors.guard()

  it("returns the socket, which then listens", function()
    local s <close> = sockeye.socket("inet", "stream")
    s:bind("127.0.0.1:0")
    assert.equal("CLOSED", s:state())
    assert.is_true(rawequal(s, s:listen()))
    assert.equal("LISTEN", s:state())
  end)

  it("takes the backlog, zero and the largest too", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, backlog in ipairs { 0, 1, 5.0, "7", 0x7fffffff } do
      assert.equal("LISTEN", s:listen(backlog):state())
    end
  end)

  it("takes no other backlog", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, backlog in ipairs { -1, 1 << 31, math.mininteger, 1.5, 0 / 0,
                               math.huge, "x", true, {} } do
      errors.rejected("bad argument #2", s.listen, s, backlog)
      assert.equal("CLOSED", s:state())
    end
  end)

  it("is not for datagrams", function()
    local s <close> = sockeye.socket("inet", "dgram")
    errors.raised("EOPNOTSUPP", "listen", s.listen, s)
    local u <close> = sockeye.socket("unix", "stream")
    errors.raised("EINVAL", "listen", u.listen, u)
  end)
end)

describe("accept", function()
  descriptors.guard()

  it("returns the connection and the peer's address", function()
    local l <close> = listener()
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    local a <close>, peer = l:accept()
    assert.equal(c:getsockname(), peer)
    assert.equal(peer, a:getpeername())
    assert.equal(l:getsockname(), a:getsockname())
    assert.is_true(a:fcntl("FD_CLOEXEC"))
    assert.is_false(a:fcntl("O_NONBLOCK"))
    assert.matches("^socket%(inet stream ", tostring(a))
    assert.equal("LISTEN", l:state())
  end)

  it("returns the names of unix peers", function()
    local l <close> = listener("unix", sockeye.unix())
    local u <close> = sockeye.socket("unix", "stream")
    u:connect(l:getsockname())
    local a <close>, peer = l:accept()
    assert.equal(sockeye.unix(), peer)
    local n <close> = sockeye.socket("unix", "stream")
    n:bind(sockeye.unix()):connect(l:getsockname())
    local b <close>, named = l:accept()
    assert.equal(n:getsockname(), named)
    assert.equal(l:getsockname(), b:getsockname())
    assert.equal("ESTABLISHED", a:state())
  end)

  it("does not hand the listener's time-out on", function()
    local l <close> = listener()
    l:settimeout(30)
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    local a <close> = l:accept()
    assert.is_nil(a:gettimeout())
    assert.is_false(a:fcntl("O_NONBLOCK"))
  end)

  it("raises at its time-out", function()
    for _, seconds in ipairs { 1e-9, 0.01 } do
      local l <close> = listener()
      l:settimeout(seconds)
      local before = sockeye.now()
      local err = errors.raised("ETIMEDOUT", "accept", l.accept, l)
      assert.is_true(err.timeout)
      assert.is_true(sockeye.now() - before >= seconds)
    end
  end)

  it("returns false where it must not wait", function()
    local l <close> = listener()
    l:settimeout(0)
    assert.same({ false, n = 1 }, table.pack(l:accept()))
    l:settimeout(nil):fcntl("O_NONBLOCK", true)
    assert.same({ false, n = 1 }, table.pack(l:accept()))
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    local a <close> = l:accept()
    assert.equal("ESTABLISHED", a:state())
  end)

  it("heeds the time-out after O_NONBLOCK was taken away", function()
    -- In a process of its own: one that failed to would wait for ever.
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local l <close> = sockeye.socket("inet", "stream")
      l:bind("127.0.0.1:0"):listen():settimeout(0)
      assert(l:accept() == false)
      l:fcntl("O_NONBLOCK", false)
      assert(l:accept() == false)
      l:fcntl("O_NONBLOCK", false):settimeout(0.01)
      local ok, err = pcall(l.accept, l)
      assert(not ok and err.timeout)
    ]], { timeout = 20 })
    assert.equal(0, result.status, result.stderr)
  end)

  it("waits in the kernel again when the time-out is taken away", function()
    local l <close> = listener()
    l:settimeout(0)
    assert.is_false(l:accept())
    l:settimeout(nil)
    local client <close> = process.start_lua([[
      local sockeye = require "sockeye"
      local s <close> = sockeye.socket("inet", "stream")
      s:connect(arg[1])
      s:recv(1)
    ]], { args = { tostring(l:getsockname()) } })
    local a <close> = l:accept()
    assert.equal("ESTABLISHED", a:state())
    assert.is_number(client.pid)
  end)

  it("raises where the socket does not listen", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.raised("EINVAL", "accept", s.accept, s)
    local d <close> = sockeye.socket("inet", "dgram")
    errors.raised("EOPNOTSUPP", "accept", d.accept, d)
    s:settimeout(1)
    errors.raised("EINVAL", "accept", s.accept, s)
  end)
end)

describe("connect", function()
  descriptors.guard()

  it("returns the socket", function()
    local l <close> = listener()
    local c <close> = sockeye.socket("inet", "stream")
    assert.is_true(rawequal(c, c:connect(tostring(l:getsockname()))))
    assert.equal(l:getsockname(), c:getpeername())
  end)

  for _, seconds in ipairs { false, 0, 5, 1e10 } do
    it(("is refused with time-out %s"):format(seconds), function()
      local c <close> = sockeye.socket("inet", "stream")
      local address
      do
        local l <close> = listener()
        address = l:getsockname()
      end
      c:settimeout(seconds or nil)
      local err
      if seconds == 0 then
        -- On the loopback the refusal is there at once, or after a wait.
        local ok, result = pcall(c.connect, c, address)
        if ok then
          assert.is_false(result)
          writable(c)
          err = errors.raised("ECONNREFUSED", "connect", c.connect, c,
                              address)
        else
          err = result
        end
      else
        err = errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
      end
      assert.equal("ECONNREFUSED", err.code)
      assert.equal(address, err.address)
      assert.is_nil(err.timeout)
      assert.is_false(c:fcntl("O_NONBLOCK"))
    end)

    it(("succeeds with time-out %s"):format(seconds), function()
      local l <close> = listener()
      local c <close> = sockeye.socket("inet", "stream")
      c:settimeout(seconds or nil)
      while not c:connect(l:getsockname()) do writable(c) end
      assert.equal("ESTABLISHED", c:state())
      assert.is_false(c:fcntl("O_NONBLOCK"))
      if not seconds then
        errors.raised("EISCONN", "connect", c.connect, c, l:getsockname())
      end
    end)
  end

  it("finishes by a second call where it must not wait", function()
    local l <close> = listener()
    local c <close> = sockeye.socket("inet", "stream")
    c:fcntl("O_NONBLOCK", true)
    local address = l:getsockname()
    local first = c:connect(address)
    if first == false then
      writable(c)
      assert.is_true(rawequal(c, c:connect(address)))
    end
    assert.equal("ESTABLISHED", c:state())
    assert.is_true(c:fcntl("O_NONBLOCK"))
  end)

  it("runs out of the caller's time, and may be taken up again", function()
    local l, first = sockets.busy_listener()
    local c <close> = sockeye.socket("inet", "stream")
    c:settimeout(0.01)
    local err = errors.raised("ETIMEDOUT", "connect", c.connect, c,
                              l:getsockname())
    assert.is_true(err.timeout)
    assert.equal(l:getsockname(), err.address)
    assert.equal("SYN_SENT", c:state())
    assert.is_true(errors.raised("ETIMEDOUT", "connect", c.connect, c,
                                 l:getsockname()).timeout)
    c:settimeout(0)
    assert.is_false(c:connect(l:getsockname()))
    l:accept():close()
    -- The next SYN is sent a second after the first.
    c:settimeout(30)
    assert.is_true(rawequal(c, c:connect(l:getsockname())))
    assert.equal("ESTABLISHED", c:state())
    sockets.close(l, first)
  end)

  -- A Unix listener with backlog 0 has room for one.
  local function busy_unix_listener()
    local l = listener("unix", sockeye.unix(), 0)
    local first = sockeye.socket("unix", "stream"):connect(l:getsockname())
    return l, first, l:getsockname()
  end

  local modes = { { "blocking", false }, { "non-blocking", true } }
  for _, mode in ipairs(modes) do
    it(("waits for a place at a busy unix listener, %s"):format(mode[1]),
      function()
        local l, first, address = busy_unix_listener()
        local c <close> = sockeye.socket("unix", "stream")
        c:fcntl("O_NONBLOCK", mode[2]):settimeout(0.05)
        local before = sockeye.now()
        local err = errors.raised("ETIMEDOUT", "connect", c.connect, c,
                                  address)
        assert.is_true(err.timeout)
        assert.equal(address, err.address)
        assert.is_true(sockeye.now() - before >= 0.05)
        c:settimeout(0)
        assert.is_false(c:connect(address))
        l:accept():close()
        assert.is_true(rawequal(c, c:connect(address)))
        assert.equal(mode[2], c:fcntl("O_NONBLOCK"))
        sockets.close(l, first)
      end)
  end

  it("leaves the time-outs of the system's as they were", function()
    local l, first, address = busy_unix_listener()
    local c <close> = sockeye.socket("unix", "stream")
    c:settimeout(0.001)
    errors.raised("ETIMEDOUT", "connect", c.connect, c, address)
    l:accept():close()
    c:settimeout(nil):connect(address)
    assert.equal("ESTABLISHED", c:state())
    sockets.close(l, first)
  end)

  it("names a datagram socket's peer, and disconnect forgets it", function()
    local s <close> = sockeye.socket("inet", "dgram")
    local t <close> = sockeye.socket("inet", "dgram")
    t:bind("127.0.0.1:0")
    for _, seconds in ipairs { false, 0, 1 } do
      s:settimeout(seconds or nil)
      assert.is_true(rawequal(s, s:connect(t:getsockname())))
      assert.equal(t:getsockname(), s:getpeername())
      assert.is_true(rawequal(s, s:disconnect()))
      errors.raised("ENOTCONN", "getpeername", s.getpeername, s)
    end
  end)

  it("raises what the system says", function()
    local s <close> = sockeye.socket("unix", "stream")
    errors.raised("ENOENT", "connect", s.connect, s, "unix:/nosuch")
    errors.raised("EINVAL", "connect", s.connect, s, "127.0.0.1:1")
    errors.raised("ECONNREFUSED", "connect", s.connect, s,
                  "unix:@sockeye-nobody")
    local i <close> = sockeye.socket("inet", "stream")
    errors.raised("EAFNOSUPPORT", "connect", i.connect, i, "[::1]:1")
  end)

  it("takes addresses alone, and looks at them first", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, value in ipairs { 80, true, {}, print, io.stdout, "",
                             "127.0.0.1", "localhost:80" } do
      errors.rejected("bad argument #2", s.connect, s, value)
    end
    errors.rejected("bad argument #2", s.connect, s)
    assert.equal(sockeye.inet(), s:getsockname())
  end)
end)

describe("shutdown", function()
  descriptors.guard()

  local ends = { "rd", "wr", "rdwr", "SHUT_WR", sockeye.SHUT_RDWR }
  for _, way in ipairs(ends) do
    it(("takes %s and returns the socket"):format(way), function()
      local c, a = connected()
      assert.is_true(rawequal(c, c:shutdown(way)))
      sockets.close(c, a)
    end)
  end

  it("wants a connection", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.raised("ENOTCONN", "shutdown", s.shutdown, s, "wr")
    errors.raised("EINVAL", "shutdown", s.shutdown, s, 3)
    errors.rejected("bad argument #2", s.shutdown, s)
  end)
end)

describe("the names of a socket", function()
  descriptors.guard()

  it("are the wildcard before they are given", function()
    local cases = { inet = sockeye.inet(), inet6 = sockeye.inet6(),
                    unix = sockeye.unix() }
    for family, name in pairs(cases) do
      local s <close> = sockeye.socket(family, "stream")
      assert.equal(name, s:getsockname())
      errors.raised("ENOTCONN", "getpeername", s.getpeername, s)
    end
  end)

  it("are those of both ends once connected", function()
    local c, a = connected()
    assert.equal(c:getsockname(), a:getpeername())
    assert.equal(a:getsockname(), c:getpeername())
    sockets.close(c, a)
  end)
end)

describe("fcntl", function()
  descriptors.guard()

  for _, flag in ipairs { "O_NONBLOCK", "O_APPEND", "O_ASYNC",
                          "FD_CLOEXEC" } do
    it(("reads and sets %s"):format(flag), function()
      local s <close> = sockeye.socket("inet", "stream")
      local before = s:fcntl(flag)
      assert.equal(flag == "FD_CLOEXEC", before)
      for _, value in ipairs { true, true, false, false, true } do
        assert.is_true(rawequal(s, s:fcntl(flag, value)))
        assert.equal(value, s:fcntl(flag))
      end
      for _, other in ipairs { "O_NONBLOCK", "O_APPEND", "O_ASYNC" } do
        if other ~= flag then assert.is_false(s:fcntl(other)) end
      end
    end)
  end

  it("is about the open file with O_NONBLOCK, not FD_CLOEXEC", function()
    local s <close> = sockeye.socket("inet", "stream")
    local file = io.open("/proc/self/fdinfo/" .. s:fd())
    s:fcntl("O_NONBLOCK", true)
    assert.matches("flags:%s*%d*4002\n", file:read("a"))
    file:close()
  end)

  it("takes no other flag, and only booleans for it", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.rejected("unknown flag 'O_NONBLOK', did you mean 'O_NONBLOCK'",
                    s.fcntl, s, "O_NONBLOK")
    for _, value in ipairs { "", "O_NONBLOCK\0", "nothing", 1, true, {} } do
      errors.rejected("bad argument #2", s.fcntl, s, value, true)
    end
    errors.rejected("bad argument #2", s.fcntl, s)
    for _, value in ipairs { 1, 0, "true", {}, print } do
      errors.rejected("bad argument #3.*boolean", s.fcntl, s, "O_NONBLOCK",
                      value)
    end
    errors.rejected("bad argument #3", s.fcntl, s, "O_NONBLOCK", nil)
    assert.is_false(s:fcntl("O_NONBLOCK"))
  end)
end)

describe("state", function()
  descriptors.guard()

  -- Bounded: the loopback answers within a few of these steps.
  local function becomes(state, s)
    for _ = 1, 1000 do
      if s:state() == state then break end
      sockeye.sleep(0.001)
    end
    assert.equal(state, s:state())
  end

  it("follows a TCP connection through its life", function()
    local l <close> = sockeye.socket("inet", "stream")
    assert.equal("CLOSED", l:state())
    l:bind("127.0.0.1:0")
    assert.equal("CLOSED", l:state())
    l:listen()
    assert.equal("LISTEN", l:state())
    local c <close> = sockeye.socket("inet", "stream")
    assert.equal("CLOSED", c:state())
    c:connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
    local a <close> = l:accept()
    assert.equal("ESTABLISHED", a:state())
    c:shutdown("wr")
    becomes("CLOSE_WAIT", a)
    becomes("FIN_WAIT2", c)
    a:shutdown("wr")
    becomes("CLOSED", a)
    becomes("CLOSED", c)
    l:shutdown("rd")
    assert.equal("CLOSED", l:state())
  end)

  it("is CLOSED after a reset", function()
    local l <close> = listener()
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    c:send("unread")
    l:accept():close()
    becomes("CLOSED", c)
  end)

  it("is told of datagram and unix sockets as far as it goes", function()
    local d <close> = sockeye.socket("inet", "dgram")
    assert.equal("CLOSED", d:state())
    assert.equal("CLOSED", d:bind("127.0.0.1:0"):state())
    assert.equal("ESTABLISHED", d:connect(d:getsockname()):state())
    assert.equal("CLOSED", d:disconnect():state())
    local u <close> = sockeye.socket("unix", "stream")
    assert.equal("CLOSED", u:state())
    u:bind(sockeye.unix())
    assert.equal("CLOSED", u:state())
    assert.equal("LISTEN", u:listen():state())
    local c <close> = sockeye.socket("unix", "stream")
    assert.equal("ESTABLISHED", c:connect(u:getsockname()):state())
  end)

  it("is told of raw sockets", function()
    local ok, s = pcall(sockeye.socket, "packet", "raw", 0)
    if not ok then return pending("raw sockets need a privilege") end
    assert.equal("CLOSED", s:state())
    s:close()
  end)
end)
