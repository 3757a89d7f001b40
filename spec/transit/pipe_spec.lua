local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local temporary = require "spec.support.temporary"
local trace = require "spec.support.trace"
local worlds = require "spec.support.worlds"

-- Makes a stream that can be read and one that can be written, each with the
-- socket at its other end.
local kinds = {
  ["Unix sockets"] = { streams.pair, streams.pair },
  ["TCP"] = { streams.tcp, streams.tcp },
  ["TCP and a Unix socket"] = { streams.tcp, streams.pair },
  ["a Unix socket and TCP"] = { streams.pair, streams.tcp },
  ["messages, which are copied"] = {
    function() return streams.pair "seqpacket" end, streams.pair,
  },
  ["pipes"] = {
    function()
      local r, w = sockeye.pipe()
      return sockeye.stream(r), w
    end,
    function()
      local r, w = sockeye.pipe()
      return sockeye.stream(w), r
    end,
  },
}

describe("pipe", function()
  streams.guard()

  for name, kind in pairs(kinds) do
    worlds.it("moves all up to the end: " .. name, function()
      local from, source = kind[1]()
      local to, sink = kind[2]()
      source:write "line\nsome"
      assert.equal("line", from:read())
      source:write " more"
      source:close()
      to:setvbuf "full":write "before "
      assert.equal(9, from:pipe(to))
      assert.equal(0, from:pipe(to))
      assert.is_nil(from:read())
      to:write " after":close()
      assert.equal("before some more after", sockets.read_all(sink))
      sockets.close(from, sink)
    end)

    it("moves megabytes in order: " .. name, function()
      local text = temporary.text(1000000)
      sockeye.run(function()
        local from, source = kind[1]()
        local to, sink = kind[2]()
        sockeye.spawn(sockets.pour, source, text)
        local moved = sockeye.spawn(function()
          local n = from:pipe(to)
          to:close()
          return n
        end)
        assert.is_true(sockets.read_all(sink) == text)
        assert.equal(#text, moved:join())
        sockets.close(from, sink)
      end)
    end)
  end

  worlds.it("moves as much as was asked for", function()
    local from, source = streams.pair()
    local to, sink = streams.pair()
    source:send "123456789\n"
    assert.equal(0, from:pipe(to, 0))
    assert.equal(4, from:pipe(to, 4))
    assert.equal("5", from:read(1))
    assert.equal(2, from:pipe(to, 2))
    assert.equal("89", from:read())
    assert.equal("123467", sink:recv(100))
  end)

  worlds.it("waits for what is to come", function(world)
    local from, source = streams.tcp()
    local to, sink = streams.tcp()
    local join = worlds.beside(world, function()
      for _ = 1, 10 do
        source:send "data"
        sockeye.sleep(0.001)
      end
      source:shutdown "wr"
    end)
    assert.equal(40, from:pipe(to))
    assert.equal(("data"):rep(10), sink:recv(40, "waitall"))
    join()
  end)

  it("can return to the socket it comes from", function()
    sockeye.run(function()
      local conn, peer = streams.tcp()
      local text = temporary.text(500000)
      sockeye.spawn(function()
        conn:pipe(conn)
        conn:shutdown "wr"
      end)
      sockeye.spawn(function() peer:sendall(text) peer:shutdown "wr" end)
      assert.is_true(sockets.read_all(peer) == text)
    end)
  end)

  worlds.it("loses nothing when the receiver is too slow", function(world)
    local from, source = streams.pair()
    local to, sink = streams.pair()
    local text = temporary.text(1000000)
    to:settimeout(0.005)
    local join = worlds.beside(world, function()
      source:sendall(text)
      source:shutdown "wr"
    end)
    local err = errors.raised("ETIMEDOUT", "pipe", from.pipe, from, to)
    assert.is_true(err.timeout and err.sent > 0 and err.sent < #text)
    assert.equal(text:sub(1, err.sent), sink:recv(err.sent, "waitall"))
    assert.is_true(text:sub(err.sent + 1) == from:read "a")
    join()
  end)

  worlds.it("loses nothing when the sender is too slow", function()
    local from, source = streams.pair()
    local to, sink = streams.pair()
    from:settimeout(0.001)
    source:send "data"
    local err = errors.raised("ETIMEDOUT", "pipe", from.pipe, from, to)
    assert.equal(4, err.sent)
    assert.equal("data", sink:recv(100))
    from:settimeout(0)
    source:send "more"
    assert.same({ false, 4 }, { from:pipe(to) })
    assert.equal("more", sink:recv(100))
  end)

  it("raises EAGAIN when the sender's SO_RCVTIMEO runs out", function()
    local from, source = streams.pair()
    local to, sink = streams.pair()
    from:settimeout(nil)
    to:settimeout(nil)
    from:socket():setsockopt("SO_RCVTIMEO", 0.01)
    source:send "data"
    local err = errors.raised("EAGAIN", "pipe", from.pipe, from, to)
    assert.equal(4, err.sent)
    assert.equal("data", sink:recv(100))
  end)

  worlds.it("loses nothing when the receiver has gone", function()
    local from, source = streams.pair()
    local to, sink = streams.pair()
    sink:close()
    source:send "data"
    errors.raised("EPIPE", "pipe", from.pipe, from, to)
    assert.equal("data", from:read_some())
  end)

  it("loses nothing when a handler raises", function()
    local from, source = streams.pair()
    local to = streams.pair()
    sockets.fill(to:socket())
    source:send "data"
    local interrupt <close> = fork.interrupt("USR1", function()
      error("enough", 0)
    end)
    assert.same({ false, "enough" }, { pcall(from.pipe, from, to) })
    assert.equal("data", from:read_some())
    assert.is_table(interrupt)
  end)

  worlds.it("raises the sender's reset when all has been moved", function()
    local from, source = streams.tcp()
    local to, sink = streams.pair()
    from:socket():send "not read"
    source:send "data"
    assert.is_true(sockets.readable(from:socket()))
    source:setsockopt("SO_LINGER", 0):close()
    errors.raised("ECONNRESET", "pipe", from.pipe, from, to)
    errors.raised("ECONNRESET", "pipe", from.pipe, from, to)
    assert.equal("data", sink:recv(100))
  end)

  it("can be cancelled, and goes on later", function()
    sockeye.run(function()
      local from, source = streams.pair()
      local to, sink = streams.pair()
      local task = sockeye.spawn(pcall, from.pipe, from, to)
      source:send "one"
      sockeye.sleep(0.001)
      local err = errors.canceled("pipe", task)
      assert.equal(3, err.sent)
      source:send "two"
      assert.equal(3, from:pipe(to, 3))
      assert.equal("onetwo", sink:recv(100))
    end)
  end)

  it("ends when one of them is closed", function()
    sockeye.run(function()
      for _, first in ipairs { true, false } do
        local from = streams.pair()
        local to = streams.pair()
        local task = sockeye.spawn(from.pipe, from, to)
        sockeye.yield()
        if first then
          from:close()
          errors.closed("pipe", task.join, task)
        else
          to:close()
          task:cancel()
          pcall(task.join, task)
          errors.raised("EBADF", "pipe", from.pipe, from, to)
        end
      end
    end)
  end)

  it("lets other tasks run", function()
    sockeye.run(function()
      local from, source = streams.pair()
      local to, sink = streams.pair()
      local size <const> = 1 << 24
      local received, turns, is_over = 0, 0, false
      sockeye.spawn(function()
        source:sendall(("x"):rep(size))
        source:close()
      end)
      local receiving = sockeye.spawn(function()
        for data in function() return sink:recv(65536) end do
          received = received + #data
        end
      end)
      sockeye.spawn(function()
        while not is_over do
          turns = turns + 1
          sockeye.yield()
        end
      end)
      assert.equal(size, from:pipe(to))
      is_over = true
      to:close()
      receiving:join()
      assert.equal(size, received)
      assert.is_true(turns > 16, turns .. " turns")
    end)
  end)

  it("rejects what is no stream", function()
    local conn, peer = streams.pair()
    errors.rejected("Stream expected", conn.pipe, conn, peer)
    errors.rejected("Stream expected", conn.pipe, conn)
    errors.rejected("must not be negative", conn.pipe, conn, conn, -1)
  end)
end)

describe("pipe from a peer that waits for what cannot be sent", function()
  streams.guard()

  for _, poller in ipairs { "epoll", "poll" } do
    it("raises why, after what has come: " .. poller, function()
      sockeye.run({ poller = poller }, function()
        local from, peer = streams.pair()
        local to, reader = streams.pair()
        peer:shutdown "rd"
        from:write "question\n"
        peer:send "data"
        local err = errors.raised("EPIPE", "pipe", from.pipe, from, to)
        assert.equal(4, err.sent)
        to:close()
        assert.equal("data", sockets.read_all(reader))
      end)
    end)
  end
end)

describe("what pipe moves", function()
  if not trace.available() then
    pending "does not pass this process (strace cannot be used)"
    return
  end

  it("is not copied through this process #ptrace", function()
    local text = trace.calls("splice,recvfrom,read", [[
      local sockeye = require "sockeye"
      sockeye.run(function()
        local a, b = sockeye.socketpair()
        local c, d = sockeye.socketpair()
        local from, to = sockeye.stream(b), sockeye.stream(c)
        a:sendall(("x"):rep(100000)) a:close()
        assert(from:pipe(to) == 100000)
      end)
    ]])
    -- Into the kernel's pipe and out of it, in pieces as large as it takes.
    local moved = 0
    for count in text:gmatch "splice%([^\n]*= (%d+)" do
      moved = moved + count
    end
    assert.equal(200000, moved)
    assert.not_matches("%f[^\n\0]%d* *recvfrom%(", text)
  end)
end)
