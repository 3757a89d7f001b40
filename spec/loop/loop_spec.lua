local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("a loop that is stepped", function()
  local a, b
  descriptors.guard(function() a, b = sockets.unix() end, function()
    sockets.close(a, b)
  end)

  it("returns what main returned, at the end", function()
    local loop = sockeye.loop(function(...)
      sleep(0.001)
      return ...
    end, 1, nil, 3)
    assert.same({ 1, nil, 3, n = 3 }, (loops.step_all(loop)))
    errors.rejected("the loop has ended", loop.step, loop)
  end)

  it("raises what run would raise", function()
    local loop = sockeye.loop(function()
      spawn(error, "reason", 0)
      sleep(100)
    end)
    local ok, err = pcall(loops.step_all, loop)
    assert.same({ false, "reason" }, { ok, err })
  end)

  it("does not wait unless told to", function()
    local loop <close> = sockeye.loop(function() a:recv(1) end)
    local start = sockeye.now()
    for _ = 1, 10 do assert.is_true(loop:step()) end
    assert.is_true(sockeye.now() - start < 1)
    assert.is_true(loop:step(0.002))
    assert.is_true(sockeye.now() - start >= 0.002)
  end)

  it("returns the time until it needs its next step", function()
    local loop <close> = sockeye.loop(function()
      sleep(50)
      a:recv(1)
    end)
    assert.equal(0, loop:timeout())
    loop:step()
    assert.is_true(loop:timeout() > 40 and loop:timeout() <= 50)
    a:settimeout(nil)
    local other <close> = sockeye.loop(function() a:recv(1) end)
    other:step()
    assert.is_nil(other:timeout())
    assert.equal("r", other:events())
  end)

  it("has a descriptor that is readable when there is something to do",
     function()
    local has_epoll, reason = loops.has_epoll()
    if not has_epoll then return pending(reason) end
    local loop <close> = sockeye.loop({ poller = "epoll" }, function()
      return a:recv(1)
    end)
    loop:step()
    local fd = loop:pollfd()
    assert.same({}, sockeye.poll({ [fd] = "r" }, 0))
    b:send("x")
    assert.same({ [fd] = "r" }, sockeye.poll({ [fd] = "r" }, 10))
    assert.is_true(loop:step())
    assert.same({ false, "x" }, { loop:step() })
  end)

  it("runs beside another on the same sockets", function()
    local one = sockeye.loop(function()
      for i = 1, 100 do
        a:sendall(("%5d"):format(i))
        assert.equal(("%5d"):format(-i), a:recv(5, "waitall"))
      end
      return "one"
    end)
    local two = sockeye.loop(function()
      for i = 1, 100 do
        assert.equal(("%5d"):format(i), b:recv(5, "waitall"))
        b:sendall(("%5d"):format(-i))
      end
      return "two"
    end)
    local first, second = loops.step_all(one, two)
    assert.same({ "one", "two" }, { first[1], second[1] })
  end)

  it("raises EBUSY for a socket on which another loop waits", function()
    local one <close> = sockeye.loop(function() a:recv(1) end)
    one:step()
    local two = sockeye.loop(function()
      errors.raised("EBUSY", "recv", a.recv, a, 1)
      errors.raised("EBUSY", "sendall", a.sendall, a, ("x"):rep(1 << 22))
    end)
    loops.step_all(two)
  end)

  it("takes over a socket once the other loop no longer waits", function()
    local function exchange()
      b:send("x")
      assert.equal("x", a:recv(1))
      errors.raised("ETIMEDOUT", "recv", sockeye.timeout, 0.001, a.recv, a, 1)
    end
    local function twice()
      exchange()
      coroutine.yield()
      exchange()
    end
    local one = sockeye.loop(twice)
    loops.step_all(one)
    one = sockeye.loop(twice)
    local two = sockeye.loop(twice)
    loops.step_all(one)
    loops.step_all(two)
    run(exchange)
    b:send("y")
    assert.equal("y", a:recv(1))
  end)

  it("shares channels with another loop", function()
    local ch = sockeye.channel()
    local one = sockeye.loop(function()
      for i = 1, 50 do ch:put(i) end
      ch:close()
    end)
    local two = sockeye.loop(function()
      local sum = 0
      for value in ch:values() do sum = sum + value end
      return sum
    end)
    local _, second = loops.step_all(one, two)
    assert.equal(1275, second[1])
  end)

  it("can be stepped in a task, also of another loop", function()
    run(function()
      local inner = sockeye.loop(function()
        local deeper = sockeye.loop(function()
          sleep(0.001)
          return "deep"
        end)
        sleep(0.001)
        return loops.step_all(deeper)[1]
      end)
      assert.equal("deep", loops.step_all(inner)[1])
      sleep(0.001)
    end)
  end)

  it("cannot be stepped or closed by its own tasks", function()
    local loop
    loop = sockeye.loop(function()
      errors.rejected("the loop is being stepped", loop.step, loop)
      errors.rejected("the loop is being stepped", loop.close, loop)
      return "fine"
    end)
    assert.equal("fine", loops.step_all(loop)[1])
  end)

  it("is ended by close, which closes its tasks' variables", function()
    local order = {}
    local loop = sockeye.loop(function()
      spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() table.insert(order, "child") end,
        })
        sleep(100)
      end)
      local _ <close> = setmetatable({}, {
        __close = function()
          local ok, err = pcall(a.recv, a, 1)
          table.insert(order, { ok, err:match("cannot wait") })
        end,
      })
      a:recv(1)
    end)
    loop:step()
    loop:step()
    loop:close()
    loop:close()
    assert.equal(2, #order)
    if order[2] == "child" then order[1], order[2] = order[2], order[1] end
    assert.same({ "child", { false, "cannot wait" } }, order)
  end)

  it("closes all of its tasks, though one wakes the others", function()
    for _ = 1, 20 do
      local closed = 0
      local ch = sockeye.channel()
      local loop = sockeye.loop(function()
        for _ = 1, 20 do
          spawn(function()
            local _ <close> = setmetatable({}, {
              __close = function()
                closed = closed + 1
                ch:close()
                collectgarbage()
              end,
            })
            ch:get()
          end)
        end
      end)
      loop:step() -- spawns them
      loop:step() -- has them wait
      loop:close()
      assert.equal(20, closed)
    end
  end)

  it("closes all descriptors when it is collected", function()
    local closed
    descriptors.unchanged(function()
      local loop = sockeye.loop(function()
        local c, d = sockeye.socketpair()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        spawn(function() d:recv(1) end)
        c:recv(1)
      end)
      loop:step()
    end)
    assert.is_true(closed)
  end)

  it("is collected even if its tasks refer to it", function()
    descriptors.unchanged(function()
      local loop
      loop = sockeye.loop(function()
        local c, d = sockeye.socketpair()
        spawn(function() return d:recv(1), loop end)
        return c:recv(1), loop
      end)
      loop:step()
    end)
  end)

  for _, poller in ipairs { "epoll", "poll" } do
    it("by " .. poller .. " holds two descriptors for two loops", function()
      local one = sockeye.loop({ poller = poller }, sleep, 100)
      local two = sockeye.loop({ poller = poller }, sleep, 100)
      local has_descriptor = poller == "epoll" and loops.has_epoll()
      assert.equal(has_descriptor, one:pollfd() ~= nil)
      if has_descriptor then
        assert.are_not.equal(one:pollfd(), two:pollfd())
      end
      one:close()
      two:close()
    end)
  end
