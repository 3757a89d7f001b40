local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

describe("write", function()
  streams.guard()

  worlds.it("takes strings and numbers, and returns the stream", function()
    local conn, peer = streams.pair()
    assert.equal(conn, conn:write("a", 1, "", -2.5, 1e100, "\0", 1 << 40))
    assert.equal(conn, conn:write())
    conn:flush()
    assert.equal("a1-2.51e+100\0001099511627776", peer:recv(100))
  end)

  it("sends at once outside of a task, what is written in one call", function()
    local conn, peer = streams.pair "seqpacket"
    conn:write("one", "two"):write "three"
    assert.same({ "onetwo", "three" }, streams.sends(peer))
  end)

  it("takes any number of strings", function()
    local conn, peer = streams.pair()
    local words = {}
    for i = 1, 200 do words[i] = i .. " " end
    conn:write(table.unpack(words))
    assert.equal(table.concat(words), peer:recv(10000))
  end)

  it("is sent in blocks of the buffer's size", function()
    sockeye.run(function()
      local conn, peer = streams.pair "seqpacket"
      conn:write(("x"):rep(65536))
      assert.same({ 65536 }, { #(streams.sends(peer)[1] or "") })
      conn:setvbuf("auto", 10):write "12345":write "67890"
      assert.same({}, streams.sends(peer))
      conn:write "1"
      assert.same({ "12345678901" }, streams.sends(peer))
    end)
  end)

  worlds.it("is sent at once without a buffer", function()
    local conn, peer = streams.pair "seqpacket"
    conn:setvbuf "no":write("one", "two"):write "three"
    assert.same({ "onetwo", "three" }, streams.sends(peer))
  end)

  worlds.it("is kept up to the size that full buffering was given", function()
    local conn, peer = streams.pair()
    local text <const> = ("x"):rep(1000000)
    conn:setvbuf("full", 2000000):settimeout(0)
    assert.equal(conn, conn:write(text))
    assert.equal(conn, conn:write(text))
    assert.is_false(peer:recv(1, "dontwait"))
    assert.equal(conn, conn:write "more")
    assert.equal("x", peer:recv(1, "dontwait"))
  end)

  worlds.it("is kept in a full buffer until that is full", function()
    local conn, peer = streams.pair "seqpacket"
    conn:setvbuf("full", 10):write "12345":write "67890"
    sockeye.sleep(0)
    assert.same({}, streams.sends(peer))
    conn:write "1"
    assert.same({ "12345678901" }, streams.sends(peer))
    conn:write "2":flush()
    assert.same({ "2" }, streams.sends(peer))
    conn:write "3":shutdown "wr"
    assert.same({ "3" }, streams.sends(peer))
  end)

  worlds.it("sends much, in order", function(world)
    local conn, peer = streams.tcp()
    local parts = {}
    for i = 1, 20000 do parts[i] = i .. "\n" end
    local text = table.concat(parts):rep(20)
    local join = worlds.beside(world, function()
      for i = 1, 20 * #parts, 100 do
        local first = (i - 1) % #parts + 1
        conn:write(table.unpack(parts, first, first + 99))
      end
      conn:write(text):shutdown "wr"
    end)
    if world == "outside" then conn:close() end
    assert.is_true(sockets.read_all(peer) == text .. text)
    join()
  end)

  it("rejects other values than strings and numbers", function()
    local conn, peer = streams.pair()
    errors.rejected("string expected", conn.write, conn, "a", nil)
    errors.rejected("string expected", conn.write, conn, {})
    errors.rejected("#2.*unknown mode 'line'", conn.setvbuf, conn, "line")
    errors.rejected("size must be positive", conn.setvbuf, conn, "full", 0)
    assert.is_false(sockets.readable(peer))
  end)
end)

describe("a peer that does not read", function()
  streams.guard()

  worlds.it("has write run out of time, and nothing is lost", function(world)
    local conn, peer = streams.pair()
    local text = ("0123456789"):rep(100000)
    conn:settimeout(0.001)
    local err = errors.raised("ETIMEDOUT", "write", conn.write, conn, text)
    assert.is_true(err.timeout and err.sent > 0 and err.sent < #text)
    errors.raised("ETIMEDOUT", "write", conn.write, conn, "not taken")
    errors.raised("ETIMEDOUT", "flush", conn.flush, conn)
    conn:settimeout(20)
    local join = worlds.beside(world, function()
      local got = peer:recv(#text, "waitall")
      assert(got == text)
      assert(peer:recv(100) == "later")
    end)
    conn:flush():write "later"
    conn:flush()
    join()
  end)

  worlds.it("has write say false where it may not wait", function()
    local conn, peer = streams.pair()
    conn:settimeout(0)
    local size = 0
    for _, part in ipairs { ("x"):rep(4096), "x" } do
      while conn:write(part) do size = size + #part end
    end
    assert.is_false(conn:write "not taken")
    assert.is_false(conn:flush())
    assert.is_false(conn:shutdown "wr")
    peer:settimeout(0)
    local got = 0
    repeat
      local part = peer:recv(65536)
      got = got + #(part or "")
    until not part and conn:flush() and not sockets.readable(peer)
    assert.equal(size, got)
  end)

  it("ends a write when another task closes the stream", function()
    sockeye.run(function()
      for _, name in ipairs { "write", "flush", "shutdown" } do
        local conn = streams.pair()
        sockets.fill(conn:socket())
        conn:setvbuf "full":write "more"
        local task = sockeye.spawn(conn[name], conn, name == "shutdown" and
                                   "wr" or ("x"):rep(100000))
        sockeye.yield()
        conn:close()
        errors.closed(name, task.join, task)
      end
    end)
  end)

  it("lets a task that has ended wait until the deadline around run", function()
    local conn, peer = streams.pair()
    local size = sockets.fill(conn:socket())
    local start = sockeye.now()
    assert.equal("ended", sockeye.timeout(0.01, sockeye.run, function()
      conn:settimeout(nil)
      conn:write "this stays"
      return "ended"
    end))
    local seconds = sockeye.now() - start
    assert.is_true(seconds >= 0.01 and seconds < 5)
    assert.equal(size, #peer:recv(size, "waitall"))
    conn:flush()
    assert.equal("this stays", peer:recv(100))
  end)

  it("does not delay the end of a scope by an error", function()
    sockeye.run(function()
      local conn = streams.pair()
      sockets.fill(conn:socket())
      errors.rejected("on its way", function()
        local _ <close> = conn
        conn:write "more"
        error "on its way"
      end)
      errors.raised("EBADF", "read", conn.read, conn)
    end)
  end)

  worlds.it("has close say what it could not send", function()
    local conn = streams.pair()
    sockets.fill(conn:socket())
    conn:setvbuf "full":write "more":settimeout(0.001)
    errors.raised("ETIMEDOUT", "close", conn.close, conn)
    assert.equal("stream(closed)", tostring(conn))
    conn:close()
    conn = streams.pair()
    sockets.fill(conn:socket())
    conn:setvbuf "full":write "more":settimeout(0)
    errors.raised("EAGAIN", "close", conn.close, conn)
  end)
end)

describe("a peer that has gone", function()
  streams.guard()

  worlds.it("is an error of the write", function()
    local conn, peer = streams.pair()
    peer:close()
    conn:setvbuf "no"
    errors.raised("EPIPE", "write", conn.write, conn, "data")
    errors.raised("EPIPE", "write", conn.write, conn, ("x"):rep(100000))
    conn:close()
  end)

  worlds.it("is an error of the flush, once", function()
    local conn, peer = streams.pair()
    peer:close()
    conn:setvbuf "full":write "data"
    errors.raised("EPIPE", "flush", conn.flush, conn)
    conn:flush():write "data"
    errors.raised("EPIPE", "close", conn.close, conn)
    conn:close()
  end)

  worlds.it("is raised at the end of a scope, unless an error is", function()
    local function scope(f)
      local conn <close>, peer = streams.pair()
      peer:close()
      conn:setvbuf "full":write "data"
      f()
    end
    errors.raised("EPIPE", "close", scope, function() end)
    errors.rejected("on its way", scope, function() error "on its way" end)
  end)
end)
