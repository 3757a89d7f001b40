local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local run, spawn = sockeye.run, sockeye.spawn
local event = sockeye.event

describe("an event", function()
  it("wakes every task that waits for it, in order", function()
    run(function()
      local e, order = event(), {}
      for i = 1, 4 do
        spawn(function()
          assert.equal(e, e:wait())
          order[#order + 1] = i
        end)
      end
      sockeye.yield()
      assert.equal("event(clear, 4 waiting)", tostring(e))
      assert.equal(e, e:set())
      sockeye.yield()
      assert.same({ 1, 2, 3, 4 }, order)
    end)
  end)

  it("stays set until it is cleared", function()
    run(function()
      local e = event()
      assert.is_false(e:is_set())
      e:set():set()
      assert.is_true(e:is_set())
      e:wait():wait(0)
      assert.equal(e, e:clear())
      assert.is_false(e:is_set())
      errors.raised("ETIMEDOUT", "wait", e.wait, e, 0.001)
      assert.equal("event(clear, 0 waiting)", tostring(e))
    end)
  end)

  it("that is set and cleared at once has woken those that waited", function()
    run(function()
      local e = event()
      local t = spawn(e.wait, e)
      sockeye.yield()
      e:set():clear()
      assert.equal(e, t:join())
    end)
  end)

  it("wakes no task that was cancelled before", function()
    run(function()
      local e = event()
      local t = spawn(e.wait, e)
      sockeye.yield()
      t:cancel()
      e:set()
      errors.raised("ECANCELED", "join", t.join, t)
    end)
  end)

  it("may be set by a signal's handler", function()
    run(function()
      local e = event()
      local before = sockeye.signal("USR1", function() e:set() end)
      spawn(function()
        sockeye.sleep(0.001)
        sockeye.kill(sockeye.getpid(), "USR1")
        sockeye.sleep(0.001)
      end)
      assert.equal(e, e:wait())
      sockeye.signal("USR1", before)
    end)
  end)
end)
