local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

-- Appends `name` to `order` once `wait(...)` has returned or raised.
local function noted(order, name, wait, ...)
  local ok, err = pcall(wait, ...)
  order[#order + 1] = name
  if not ok then error(err, 0) end
end

for _, poller in ipairs { "epoll", "poll" } do
  local function with_poller(f) return run({ poller = poller }, f) end

  describe("a task that wakes, by " .. poller, function()
    local a, b
    descriptors.guard(function() a, b = sockets.unix() end, function()
      sockets.close(a, b)
    end)

    it("runs after those that were woken before it", function()
      with_poller(function()
        local order, channels, tasks = {}, {}, {}
        for i = 1, 5 do
          channels[i] = sockeye.channel()
          tasks[i] = spawn(noted, order, i, channels[i].get, channels[i])
        end
        sleep(0)
        for _, i in ipairs { 4, 1, 5, 2, 3 } do channels[i]:close() end
        for _, t in ipairs(tasks) do t:join() end
        assert.same({ 4, 1, 5, 2, 3 }, order)
      end)
    end)

    it("leaves its descriptor to the next task that waits", function()
      with_poller(function()
        for _ = 1, 3 do
          errors.raised("ETIMEDOUT", "recv", sockeye.timeout, 0.001, a.recv,
                        a, 1)
          local t = spawn(a.recv, a, 1)
          sleep(0)
          b:send("x")
          assert.equal("x", t:join())
        end
      end)
    end)

    it("may end before the task for which it has waited", function()
      with_poller(function()
        local slow = spawn(sleep, 0.2)
        spawn(function()
          errors.raised("ETIMEDOUT", "join", sockeye.timeout, 0.001,
                        slow.join, slow)
        end):join()
        collectgarbage()
        collectgarbage()
        assert.equal("waiting", slow:status())
        slow:join()
      end)
    end)
  end)

  describe("a descriptor that is closed, by " .. poller, function()
    local a, b
    descriptors.guard(function() a, b = sockets.unix() end, function()
      sockets.close(a, b)
    end)

    it("wakes every task that polls it", function()
      with_poller(function()
        local tasks = {}
        for i = 1, 3 do
          tasks[i] = spawn(pcall, sockeye.poll, { [a] = "r", [b] = "r" })
        end
        sleep(0.001)
        a:close()
        for _, t in ipairs(tasks) do
          local ok, err = t:join()
          assert.is_false(ok)
          errors.closed("poll", error, err, 0)
        end
      end)
    end)

    it("wakes a task of another loop that polls it", function()
      local loop <close> = sockeye.loop({ poller = poller }, function()
        local _, err = pcall(sockeye.poll, { [a] = "r" })
        return err
      end)
      assert.is_true(loop:step())
      with_poller(function() a:close() end)
      local more, err
      repeat more, err = loop:step(1) until not more
      errors.closed("poll", error, err, 0)
    end)

    it("leaves tasks alone that poll others", function()
      with_poller(function()
        local t = spawn(sockeye.poll, { [b] = "r" })
        sleep(0.001)
        local c, d = sockeye.socketpair()
        sockets.close(c, d)
        sleep(0.001)
        -- Without epoll a task asks again and again.
        assert.is_true(t:status() == "waiting" or
                       not loops.has_epoll() and t:status() == "ready")
        a:send("x")
        assert.same({ [b] = "r" }, t:join())
      end)
    end)
  end)
end
