local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local sockets = require "spec.support.sockets"
local worlds = require "spec.support.worlds"

local function becomes(count, s, method)
  examples.eventually(function() return s[method](s) == count end)
  assert.equal(count, s[method](s))
end

describe("the bytes that wait", function()
  descriptors.guard()

  worlds.it("to be read are counted, of TCP", function()
    local c <close>, s = sockets.tcp()
    assert.equal(0, s:inq())
    c:send "12345"
    becomes(5, s, "inq")
    s:recv(2)
    assert.equal(3, s:inq())
    s:recv(3)
    assert.equal(0, s:inq())
    s:close()
  end)

  worlds.it("to be confirmed and sent are counted, of TCP", function()
    local c <close>, s = sockets.tcp()
    c:send "12345"
    becomes(0, c, "outq")
    assert.equal(0, c:outqnsd())
    c:settimeout(0)
    local sent = 0
    repeat
      local n = c:send(("x"):rep(65536))
      sent = sent + (n or 0)
    until not n
    assert.is_true(c:outq() > 0 and c:outq() <= sent)
    assert.is_true(c:outqnsd() <= c:outq())
    s:close()
  end)

  it("are those of the first datagram, of UDP", function()
    local a, b <close> = sockets.udp()
    a:send "12345"
    a:send "123"
    assert.equal(5, b:inq())
    b:recv(100)
    assert.equal(3, b:inq())
    b:recv(100)
    assert.equal(0, b:inq())
    a:close()
  end)

  worlds.it("are counted of Unix sockets and of pipes", function()
    local a, b <close> = sockets.unix()
    a:send "12345"
    assert.equal(5, b:inq())
    assert.is_true(a:outq() >= 5)
    b:recv(100)
    assert.equal(0, a:outq())
    a:close()
    local r <close>, w = sockeye.pipe()
    w:write "123"
    assert.equal(3, r:inq())
    w:close()
  end)

  it("are not counted of what listens", function()
    local l <close> = sockets.listener()
    for _, method in ipairs { "inq", "outq", "outqnsd" } do
      errors.raised("EINVAL", method, l[method], l)
    end
  end)

  it("are not counted where the system has no such count", function()
    local u <close> = sockeye.socket("inet", "dgram")
    errors.raised("EOPNOTSUPP", "outqnsd", u.outqnsd, u)
    local n <close> = sockeye.socket("netlink", "raw", "route")
    errors.raised("EOPNOTSUPP", "inq", n.inq, n)
    local r, w = sockeye.pipe()
    errors.raised("EOPNOTSUPP", "outq", w.outq, w)
    r:close()
    w:close()
  end)

  it("are not counted of a closed socket", function()
    local s = sockeye.socket("inet", "dgram")
    s:close()
    for _, method in ipairs { "inq", "outq", "outqnsd" } do
      errors.raised("EBADF", method, s[method], s)
    end
  end)
end)
