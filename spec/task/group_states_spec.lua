-- The transitions of groups, as the table of ARCHITECTURE.md has them: each
-- that is legal is made, each that is not is refused.

local sockeye = require "sockeye"
local primitives = require "sockeye.core".primitives

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group, yield = sockeye.group, sockeye.yield

-- Each gives a group in its state to f, in a task.
local groups = {
  open = function(f) group(f) end,
  ["open and over"] = function(f)
    group(function(g) f(g:cancel()) end)
  end,
  finishing = function(f)
    group(function(g)
      g:spawn(function()
        yield()
        f(g)
      end)
    end)
  end,
  ["finishing and over"] = function(f)
    group(function(g)
      g:spawn(function()
        yield()
        f(g:cancel())
      end)
    end)
  end,
  ended = function(f)
    local kept
    group(function(g) kept = g end)
    f(kept)
  end,
  ["ended by a failure"] = function(f)
    local kept
    pcall(group, function(g)
      kept = g
      error "reason"
    end)
    f(kept)
  end,
  ["ended by its closing"] = function(f)
    local kept
    local t = spawn(function()
      group(function(g)
        kept = g
        sleep(100)
      end)
    end)
    yield()
    t:kill()
    f(kept)
  end,
}

describe("a group", function()
  descriptors.guard()

  for state, bring in pairs(groups) do
    local has_ended <const> = state:find "^ended" ~= nil
    local is_over <const> = state:find "over" ~= nil

    it("that is " .. state .. (has_ended and " refuses tasks" or
       " takes tasks"), function()
      run(function()
        sockeye.on_error(function() end)
        local t, began
        bring(function(g)
          if has_ended then
            errors.rejected("spawn: the group has ended", g.spawn, g, print)
            errors.rejected("spawn: the group has ended", g.spawn_daemon, g,
                            print)
            assert.equal(1, #sockeye.tasks())
            return
          end
          t = g:spawn(function()
            began = true
            yield()
          end)
          assert.equal("ready", t:status())
        end)
        if not has_ended then
          assert.same({ true, is_over and "cancelled" or "done" },
                      { began, t:status() })
        end
      end)
    end)

    it("that is " .. state .. " may be cancelled", function()
      run(function()
        sockeye.on_error(function() end)
        bring(function(g)
          assert.equal(g, g:cancel())
          if has_ended then
            yield()
          else
            local _, err = pcall(yield)
            assert.is_true(err.canceled)
          end
        end)
        yield()
      end)
    end)

    if has_ended then
      it("that is " .. state .. " is not finished again", function()
        run(function()
          sockeye.on_error(function() end)
          bring(function(g)
            errors.rejected("group: the group has ended",
                            primitives.finish_group, g, true)
          end)
        end)
      end)
    end
  end

  it("is over, and never again open, after each of its ends", function()
    run(function()
      sockeye.on_error(function() end)
      for _, ends in ipairs {
        function(g) g:cancel() end,
        function(g)
          g:spawn(error, "reason", 0)
          yield()
        end,
        function(g)
          g:spawn_daemon(error, "reason", 0)
          yield()
        end,
      } do
        pcall(group, function(g)
          ends(g)
          for _ = 1, 3 do
            local _, err = pcall(yield)
            assert.is_true(err.canceled)
          end
        end)
        yield()
      end
    end)
  end)

  it("is over with its owner, and with a deadline around it", function()
    run(function()
      local seen = {}
      local function body(g)
        g:spawn(function()
          local _, err = pcall(sleep, 100)
          seen[#seen + 1] = err.canceled
        end)
        sleep(100)
      end
      local owner = spawn(group, body)
      yield()
      yield()
      owner:cancel()
      errors.join_canceled(owner)
      errors.raised("ETIMEDOUT", nil, sockeye.timeout, 0.001, group, body)
      assert.same({ true, true }, seen)
    end)
  end)

  it("is over when only daemons are left, once its body has ended", function()
    run(function()
      local first, daemon
      group(function(g)
        daemon = g:spawn_daemon(sleep, 100)
        yield()
        first = daemon:status()
      end)
      assert.same({ "waiting", "cancelled" }, { first, daemon:status() })
    end)
  end)

  it("of a loop that is closed has ended", function()
    local kept
    local loop = sockeye.loop(function()
      group(function(g)
        kept = g
        sleep(100)
      end)
    end)
    loop:step(0)
    loop:close()
    run(function()
      errors.rejected("spawn: the group has ended", kept.spawn, kept, print)
      assert.equal(kept, kept:cancel())
      yield()
    end)
  end)

  it("does not exist outside of tasks", function()
    errors.rejected("group: not inside sockeye.run", group, print)
    errors.rejected("spawn: not inside sockeye.run", spawn, print)
  end)
end)
