local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local preloaded = require "spec.support.family"
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

  it("raises the system's error for other families and types", function()
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

  it("raises the system's error, with the address", function()
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

  it("accepts only addresses, and checks them first", function()
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

  it("takes the backlog, zero, negative ones and the largest too", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, backlog in ipairs { -1, 0, 1, 5.0, "7", 0x7fffffff } do
      assert.equal("LISTEN", s:listen(backlog):state())
    end
  end)

  it("rejects any other backlog", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, backlog in ipairs { 1 << 31, math.mininteger, 1.5, 0 / 0,
                               math.huge, "x", true, {} } do
      errors.rejected("bad argument #2", s.listen, s, backlog)
      assert.equal("CLOSED", s:state())
    end
  end)

  it("raises the system's error on sockets that cannot listen", function()
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

  it("does not pass on the listener's time-out", function()
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

  it("returns false if it must not wait", function()
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

  it("ends at the time-out after O_NONBLOCK was removed", function()
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

  it("waits in the kernel again once the time-out is removed", function()
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

  it("raises the system's error if the socket does not listen", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.raised("EINVAL", "accept", s.accept, s)
    local d <close> = sockeye.socket("inet", "dgram")
    errors.raised("EOPNOTSUPP", "accept", d.accept, d)
    s:settimeout(1)
    errors.raised("EINVAL", "accept", s.accept, s)
  end)

  it("gives no address in a family without names", function()
    for _, poller in ipairs { "epoll", "poll" } do
      assert.equal(("hello\tnil\t2\n"):rep(2), preloaded.printed([[
        local sockeye = require "sockeye"
        local function try()
          local name = sockeye.unix("\0sockeye " .. sockeye.getpid())
          local l <close> = sockeye.adopt(
            sockeye.socket("unix", "stream"):bind(name):listen():detach())
          local c <close> = sockeye.socket("unix", "stream"):connect(name)
          c:send "hello"
          local given = table.pack(l:accept())
          print(given[1]:recv(5), given[2], given.n)
          given[1]:close()
        end
        try()
        sockeye.run(try)
      ]], { family = 38, nameless = true, poller = poller }))
    end
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

  it("raises ENOTCONN without a connection, and needs an argument", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.raised("ENOTCONN", "shutdown", s.shutdown, s, "wr")
    errors.raised("EINVAL", "shutdown", s.shutdown, s, 3)
    errors.rejected("bad argument #2", s.shutdown, s)
  end)
end)

describe("the names of a socket", function()
  descriptors.guard()

  it("are the wildcard before bind and connect", function()
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

  it("sets O_NONBLOCK of the open file, FD_CLOEXEC of the descriptor",
     function()
    local s <close> = sockeye.socket("inet", "stream")
    local file = io.open("/proc/self/fdinfo/" .. s:fd())
    s:fcntl("O_NONBLOCK", true)
    assert.matches("flags:%s*%d*4002\n", file:read("a"))
    file:close()
  end)

  it("rejects other flags, and values that are no booleans", function()
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
