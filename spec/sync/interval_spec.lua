local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local fork = require "spec.support.fork"

local function in_a_task(f) return sockeye.run(f) end

local function outside(f) return f() end

for where, call in pairs { ["in a task"] = in_a_task, outside = outside } do
  describe(("an interval, %s,"):format(where), function()
    it("begins after one interval, and does not drift", function()
      call(function()
        local start, count, late = sockeye.now(), 0, nil
        for missed in sockeye.interval(0.01) do
          assert.equal("integer", math.type(missed))
          count = count + 1 + missed
          late = sockeye.now() - start - count * 0.01
          assert.is_true(late >= 0, late)
          local busy = sockeye.now() + 0.004
          while sockeye.now() < busy do end
          if count >= 30 then break end
        end
        -- Sleeps of 0.01 between the bodies would be late by 0.12.
        assert.is_true(late < 0.06, late)
      end)
    end)

    it("says how many turns were missed", function()
      call(function()
        local start = sockeye.now()
        local next_turn = sockeye.interval(0.02)
        assert.equal(0, next_turn())
        sockeye.sleep(0.07)
        local missed = next_turn()
        -- The turns at 0.04, 0.06 and 0.08 had passed: one was taken late.
        assert.is_true(missed >= 2)
        local before = next_turn()
        local turns = 3 + missed + before
        local late = sockeye.now() - start - turns * 0.02
        assert.is_true(late >= 0 and late < 0.06, late)
      end)
    end)

    it("goes on after a signal's handler has run", function()
      call(function()
        local caught = 0
        local start = sockeye.now()
        do
          local _ <close> = fork.interrupt("USR1", function()
            caught = caught + 1
          end)
          assert.equal(0, sockeye.interval(0.1)())
        end
        assert.equal(1, caught)
        assert.is_true(sockeye.now() - start >= 0.1)
      end)
    end)
  end)
end

describe("an interval", function()
  it("gives each of its turns to one of the tasks that share it", function()
    sockeye.run(function()
      local start, turns = sockeye.now(), 0
      local next_turn = sockeye.interval(0.002)
      sockeye.group(function(g)
        for _ = 1, 3 do
          g:spawn(function()
            for _ = 1, 4 do
              local missed = next_turn()
              turns = turns + 1 + missed
            end
          end)
        end
      end)
      assert.is_true(turns >= 12)
      assert.is_true(sockeye.now() - start >= turns * 0.002)
    end)
  end)

  it("ends by the deadline of a task that shares it", function()
    sockeye.run(function()
      local next_turn = sockeye.interval(0.01)
      local other = sockeye.spawn(function()
        for _ = 1, 5 do next_turn() end
      end)
      local ok = sockeye.within(0.015, function()
        for _ = 1, 5 do next_turn() end
      end)
      assert.is_false(ok)
      other:join()
    end)
  end)

  it("waits for the turn after one that a signal's handler takes", function()
    local start, turns, missed = sockeye.now(), 0
    local next_turn = sockeye.interval(0.2)
    do
      local _ <close> = fork.interrupt("USR1", function()
        local left_out = next_turn()
        turns = turns + 1 + left_out
      end)
      missed = next_turn()
    end
    assert.is_true(turns > 0)
    turns = turns + 1 + missed
    assert.is_true(sockeye.now() - start >= turns * 0.2)
  end)

  it("raises ECANCELED where its task is cancelled", function()
    sockeye.run(function()
      local t = sockeye.spawn(sockeye.interval(1))
      sockeye.yield()
      t:cancel()
      errors.raised("ECANCELED", "join", t.join, t)
    end)
  end)

  it("lets other tasks run where its turns are always late", function()
    sockeye.run(function()
      local woke
      sockeye.spawn(function()
        sockeye.sleep(0.001)
        woke = true
      end)
      for _ in sockeye.interval(1e-9) do
        if woke then break end
      end
      assert.is_true(woke)
    end)
  end)

  it("rejects what is no positive number of seconds", function()
    for _, seconds in ipairs { 0, -1, 0 / 0, "x" } do
      errors.rejected("bad argument #1 to 'sockeye.interval'",
                      sockeye.interval, seconds)
    end
    errors.rejected("bad argument #1", sockeye.interval)
  end)

  it("of endless length never has a turn", function()
    sockeye.run(function()
      local t = sockeye.spawn(sockeye.interval(math.huge))
      sockeye.sleep(0.001)
      assert.equal("waiting", t:status())
      t:cancel()
      pcall(t.join, t)
    end)
  end)
end)
