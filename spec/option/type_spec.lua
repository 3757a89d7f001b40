-- Options whose values are plain: what they refuse, do and return.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local options = require "spec.support.options"
local sockets = require "spec.support.sockets"

local patience <const> = 30

describe("option of a plain type", function()
  descriptors.guard()

  it("rejects values that its type cannot hold", function()
    options.refuse_all {
      bool = { 1, 0, "true" },
      int = { 1 << 31, -(1 << 31) - 1, 1.5, true, "many" },
      uint = { -1, 1 << 32, 0.5, true },
      size = { -1, 1 << 31, true },
      octet = { -1, 256, true },
      word = { -2, 1.5, true },
      seconds = { -1, 0 / 0, math.huge, true, "soon" },
      linger = { true, -1, 1 << 31, 1.5, "long" },
      string = { "sixteen bytes, so", "a\0b", true },
      discovery = { "dunno", "", true, -1 },
      flags = { "rx_sofware", true },
    }
  end)

  it("leaves the port free for IPv4: IPV6_V6ONLY", function()
    if not pcall(sockeye.socket, "inet6", "stream") then
      return pending("IPv6 is unavailable here")
    end
    sockets.with_port(function(port)
      local six <close> = sockeye.socket("inet6", "stream")
      six:setsockopt("IPV6_V6ONLY", true)
      six:bind(sockeye.inet6("::", port)):listen()
      local four <close> = sockeye.socket("inet", "stream")
      four:bind(sockeye.inet("*", port)):listen()
      assert.equal("LISTEN", six:state())
      assert.equal("LISTEN", four:state())
    end)
  end)

  it("accepts both families without IPV6_V6ONLY", function()
    local ok, six = pcall(sockeye.socket, "inet6", "stream")
    if not ok then return pending("IPv6 is unavailable here") end
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

  it("keeps to an interface: SO_BINDTODEVICE", function()
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

  it("chooses the algorithm: TCP_CONGESTION", function()
    local s <close> = sockeye.socket("inet", "stream")
    s:setsockopt("TCP_CONGESTION", "reno")
    assert.equal("reno", s:getsockopt("TCP_CONGESTION"))
    errors.raised("ENOENT", "setsockopt", s.setsockopt, s, "TCP_CONGESTION",
                  "nosuchthing")
  end)

  it("resets the connection: SO_LINGER of 0", function()
    local c, a = sockets.tcp()
    c:setsockopt("SO_LINGER", 0)
    c:close()
    errors.raised("ECONNRESET", "recv", a.recv, a, 9)
    a:close()
  end)

  it("returns and clears the pending error: SO_ERROR", function()
    local l = sockeye.socket("inet", "stream"):bind("127.0.0.1:0"):listen()
    local nobody = l:getsockname()
    l:close()
    local s <close> = sockeye.socket("inet", "dgram"):connect(nobody)
    s:send("anybody there?")
    assert.is_truthy(sockeye.poll({ [s] = "r" }, patience)[s])
    assert.equal("ECONNREFUSED", s:getsockopt("SO_ERROR"))
    assert.is_nil(s:getsockopt("SO_ERROR"))
  end)

  it("ends a wait: SO_RCVTIMEO", function()
    local a <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
    a:setsockopt("SO_RCVTIMEO", 1e-9)
    assert.is_true(a:getsockopt("SO_RCVTIMEO") > 0)
    errors.raised("EAGAIN", "recv", a.recv, a, 9)
    a:setsockopt("SO_RCVTIMEO", 0.9999999)
    assert.equal(1.0, a:getsockopt("SO_RCVTIMEO"))
  end)

  it("returns the kind of the socket", function()
    local cases = {
      { "inet", "stream", "tcp" }, { "inet", "dgram", "udp" },
      { "unix", "dgram", 0 }, { "unix", "seqpacket", 0 },
    }
    for _, case in ipairs(cases) do
      local s <close> = sockeye.socket(case[1], case[2])
      assert.equal(case[1], s:getsockopt("SO_DOMAIN"))
      assert.equal(case[2], s:getsockopt("SO_TYPE"))
      assert.equal(case[3], s:getsockopt("SO_PROTOCOL"))
    end
  end)

  it("returns whether the socket listens: SO_ACCEPTCONN", function()
    local s <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
    assert.is_false(s:getsockopt("SO_ACCEPTCONN"))
    s:listen()
    assert.is_true(s:getsockopt("SO_ACCEPTCONN"))
  end)

  it("returns the same number each time: SO_COOKIE", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal(s:getsockopt("SO_COOKIE"), s:getsockopt("SO_COOKIE"))
  end)

  it("returns the SYN that was saved: TCP_SAVED_SYN", function()
    local l <close> = sockets.bound("127.0.0.1:0")
    l:setsockopt("TCP_SAVE_SYN", 1):listen()
    local c <close> = sockets.client(l:getsockname())
    local a <close> = l:accept()
    local syn = a:getsockopt("TCP_SAVED_SYN")
    assert.equal(4, syn:byte(1) >> 4)
    local header = (syn:byte(1) & 15) * 4
    local port = string.unpack(">I2", syn, header + 1)
    assert.equal(c:getsockname().port, port)
  end)
end)
