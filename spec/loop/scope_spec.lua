local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local timeout = sockeye.timeout

for _, poller in ipairs { "epoll", "poll" } do
  describe("a deadline beside errors that wait, by " .. poller, function()
    local u
    descriptors.guard(function()
      u = sockeye.socket("inet", "dgram"):bind "127.0.0.1:0"
      u:setsockopt("IP_RECVERR", true)
      u:sendto("x", "127.0.0.1:9")
      sockeye.sleep(0.01)
      pcall(u.recv, u, 10)
    end, function() u:close() end)

    it("ends a call in a task", function()
      sockeye.run({ poller = poller }, function()
        local start = sockeye.now()
        errors.raised("ETIMEDOUT", "recv", timeout, 0.02, u.recv, u, 10)
        assert.is_true(sockeye.now() - start < 1)
      end)
    end)

    it("ends a call outside of tasks", function()
      local start = sockeye.now()
      errors.raised("ETIMEDOUT", "recv", timeout, 0.02, u.recv, u, 10)
      u:settimeout(0.02)
      errors.raised("ETIMEDOUT", "recv", u.recv, u, 10)
      assert.is_true(sockeye.now() - start < 1)
    end)
  end)

  describe("the scopes of a loop, by " .. poller, function()
    descriptors.guard()

    it("wake the task whose deadline comes first, in that order", function()
      sockeye.run({ poller = poller }, function()
        local order = {}
        sockeye.group(function(g)
          for _, time in ipairs { 3, 1, 4, 2 } do
            g:spawn(function()
              sockeye.within(time / 200, sockeye.sleep, 5)
              table.insert(order, time)
            end)
          end
        end)
        assert.same({ 1, 2, 3, 4 }, order)
      end)
    end)

    it("leave no deadline behind", function()
      local loop <close> = sockeye.loop({ poller = poller }, function()
        for _ = 1, 100 do timeout(1, sockeye.yield) end
        sockeye.sleep(10)
      end)
      for _ = 1, 300 do loop:step(0) end
      assert.is_true(loop:timeout() > 5)
    end)
  end)
end
