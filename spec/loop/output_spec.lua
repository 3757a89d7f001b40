local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"

describe("what is written in a task", function()
  streams.guard()

  it("is kept back until the task waits", function()
    sockeye.run(function()
      local conn, peer = streams.pair "seqpacket"
      for i = 1, 10 do conn:write(i, " ") end
      assert.same({}, streams.sends(peer))
      sockeye.sleep(0)
      assert.same({ "1 2 3 4 5 6 7 8 9 10 " }, streams.sends(peer))
      sockeye.sleep(0)
      assert.same({}, streams.sends(peer))
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
        assert.same({}, streams.sends(peer))
        wait(other:socket(), conn)
        assert.same({ "onetwo" }, streams.sends(peer))
      end)
    end)
  end

  it("is sent when the task ends", function()
    local conn, peer = streams.pair "seqpacket"
    sockeye.run(function()
      sockeye.spawn(function() conn:write "from a task" end)
      conn:write "from main"
    end)
    assert.same({ "from main", "from a task" }, streams.sends(peer))
  end)

  it("is sent when the stream is collected", function()
    local a, b <close> = sockets.unix()
    sockeye.run(function()
      sockeye.stream(a):write "left behind"
      a = nil
      collectgarbage()
      assert.equal("left behind", b:recv(100, "dontwait"))
      assert.is_nil(b:recv(1))
    end)
  end)
end)

describe("what a peer does not read", function()
  streams.guard()

  it("makes the task wait until it is sent", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local size = sockets.fill(conn:socket())
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

  it("does not delay waking the task", function()
    sockeye.run(function()
      local conn = streams.pair()
      sockets.fill(conn:socket())
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
      task:cancel():join()
      assert.equal("done", task:status())
    end)
  end)

  it("delays neither the end of a sleep nor a deadline", function()
    sockeye.run(function()
      local conn = streams.pair()
      sockets.fill(conn:socket())
      conn:write "more"
      sockeye.sleep(0.001)
      local err = errors.raised("ETIMEDOUT", "flush", sockeye.timeout, 0.001,
                                sockeye.sleep, 10)
      assert.is_true(err.timeout)
      conn:settimeout(0.001)
      sockeye.sleep(0.02)
      err = errors.raised("ETIMEDOUT", "flush", conn.flush, conn)
      assert.is_true(err.timeout)
      conn:settimeout(0)
      conn:write "more"
      sockeye.sleep(0.001)
      assert.is_false(pcall(conn.close, conn))
    end)
  end)

  it("can be cancelled", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local size = sockets.fill(conn:socket())
      local task = sockeye.spawn(function() conn:write "more" end)
      sockeye.yield()
      assert.equal("waiting", task:status())
      task:cancel():join()
      assert.equal("done", task:status())
      sockeye.spawn(function() conn:flush() end)
      assert.equal(size, #peer:recv(size, "waitall"))
      assert.equal("more", peer:recv(10))
    end)
  end)

  it("does not prevent closing the loop", function()
    local conn = streams.pair()
    sockets.fill(conn:socket())
    local loop = sockeye.loop(function()
      local _ <close> = conn
      conn:write "more"
      sockeye.sleep(1000)
    end)
    loop:step()
    loop:close()
    errors.raised("EBADF", "read", conn.read, conn)
  end)
end)

describe("what a peer that has gone was to get", function()
  streams.guard()

  it("raises EPIPE from its stream, not from the wait that sends it",
     function()
    sockeye.run(function()
      local function call(f, ...)
        local conn, peer = streams.pair()
        peer:close()
        conn:write "data"
        local result = f(...)
        local err = errors.raised("EPIPE", "flush", conn.flush, conn)
        assert.equal("unix:", tostring(err.address))
        conn:flush()
        return result
      end
      local other, far = streams.pair()
      far:send "line\nx"
      local task = sockeye.spawn(function()
        sockeye.sleep(0.001)
        return "joined"
      end)
      call(sockeye.sleep, 0)
      assert.equal("line", call(other.read, other))
      assert.equal("x", call(other.read, other, 1))
      assert.equal("joined", call(task.join, task))
      far:send "y"
      assert.same({ [other] = "r" }, call(sockeye.poll, { [other] = "r" }, 1))
      local ch = sockeye.channel(0)
      local getter = sockeye.spawn(ch.get, ch)
      call(ch.put, ch, 1)
      assert.equal(1, getter:join())
    end)
  end)

  it("makes the task fail that ends", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:close()
      local task = sockeye.spawn(function() conn:write "data" end)
      errors.raised("EPIPE", "flush", task.join, task)
    end)
  end)

  it("raises from the next call of its stream after a yield", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:close()
      conn:write "data"
      sockeye.yield()
      sockeye.sleep(0)
      errors.raised("EPIPE", "write", conn.write, conn, "more")
      conn:flush()
    end)
  end)
end)

describe("a stream that two processes have", function()
  streams.guard()

  it("sends what was written before the fork once only", function()
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

describe("what a task has written before os.exit", function()
  streams.guard()

  -- A child fills a pipe, writes more to it, and ends in a task. Returns what
  -- the pipe has, which is read once `is_time` has returned.
  local function sent(timeout, is_time)
    local reading <close>, writing = sockeye.pipe()
    local told <close>, telling = sockeye.pipe()
    local child <const> = sockeye.fork()
    if child == 0 then
      reading:close()
      sockeye.run(function()
        local s <const> = sockeye.stream(writing)
        s:write(("x"):rep(65000)):flush()
        s:write(("y"):rep(60000)):settimeout(timeout)
        telling:write "."
        os.exit(0)
      end)
    end
    writing:close()
    telling:close()
    is_time(told, child)
    local data <const> = sockeye.stream(reading):read "a"
    return data
  end

  it("is sent to a peer that is slow", function()
    local child
    local data <const> = sent(nil, function(told, pid)
      child = pid
      told:read(1)
    end)
    sockeye.waitpid(child)
    assert.equal(("x"):rep(65000) .. ("y"):rep(60000), data)
  end)

  it("is given up when the stream's time-out is over", function()
    local data <const> = sent(0.01, function(_, pid) sockeye.waitpid(pid) end)
    assert.matches("^x+y*$", data)
    assert.is_true(#data >= 65000 and #data < 125000)
  end)
end)
