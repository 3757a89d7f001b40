-- The places that a task has in queues while it waits.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local run, spawn = sockeye.run, sockeye.spawn

-- What one place in each of n channels costs, in waits of one task after the
-- other; the numbers of places grow and shrink.
local function wait_for(n)
  local list = { timeout = 0.0001 }
  for i = 1, n do list[i] = sockeye.channel() end
  assert.is_nil((sockeye.select(list)))
  return list
end

describe("a task's places in queues", function()
  it("are as many as its wait needs, wait after wait", function()
    run(function()
      for _, n in ipairs { 1, 4, 5, 1000, 3, 200, 1, 2 } do
        local list = wait_for(n)
        for i = 1, n do assert.is_false((list[i]:try_put(1))) end
      end
      local ch = sockeye.channel()
      errors.raised("ETIMEDOUT", "get", ch.get, ch, 0.0001)
    end)
  end)

  it("are left, all of them, as soon as one was met", function()
    run(function()
      local list = {}
      for i = 1, 100 do list[i] = sockeye.channel() end
      local t = spawn(function() return (sockeye.select(list)) end)
      sockeye.yield()
      assert.is_true(list[50]:try_put(1))
      for i = 1, 100 do assert.is_false((list[i]:try_put(2))) end
      assert.equal(50, t:join())
    end)
  end)

  it("are left from anywhere in a queue, whose order stays", function()
    run(function()
      local ch, got, tasks = sockeye.channel(), {}, {}
      for i = 1, 9 do
        tasks[i] = spawn(function()
          local value = ch:get()
          got[#got + 1] = { i, value }
        end)
      end
      sockeye.yield()
      for _, i in ipairs { 9, 1, 5, 4, 2 } do
        tasks[i]:cancel()
        pcall(tasks[i].join, tasks[i])
      end
      for _, i in ipairs { 3, 6, 7, 8 } do ch:put(i) end
      sockeye.yield()
      assert.same({ { 3, 3 }, { 6, 6 }, { 7, 7 }, { 8, 8 } }, got)
    end)
  end)

  it("end with the task, whatever it was waiting for", function()
    local ch = sockeye.channel()
    errors.rejected("failure", run, function()
      for _ = 1, 10 do
        spawn(function()
          sockeye.select { ch, sockeye.channel(), { sockeye.channel(), 1 } }
        end)
      end
      sockeye.yield()
      error "failure"
    end)
    assert.same({ false, "full" }, { ch:try_put(1) })
  end)
end)
