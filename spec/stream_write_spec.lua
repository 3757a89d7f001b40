local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

-- On a seqpacket socket each send is a message of its own: a list of those
-- that have come.
local function sends(peer)
  local list = {}
  while true do
    local message = peer:recv(100000, "dontwait")
    if not message then return list end
    list[#list + 1] = message
  end
end

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
    assert.same({ "onetwo", "three" }, sends(peer))
  end)

  it("takes any number of strings", function()
    local conn, peer = streams.pair()
    local words = {}
    for i = 1, 200 do words[i] = i .. " " end
    conn:write(table.unpack(words))
    assert.equal(table.concat(words), peer:recv(10000))
  end)

  it("keeps what is written in a task until it waits", function()
    sockeye.run(function()
      local conn, peer = streams.pair "seqpacket"
      for i = 1, 10 do conn:write(i, " ") end
      assert.same({}, sends(peer))
      sockeye.sleep(0)
      assert.same({ "1 2 3 4 5 6 7 8 9 10 " }, sends(peer))
      sockeye.sleep(0)
      assert.same({}, sends(peer))
    end)
  end)

  -- Each waits until something is sent to `peer`, or not at all.
  local waits = {
    sleep = function() sockeye.sleep(0) end,
    yield = sockeye.yield,
    ["a script's own yield"] = coroutine.yield,
    recv = function(s) s:recv(1) end,
    poll = function(s) sockeye.poll({ [s] = "r" }, 0.001) end,
    wait = function(s) pcall(sockeye.wait, s, "r", 0.001) end,
    join = function()
      sockeye.spawn(sockeye.sleep, 0.001):join()
    end,
    ["a group's end"] = function()
      sockeye.group(function(g) g:spawn(sockeye.sleep, 0.001) end)
    end,
    ["a channel"] = function()
      local channel = sockeye.channel()
      sockeye.spawn(function()
        sockeye.yield()
        channel:put(1)
      end)
      channel:get()
    end,
    ["a time-out"] = function()
      pcall(sockeye.timeout, 0.001, sockeye.sleep, 1)
    end,
    ["a coroutine of the task's own"] = function()
      sockeye.wrap(function() sockeye.sleep(0) end)()
    end,
    flush = function(_, conn) conn:flush() end,
    shutdown = function(_, conn) conn:shutdown "wr" end,
    close = function(_, conn) conn:close() end,
    ["the end of a scope"] = function(_, conn)
      local _ <close> = conn
    end,
    ["the end of a scope, by an error"] = function(_, conn)
      pcall(function()
        local _ <close> = conn
        error "on its way"
      end)
    end,
  }

  for name, wait in pairs(waits) do
    it("is sent by " .. name, function()
      sockeye.run(function()
        local conn, peer = streams.pair "seqpacket"
        local other, far = streams.pair()
        sockeye.spawn(function()
          sockeye.yield()
          far:send "x"
        end)
        conn:write "one"
        conn:write "two"
        assert.same({}, sends(peer))
        wait(other.socket, conn)
        assert.same({ "onetwo" }, sends(peer))
      end)
    end)
  end

  it("is sent when the task ends", function()
    local conn, peer = streams.pair "seqpacket"
    sockeye.run(function()
      sockeye.spawn(function() conn:write "from a task" end)
      conn:write "from main"
    end)
    assert.same({ "from main", "from a task" }, sends(peer))
  end)

  it("is sent when nobody holds the stream any more", function()
    local a, b <close> = sockets.unix()
    sockeye.run(function()
      sockeye.stream(a):write "left behind"
      a = nil
      collectgarbage()
      assert.equal("left behind", b:recv(100, "dontwait"))
      assert.is_nil(b:recv(1))
    end)
  end)

  it("is sent by the buffer's size", function()
    sockeye.run(function()
      local conn, peer = streams.pair "seqpacket"
      conn:write(("x"):rep(65536))
      assert.same({ 65536 }, { #(sends(peer)[1] or "") })
      conn:setvbuf("auto", 10):write "12345":write "67890"
      assert.same({}, sends(peer))
      conn:write "1"
      assert.same({ "12345678901" }, sends(peer))
    end)
  end)

  worlds.it("is sent at once without a buffer", function()
    local conn, peer = streams.pair "seqpacket"
    conn:setvbuf "no":write("one", "two"):write "three"
    assert.same({ "onetwo", "three" }, sends(peer))
  end)

  worlds.it("is kept in a full buffer until that is full", function()
    local conn, peer = streams.pair "seqpacket"
    conn:setvbuf("full", 10):write "12345":write "67890"
    sockeye.sleep(0)
    assert.same({}, sends(peer))
    conn:write "1"
    assert.same({ "12345678901" }, sends(peer))
    conn:write "2":flush()
    assert.same({ "2" }, sends(peer))
    conn:write "3":shutdown "wr"
    assert.same({ "3" }, sends(peer))
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

  it("takes strings and numbers only", function()
    local conn, peer = streams.pair()
    errors.rejected("string expected", conn.write, conn, "a", nil)
    errors.rejected("string expected", conn.write, conn, {})
    errors.rejected("invalid option", conn.setvbuf, conn, "line")
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

  worlds.it("costs no more memory than the buffer", function()
    local conn = streams.pair()
    local before
    local part = ("x"):rep(4096)
    conn:settimeout(0)
    for i = 1, 10000 do
      conn:write(part)
      if i == 100 then before = streams.memory() end
    end
    assert.is_true(streams.memory() - before < 2048)
  end)

  it("has the task wait for it before anything else", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local size = streams.fill(conn.socket)
      conn:write "more"
      local other, far = streams.pair()
      far:send "line\n"
      local reader = sockeye.spawn(function()
        conn:write " and more"
        sockeye.sleep(0)
        return other:read()
      end)
      sockeye.yield()
      assert.equal(size, #peer:recv(size, "waitall"))
      assert.equal("line", reader:join())
      assert.equal("more and more", peer:recv(13, "waitall"))
    end)
  end)

  it("does not keep a task from being woken", function()
    sockeye.run(function()
      local conn = streams.pair()
      streams.fill(conn.socket)
      local channel = sockeye.channel()
      local got
      local task = sockeye.spawn(function()
        conn:write "more"
        got = channel:get()
      end)
      sockeye.yield()
      channel:put "value"
      sockeye.yield()
      assert.equal("value", got)
      errors.raised("ECANCELED", "flush", task:cancel().join, task)
    end)
  end)

  it("ends neither a sleep nor a deadline later", function()
    sockeye.run(function()
      local conn = streams.pair()
      streams.fill(conn.socket)
      conn:write "more"
      sockeye.sleep(0.001)
      local err = errors.raised("ETIMEDOUT", "flush", sockeye.timeout, 0.001,
                                sockeye.sleep, 10)
      assert.is_true(err.timeout)
      conn:settimeout(0.001)
      errors.raised("ETIMEDOUT", "flush", sockeye.sleep, 10)
      conn:settimeout(0)
      sockeye.sleep(0.001)
      assert.is_false(pcall(conn.close, conn))
    end)
  end)

  it("can be cancelled", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local size = streams.fill(conn.socket)
      local task = sockeye.spawn(function() conn:write "more" end)
      sockeye.yield()
      assert.equal("waiting", task:status())
      errors.raised("ECANCELED", "flush", task:cancel().join, task)
      sockeye.spawn(function() conn:flush() end)
      assert.equal(size, #peer:recv(size, "waitall"))
      assert.equal("more", peer:recv(10))
    end)
  end)

  it("ends a write when another task closes the stream", function()
    sockeye.run(function()
      for _, name in ipairs { "write", "flush", "shutdown" } do
        local conn = streams.pair()
        streams.fill(conn.socket)
        conn:setvbuf "full":write "more"
        local task = sockeye.spawn(conn[name], conn, name == "shutdown" and
                                   "wr" or ("x"):rep(100000))
        sockeye.yield()
        assert.is_false(pcall(conn.close, conn))
        errors.raised("ECANCELED", name, task.join, task)
      end
    end)
  end)

  it("does not keep the end of a scope by an error", function()
    sockeye.run(function()
      local conn = streams.pair()
      streams.fill(conn.socket)
      errors.rejected("on its way", function()
        local _ <close> = conn
        conn:write "more"
        error "on its way"
      end)
      errors.raised("EBADF", "read", conn.read, conn)
    end)
  end)

  it("does not keep the loop from being closed", function()
    local conn = streams.pair()
    streams.fill(conn.socket)
    local loop = sockeye.loop(function()
      local _ <close> = conn
      conn:write "more"
      sockeye.sleep(1000)
    end)
    loop:step()
    loop:close()
    errors.raised("EBADF", "read", conn.read, conn)
  end)

  worlds.it("has close say what it could not send", function()
    local conn = streams.pair()
    streams.fill(conn.socket)
    conn:setvbuf "full":write "more":settimeout(0.001)
    errors.raised("ETIMEDOUT", "close", conn.close, conn)
    assert.equal("stream(closed)", tostring(conn))
    conn:close()
    conn = streams.pair()
    streams.fill(conn.socket)
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

  it("is an error of the wait that sends", function()
    sockeye.run(function()
      local function call(f, ...)
        local conn, peer = streams.pair()
        peer:close()
        conn:write "data"
        errors.raised("EPIPE", "flush", f, ...)
        sockeye.sleep(0)
      end
      local other = streams.pair()
      local task = sockeye.spawn(sockeye.sleep, 1000)
      call(sockeye.sleep, 0)
      call(other.read, other)
      call(other.socket.recv, other.socket, 1)
      call(task.join, task)
      call(sockeye.poll, { [other] = "r" }, 1)
      call(sockeye.channel(0).put, sockeye.channel(0), 1)
      task:cancel()
    end)
  end)

  it("is an error of the task that ends", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:close()
      local task = sockeye.spawn(function() conn:write "data" end)
      errors.raised("EPIPE", "flush", task.join, task)
    end)
  end)

  it("is an error of the next wait where a yield has met it", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:close()
      conn:write "data"
      sockeye.yield()
      errors.raised("EPIPE", "flush", sockeye.sleep, 0)
      sockeye.sleep(0)
    end)
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

describe("a stream that two processes have", function()
  streams.guard()

  it("sends once what was written before the fork", function()
    local conn, peer = streams.pair()
    sockeye.run(function()
      conn:write "once\n"
      local pid = sockeye.fork()
      if pid == 0 then
        conn:write "child\n"
        conn:close()
        sockeye._exit(0)
      end
      sockeye.waitpid(pid)
    end)
    conn:close()
    local lines = { sockeye.stream(peer):read("l", "l", "l") }
    table.sort(lines)
    assert.same({ "child", "once" }, lines)
  end)
end)
