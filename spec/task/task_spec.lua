local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("an error in a task", function()
  descriptors.guard()

  it("goes to the one that joins", function()
    local reason = {}
    run(function()
      local t = spawn(error, reason)
      local ok, err = pcall(t.join, t)
      assert.is_false(ok)
      assert.equal(reason, err)
    end)
  end)

  it("goes to each of those that join", function()
    run(function()
      local t = spawn(function()
        sleep(0.001)
        error("reason", 0)
      end)
      local count = 0
      sockeye.group(function(g)
        for _ = 1, 3 do
          g:spawn(function()
            local ok, err = pcall(t.join, t)
            assert.same({ false, "reason" }, { ok, err })
            count = count + 1
          end)
        end
      end)
      assert.equal(3, count)
    end)
  end)

  it("is raised by run if nobody joins", function()
    local reached
    local ok, err = pcall(run, function()
      spawn(error, "reason", 0)
      errors.raised("ECANCELED", "sleep", sleep, 100)
      reached = true
    end)
    assert.same({ false, "reason", true }, { ok, err, reached })
  end)

  it("is raised by run if it is the first", function()
    local ok, err = pcall(run, function()
      spawn(error, "first", 0)
      spawn(error, "second", 0)
      sleep(100)
    end)
    assert.same({ false, "first" }, { ok, err })
  end)

  it("is raised by run whatever main does with its cancellation", function()
    local ok, err = pcall(run, function()
      spawn(error, "reason", 0)
      pcall(sleep, 100)
      return "fine"
    end)
    assert.same({ false, "reason" }, { ok, err })
  end)

  it("is not lost if the joiner gave up", function()
    local ok, err = pcall(run, function()
      local t = spawn(function()
        sleep(0.005)
        error("reason", 0)
      end)
      errors.raised("ETIMEDOUT", "join", sockeye.timeout, 0.001, t.join, t)
      sleep(100)
    end)
    assert.same({ false, "reason" }, { ok, err })
  end)

  it("is not lost if the joiner was cancelled and is gone", function()
    local function join_and_give_up(t)
      local joiner = spawn(function() t:join() end)
      sockeye.yield()
      joiner:cancel()
      pcall(joiner.join, joiner)
    end
    local ok, err = pcall(run, function()
      join_and_give_up(spawn(function()
        sleep(0.005)
        error("reason", 0)
      end))
      collectgarbage()
      collectgarbage()
      sleep(100)
    end)
    assert.same({ false, "reason" }, { ok, err })
  end)

  -- How a task waits for the end of another, and how it is then kept from
  -- raising the error, though it has been woken for it.
  local waits = {
    join = function(t) t:join() end,
    select = function(t) sockeye.select { t, sockeye.channel() } end,
  }
  local ends = {
    ["is killed"] = function(g, wait, t)
      local joiner = g:spawn(wait, t)
      return function() joiner:kill() end
    end,
    ["waits in a generator that is closed"] = function(g, wait, t)
      local co = coroutine.create(wait)
      g:spawn(function() sockeye.resume(co, t) end)
      return function() coroutine.close(co) end
    end,
    ["is killed with its group"] = function(_, wait, t)
      local owner = spawn(sockeye.group, function(inner)
        inner:spawn(wait, t)
      end)
      return function() owner:kill() end
    end,
  }
  for name, wait in pairs(waits) do
    for title, begin in pairs(ends) do
      it(("is not lost if the joiner %s before it runs: %s"):format(title,
                                                                   name),
         function()
        local ok, err = pcall(run, function()
          sockeye.on_error(function() end)
          sockeye.group(function(g)
            local stop
            local t = g:spawn(function()
              sleep(0.001)
              g:spawn(stop)
              error("reason", 0)
            end)
            stop = begin(g, wait, t)
            sleep(0.01)
          end)
        end)
        assert.same({ false, "reason" }, { ok, err })
      end)
    end
  end

  it("is not lost if the generator of its joiner is closed before it ends",
     function()
    local ok, err = pcall(run, function()
      local t = spawn(function()
        sleep(0.002)
        error("reason", 0)
      end)
      local co = coroutine.create(t.join)
      spawn(function() sockeye.resume(co, t) end)
      sockeye.yield()
      coroutine.close(co)
      sleep(100)
    end)
    assert.same({ false, "reason" }, { ok, err })
  end)

  it("is raised once where one joiner is killed and another is not", function()
    local ok, err = pcall(run, function()
      local killed, other
      sockeye.on_error(function() end)
      local t = spawn(function()
        sleep(0.001)
        spawn(function() killed:kill() end)
        error("reason", 0)
      end)
      killed = spawn(t.join, t)
      other = spawn(pcall, t.join, t)
      assert.same({ true, false, "reason" }, { pcall(other.join, other) })
      return "fine"
    end)
    assert.same({ true, "fine" }, { ok, err })
  end)

  it("is not lost where a mutex knows of the task's end", function()
    local ok, err = pcall(run, function()
      local m = sockeye.mutex()
      spawn(function()
        m:lock()
        error("reason", 0)
      end)
      sleep(100)
    end)
    assert.same({ false, "reason" }, { ok, err })
  end)

  it("does not wake a joiner that waits for something else now", function()
    run(function()
      local a, b = sockeye.socketpair()
      local _ <close> = a
      local _ <close> = b
      local t = spawn(sleep, 0.002)
      local joiner = spawn(function()
        errors.raised("ETIMEDOUT", "join", sockeye.timeout, 0.001, t.join, t)
        return a:recv(1)
      end)
      t:join()
      sockeye.yield()
      assert.equal("waiting", joiner:status())
      b:send("x")
      assert.equal("x", joiner:join())
    end)
  end)

  for _, case in ipairs {
    { "a text", "reason", "reason" }, { "a table", {} }, { "nil", nil },
    { "a number", 5 },
  } do
    it("may be " .. case[1], function()
      local ok, err = pcall(run, function() error(case[2], 0) end)
      assert.is_false(ok)
      assert.equal(case[2], err)
    end)
  end

  it("can be a stack overflow", function()
    local function deep() return 1 + deep() end
    run(function()
      local t = spawn(deep)
      local ok, err = pcall(t.join, t)
      assert.is_false(ok)
      assert.matches("stack overflow", tostring(err))
    end)
  end)
end)

describe("outside of run", function()
  for _, case in ipairs {
    { "spawn", print }, { "yield" }, { "group", print },
    { "signals", "USR1" },
  } do
    it(case[1] .. " says so", function()
      errors.rejected("spec/task/task_spec.lua:%d+: " .. case[1] ..
                      ": not inside sockeye.run", function()
        local f = sockeye[case[1]]
        f(case[2])
        return true
      end)
    end)
  end

  it("a channel that would have to wait says so", function()
    local ch = sockeye.channel(1)
    assert.equal(1, ch:put(1):get())
    errors.rejected("get: not inside sockeye.run", ch.get, ch)
    ch:put(2)
    errors.rejected("put: not inside sockeye.run", ch.put, ch, 3)
  end)
end)
