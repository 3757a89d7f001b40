local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"

local function listener(family, address, backlog)
  local s = sockeye.socket(family or "inet", "stream")
  return s:bind(address or "127.0.0.1:0"):listen(backlog)
end

-- Whether the fd is ready to be written, within what a busy machine needs.
local function writable(s)
  return sockeye.poll({ [s] = "w" }, 30)[s]
end

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

  it("is finished by a second call if it must not wait", function()
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

  it("raises the caller's time-out, and can be continued", function()
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

  it("does not change the system's time-outs", function()
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

  it("accepts only addresses, and checks them first", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, value in ipairs { 80, true, {}, print, io.stdout, "",
                             "127.0.0.1", "localhost:80" } do
      errors.rejected("bad argument #2", s.connect, s, value)
    end
    errors.rejected("bad argument #2", s.connect, s)
    assert.equal(sockeye.inet(), s:getsockname())
  end)
end)
