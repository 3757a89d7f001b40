local sockeye = require "sockeye"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("tasks", function()
  it("lists what each task waits for, and where", function()
    run(function()
      local a, b = sockeye.socketpair()
      local _ <close> = a
      local _ <close> = b
      local ch = sockeye.channel()
      local waiting = {
        recv = spawn(function() a:recv(1) end),
        get = spawn(function() ch:get() end),
        sleep = spawn(function() sleep(100) end),
        poll = spawn(function() sockeye.poll { [b] = "r" } end),
      }
      sockeye.yield()
      local found = {}
      for _, entry in ipairs(sockeye.tasks()) do
        assert.matches("^spec/task/list_spec.lua:%d+$", entry.where)
        if entry.call then
          assert.equal(waiting[entry.call], entry.task)
          assert.equal("waiting", entry.status)
          found[entry.call] = true
        else
          assert.equal("running", entry.status)
        end
      end
      assert.same({ recv = true, get = true, sleep = true, poll = true },
                  found)
      for _, t in pairs(waiting) do t:cancel() end
      for _, t in pairs(waiting) do pcall(t.join, t) end
      assert.equal(1, #sockeye.tasks())
    end)
  end)

  it("lists no task that has ended, though its error is on its way", function()
    run(function()
      local seen
      local t = spawn(function()
        sleep(0.001)
        spawn(function() seen = #sockeye.tasks() end)
        error("reason", 0)
      end)
      spawn(pcall, t.join, t)
      repeat sleep(0.001) until seen
      assert.equal(3, seen)
    end)
  end)

  it("lists nothing outside of run", function()
    assert.same({}, sockeye.tasks())
  end)
end)
