-- Signals as a task sees them: one after the other, in a loop.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("signals", function()
  descriptors.guard()

  -- What a loop over them does that is left at the first.
  local function leave_at_once(each, _, _, closing)
    local _ <close> = closing
    return each()
  end

  it("reach a task one after the other", function()
    local names = {}
    run(function()
      spawn(function()
        for _, name in ipairs { "USR1", "USR2", "USR1" } do
          sleep(0.001)
          sockeye.kill(sockeye.getpid(), name)
        end
      end)
      for name in sockeye.signals("USR1", "SIGUSR2") do
        table.insert(names, name)
        if #names == 3 then break end
      end
    end)
    assert.same({ "SIGUSR1", "SIGUSR2", "SIGUSR1" }, names)
  end)

  it("are awaited without a report of a deadlock", function()
    local parent = sockeye.getpid()
    local pid = fork.child(function()
      fork.await(parent, "S")
      sockeye.kill(parent, "TERM")
    end)
    run(function()
      assert.equal("SIGTERM", leave_at_once(sockeye.signals("SIGTERM")))
    end)
    fork.reap(pid)
  end)

  it("have their old handlers when the loop is left", function()
    local handler = function() end
    local before = sockeye.signal("USR1", handler)
    run(function()
      for _, list in ipairs { { "USR1" }, { "USR1", "SIGUSR1" } } do
        spawn(function() sockeye.kill(sockeye.getpid(), "USR1") end)
        leave_at_once(sockeye.signals(table.unpack(list)))
        assert.equal(handler, sockeye.signal("USR1", handler))
      end
      local t = spawn(function() for _ in sockeye.signals("USR1") do end end)
      sockeye.yield()
      t:cancel()
      pcall(t.join, t)
      assert.equal(handler, sockeye.signal("USR1", handler))
      errors.rejected("bad argument", sockeye.signals, "USR1", "SEGV")
      assert.equal(handler, sockeye.signal("USR1", handler))
    end)
    sockeye.signal("USR1", before)
  end)

  it("are checked before a handler is set", function()
    run(function()
      errors.rejected("errors%.lua:%d+: bad argument #2 to 'signals' .*'USR3'",
                      sockeye.signals, "USR1", "USR3")
    end)
  end)

  it("let a deadlock be reported when the loop is left", function()
    local ok, err = pcall(run, function()
      spawn(function() sockeye.kill(sockeye.getpid(), "USR1") end)
      leave_at_once(sockeye.signals("USR1"))
      sockeye.channel():get()
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
  end)
end)
