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

  it("does not wait unless asked to", function()
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
