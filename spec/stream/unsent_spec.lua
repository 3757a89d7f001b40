local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

-- A stream to a Unix socket that does not read and has a name, which errors
-- carry, and that socket.
local function blocked()
  local listener <close> = sockeye.socket("unix", "stream")
    :bind(sockets.unix_name()):listen()
  local a = sockeye.socket("unix", "stream"):connect(listener:getsockname())
  local conn, peer = streams.keep(sockeye.stream(a), (listener:accept()))
  sockets.fill(a)
  return conn, peer, a:getpeername()
end

-- A stream to a peer that has gone: each attempt to send is an EPIPE.
local function broken()
  local conn, peer = streams.pair()
  peer:close()
  return conn
end

-- Writes in a task, which then waits: no call of the stream has made the
-- attempt that fails.
local function write_unseen(conn, text)
  conn:write(text or "data")
  sockeye.sleep(0.001)
end

describe("what a stream could not send before its task waited", function()
  streams.guard()

  for name, call in pairs {
    write = function(conn) conn:write "more" end,
    flush = function(conn) conn:flush() end,
    shutdown = function(conn) conn:shutdown "wr" end,
    close = function(conn) conn:close() end,
  } do
    it("is the error of the next call: " .. name, function()
      sockeye.run(function()
        local conn = broken()
        write_unseen(conn)
        errors.raised("EPIPE", name, call, conn)
        -- It is raised once.
        assert.is_true((pcall(conn.close, conn)))
      end)
    end)
  end

  it("is raised by the stream that it belongs to alone", function()
    sockeye.run(function()
      local conn, other, peer = broken(), streams.pair()
      write_unseen(conn)
      other:write "fine"
      other:flush()
      peer:send "line\n"
      assert.equal("line", other:read())
      assert.equal("fine", peer:recv(10))
      sockeye.sleep(0)
      errors.raised("EPIPE", "flush", conn.flush, conn)
    end)
  end)

  it("does not keep its stream from being read", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:send "last words\n"
      peer:close()
      write_unseen(conn)
      assert.equal("last words", conn:read())
      errors.raised("EPIPE", "close", conn.close, conn)
    end)
  end)

  it("is raised by reading, where its task would wait for the peer", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:shutdown "rd"
      conn:write "question\n"
      errors.raised("EPIPE", "read", conn.read, conn)
      peer:send "line\n"
      assert.equal("line", conn:read())
    end)
  end)

  it("is raised by reading, though another task waits meanwhile", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:shutdown "rd"
      sockeye.spawn(write_unseen, conn)
      sockeye.sleep(0.01)
      errors.raised("EPIPE", "read", conn.read_some, conn)
      peer:close()
      assert.is_nil(conn:read())
    end)
  end)

  it("is dropped, and what is written later is sent by itself", function()
    sockeye.run(function()
      local conn, peer, address = blocked()
      conn:settimeout(0.001)
      conn:write "dropped"
      sockeye.sleep(0.05)
      local err = errors.raised("ETIMEDOUT", "flush", conn.flush, conn)
      assert.is_true(err.timeout)
      assert.equal(address, err.address)
      conn:settimeout(20)
      sockeye.spawn(function()
        conn:write "later"
        conn:close()
      end)
      local text = sockets.read_all(peer)
      assert.equal("xlater", text:sub(-6))
    end)
  end)
end)

describe("the error of a stream that cannot send", function()
  streams.guard()

  worlds.it("carries the peer's address", function()
    local conn, _, address = blocked()
    conn:setvbuf "full":settimeout(0.001)
    assert.equal("unix", address.family)
    for _, name in ipairs { "write", "flush" } do
      local err = errors.raised("ETIMEDOUT", name, conn[name], conn,
                                name == "write" and ("x"):rep(100000) or nil)
      assert.equal(address, err.address)
      assert.is_true(err.timeout)
    end
    local err = errors.raised("ETIMEDOUT", "close", conn.close, conn)
    assert.equal(address, err.address)
  end)

  worlds.it("carries none where the peer has no name", function()
    local conn = broken()
    conn:setvbuf "no"
    local err = errors.raised("EPIPE", "write", conn.write, conn, "data")
    assert.is_true(err.address == nil or err.address.path == nil)
  end)

  for _, endpoint in ipairs { "127.0.0.1:0", "[::1]:0" } do
    worlds.it("carries that of a peer that has reset it: " .. endpoint,
              function()
      local listener <close> = sockeye.listen(endpoint)
      local conn <close> = sockeye.connect(listener:getsockname())
      local peer = listener:accept()
      conn:setvbuf "no"
      peer:setsockopt("SO_LINGER", 0):close()
      sockeye.wait(conn:socket(), "r", 20)
      local err = errors.raised("ECONNRESET", "write", conn.write, conn, "data")
      assert.equal(listener:getsockname(), err.address)
      errors.raised("ENOTCONN", "getpeername", conn.getpeername, conn)
    end)
  end

  worlds.it("is none, but false, where the stream may not wait", function()
    local conn, _, address = blocked()
    conn:setvbuf "full":settimeout(0)
    conn:write(("x"):rep(1000000))
    assert.is_false(conn:write "more")
    assert.is_false(conn:flush())
    local err = errors.raised("EAGAIN", "close", conn.close, conn)
    assert.equal(address, err.address)
  end)

  it("carries the address where a coroutine cannot wait", function()
    sockeye.run(function()
      local conn, _, address = blocked()
      conn:setvbuf "full":write "more"
      coroutine.wrap(function()
        local err = errors.raised("EAGAIN", "close", conn.close, conn)
        assert.equal(address, err.address)
      end)()
    end)
  end)

  it("leaves room on the stack of a method that has many arguments", function()
    local conn = broken()
    conn:setvbuf "no"
    local words = {}
    for i = 1, 250 do words[i] = "word" end
    errors.raised("EPIPE", "write", conn.write, conn, table.unpack(words))
  end)
end)
