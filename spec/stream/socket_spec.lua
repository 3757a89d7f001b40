local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local streams = require "spec.support.streams"
local temporary = require "spec.support.temporary"
local worlds = require "spec.support.worlds"

-- Methods of its socket that a stream has, with arguments.
local shared <const> = {
  getpeername = {}, getsockname = {}, state = {},
  getsockopt = { "SO_TYPE" }, setsockopt = { "SO_KEEPALIVE", true },
}

describe("the socket of a stream", function()
  streams.guard()

  worlds.it("is returned by a method", function()
    local conn, peer = streams.tcp()
    local s = conn:socket()
    assert.equal("sockeye.Socket", getmetatable(s))
    assert.equal(s, conn:socket())
    assert.equal(s:fd(), conn:fd())
    assert.equal("stream" .. tostring(s):match "%(.*", tostring(conn))
    assert.is_nil(conn.nothing)
    peer:send "x"
    assert.equal("x", s:recv(1))
    conn:close()
    assert.equal(s, conn:socket())
    errors.raised("EBADF", "fd", s.fd, s)
  end)

  it("shares the stream's time-out", function()
    local conn = streams.pair()
    assert.equal(conn, conn:settimeout(1.5))
    assert.equal(1.5, conn:socket():gettimeout())
    conn:socket():settimeout()
    assert.is_nil(conn:gettimeout())
    errors.rejected("negative", conn.settimeout, conn, -1)
  end)

  worlds.it("lends the stream its addresses and its state", function()
    local conn, peer = streams.tcp()
    assert.equal(peer:getsockname(), conn:getpeername())
    assert.equal(peer:getpeername(), conn:getsockname())
    assert.equal("ESTABLISHED", conn:state())
    peer:close()
    assert.is_nil(conn:read())
    assert.equal("CLOSE_WAIT", conn:state())
  end)

  worlds.it("lends the stream its options", function()
    local conn = streams.tcp()
    assert.is_true(conn:getsockopt "TCP_NODELAY")
    assert.equal("tcp", conn:getsockopt "SO_PROTOCOL")
    assert.equal(conn, conn:setsockopt("SO_KEEPALIVE", true))
    assert.is_true(conn:socket():getsockopt "SO_KEEPALIVE")
    assert.equal(conn, conn:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", 0))
    assert.equal(0, conn:getsockopt("SOL_SOCKET", "SO_KEEPALIVE"))
    assert.equal(4, #conn:getsockopt("SOL_SOCKET", "SO_KEEPALIVE", 4))
    errors.raised("ENOPROTOOPT", "getsockopt", conn.getsockopt, conn,
                  "SO_PEERSEC")
    errors.rejected("did you mean 'SO_KEEPALIVE'", conn.setsockopt, conn,
                    "SO_KEEPALIV", true)
    errors.rejected("#3", conn.setsockopt, conn, "SO_KEEPALIVE", "yes")
  end)

  it("is no socket where the stream is of something else", function()
    local file <close> = temporary.file "text"
    local r, w = sockeye.pipe()
    local kinds = {
      sockeye.stream(r), sockeye.stream(w),
      sockeye.stream(assert(io.open(file.path))),
    }
    for _, conn in ipairs(kinds) do
      for name, arguments in pairs(shared) do
        errors.raised("ENOTSOCK", name, conn[name], conn,
                      table.unpack(arguments))
      end
      assert.equal("sockeye.Socket", getmetatable(conn:socket()))
      assert.equal(conn:socket():fd(), conn:fd())
      conn:close()
    end
  end)

  it("gives nothing when the stream is closed", function()
    local conn = streams.pair()
    conn:close()
    for name, arguments in pairs(shared) do
      errors.raised("EBADF", name, conn[name], conn, table.unpack(arguments))
    end
  end)

  it("is expected of what these methods are called with", function()
    local conn = streams.pair()
    for _, value in ipairs { 5, "x", {}, io.stdout } do
      for name, arguments in pairs(shared) do
        errors.rejected("Socket expected", conn[name], value,
                        table.unpack(arguments))
      end
    end
    errors.rejected("Stream expected", conn.socket, conn:socket())
  end)
end)