end)

for _, poller in ipairs { "epoll", "poll" } do
  local function with_poller(f) return run({ poller = poller }, f) end

  describe("a descriptor in tasks by " .. poller, function()
    local a, b
    descriptors.guard(function() a, b = sockets.unix() end, function()
      sockets.close(a, b)
    end)

    local calls = {
      { "recv", function(s) s:recv(1) end },
      { "recvfrom", function(s) s:recvfrom(1) end },
      { "read", function(s) s:read(1) end },
      { "sendall", function(s) s:sendall(("x"):rep(1 << 22)) end },
      { "poll", function(s) sockeye.poll { [s] = "r" } end },
    }

    for _, case in ipairs(calls) do
      it("that is closed wakes a task that waits in " .. case[1], function()
        with_poller(function()
          local t = spawn(case[2], a)
          sleep(0.001)
          a:close()
          errors.raised("ECANCELED", case[1], t.join, t)
        end)
      end)
    end

    it("that is closed raises ECANCELED, and EBADF in later tasks", function()
      with_poller(function()
        local l <close> = sockets.listener()
        local t = spawn(l.accept, l)
        sleep(0)
        l:close()
        errors.raised("ECANCELED", "accept", t.join, t)
        local late = spawn(a.recv, a, 1)
        a:close()
        errors.raised("EBADF", "recv", late.join, late)
      end)
    end)

    it("has one reader and one writer", function()
      with_poller(function()
        local reader = spawn(a.recv, a, 5)
        local writer = spawn(a.sendall, a, ("x"):rep(1 << 22))
        sleep(0.001)
        errors.raised("EBUSY", "recv", a.recv, a, 1)
        errors.raised("EBUSY", "send", a.send, a, "x")
        b:sendall("hello")
        assert.equal("hello", reader:join())
        local count = 0
        while count < 1 << 22 do count = count + #b:recv(1 << 20) end
        assert.equal(1 << 22, writer:join())
      end)
    end)

    it("is free again when its waiter was cancelled", function()
      with_poller(function()
        local t = spawn(a.recv, a, 1)
        sleep(0)
        t:cancel()
        pcall(t.join, t)
        b:send("x")
        assert.equal("x", a:recv(1))
      end)
    end)

    it("with the number of a closed one gets none of its events", function()
      with_poller(function()
        for _ = 1, 50 do
          local c, d = sockeye.socketpair()
          local number = c:fd()
          local t = spawn(c.recv, c, 1)
          sleep(0)
          d:send("x")
          c:close()
          local e, f = sockeye.socketpair()
          assert.equal(number, e:fd())
          local u = spawn(e.recv, e, 1)
          sleep(0)
          assert.is_false(pcall(t.join, t))
          assert.equal("waiting", u:status())
          f:send("y")
          assert.equal("y", u:join())
          sockets.close(d, e, f)
        end
      end)
    end)

    it("can be closed and its number reused in the turn of its event",
       function()
      with_poller(function()
        local pairs_of = {}
        for i = 1, 20 do
          local c, d = sockeye.socketpair()
          pairs_of[i] = { c = c, d = d }
        end
        local got = {}
        for i, pair in ipairs(pairs_of) do
          spawn(function()
            local ok, data = pcall(pair.c.recv, pair.c, 1)
            got[i] = ok and data or data.code
            -- The others have their events already, and lose their sockets.
            for k, other in ipairs(pairs_of) do
              if k ~= i and not got[k] and not other.gone then
                other.gone = true
                other.c:close()
                other.e, other.f = sockeye.socketpair()
                other.f:send("-")
              end
            end
          end)
        end
        sleep(0.001)
        for _, pair in ipairs(pairs_of) do pair.d:send("x") end
        sleep(0.002)
        local count = 0
        for i, pair in ipairs(pairs_of) do
          assert.equal(pair.gone and "ECANCELED" or "x", got[i])
          if pair.e then
            assert.equal("-", pair.e:recv(5))
            count = count + 1
            sockets.close(pair.e, pair.f)
          end
          sockets.close(pair.c, pair.d)
        end
        assert.equal(19, count)
      end)
    end)

    it("can be one of two for the same open file", function()
      with_poller(function()
        local copy <close> = sockeye.adopt(sockeye.dup2(a, 900))
        b:send("x")
        assert.equal("x", copy:recv(5))
        local t = spawn(a.recv, a, 5)
        sleep(0)
        b:send("y")
        assert.equal("y", t:join())
        b:send("z")
        assert.equal("z", copy:recv(5))
        a:close()
        b:send("w")
        assert.equal("w", copy:recv(5))
      end)
    end)

    it("gets the events of the file that dup2 put there", function()
      with_poller(function()
        local c <close>, d = sockeye.socketpair()
        local _ <close> = d
        local t = spawn(c.recv, c, 1)
        sleep(0.001)
        sockeye.dup2(a, c:fd())
        sleep(0.001)
        b:send("x")
        assert.equal("x", t:join())
        b:send("y")
        assert.equal("y", c:recv(1))
      end)
    end)

    it("accepts all connections that one event stands for", function()
      with_poller(function()
        local l <close> = sockets.listener()
        local name = l:getsockname()
        local kept = {}
        local accepted = 0
        local acceptor = spawn(function()
          while accepted < 100 do
            kept[#kept + 1] = l:accept()
            accepted = accepted + 1
          end
        end)
        sleep(0)
        for _ = 1, 100 do
          kept[#kept + 1] = sockeye.socket("inet", "stream"):connect(name)
        end
        acceptor:join()
        assert.equal(100, accepted)
        sockets.close(table.unpack(kept))
      end)
    end)

    it("is read on past the mark of urgent data", function()
      with_poller(function()
        local c, d = sockets.tcp()
        local t = spawn(d.recv, d, 100)
        sleep(0.001)
        c:send("first")
        assert.equal("first", t:join())
        c:send("ab")
        c:send("!", "oob")
        c:send("cd")
        sleep(0.01)
        assert.equal("ab", d:recv(100))
        assert.equal("cd", d:recv(100))
        sockets.close(c, d)
      end)
    end)

    it("is tried anew by a caller that never waits", function()
      with_poller(function()
        b:send("xx")
        assert.equal("xx", a:recv(10))
        assert.is_false(a:recv(10, "dontwait"))
        b:send("y")
        a:settimeout(0)
        assert.equal("y", a:recv(10))
        assert.is_false(a:recv(10))
        b:send("z")
        assert.equal("z", a:recv(10))
      end)
    end)

    it("reports the end, and errors", function()
      with_poller(function()
        local c, d = sockets.tcp()
        local t = spawn(c.recv, c, 100)
        sleep(0.001)
        d:sendall("data")
        d:close()
        assert.equal("data", t:join())
        assert.is_nil(c:recv(1))
        assert.is_nil(c:recv(1))
        c:close()
        c, d = sockets.tcp()
        t = spawn(c.recv, c, 100)
        sleep(0.001)
        d:setsockopt("SO_LINGER", 0)
        d:close()
        errors.raised("ECONNRESET", "recv", t.join, t)
        c:close()
      end)
    end)
  end)
end
