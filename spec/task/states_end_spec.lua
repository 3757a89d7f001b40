-- The transitions of tasks whose loop ends before them, and what is refused,
-- as ARCHITECTURE.md has them.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group, yield = sockeye.group, sockeye.yield

-- A value that calls f as it is closed.
local function closing(f)
  return setmetatable({}, { __close = f })
end

describe("a task whose loop ends before it", function()
  descriptors.guard()

  for name, finish in pairs {
    ["is closed"] = function(loop) loop:close() end,
    ["is collected"] = function() end,
  } do
    it("is cancelled as that " .. name, function()
      local tasks, noted = {}, {}
      do
        local loop = sockeye.loop(function()
          tasks.waiting = spawn(function()
            local _ <close> = closing(function()
              errors.rejected("cannot wait: the loop has ended", sleep, 0)
              errors.rejected("spawn: the loop has ended", spawn, print)
              table.insert(noted, tasks.waiting:status())
            end)
            sleep(100)
          end)
          tasks.yields = spawn(function() while true do yield() end end)
          sleep(100)
        end)
        loop:step(0)
        loop:step(0)
        finish(loop)
      end
      collectgarbage()
      collectgarbage()
      assert.same({ "cancelled" }, noted)
      run(function()
        for _, t in pairs(tasks) do
          assert.equal("cancelled", t:status())
          assert.equal(t, t:cancel())
          assert.equal(t, t:kill())
          errors.join_canceled(t)
          assert.equal("cancelled", t:status())
        end
      end)
    end)
  end

  it("is cancelled by a second deadlock", function()
    local t
    errors.rejected("deadlock: every task waits", run, function()
      local ch = sockeye.channel()
      t = spawn(sockeye.shield, math.huge, ch.get, ch)
      ch:get()
    end)
    assert.equal("cancelled", t:status())
  end)

  it("is cancelled in a child that another task forks", function()
    run(function()
      local waiting = spawn(sleep, 100)
      yield()
      local others = { waiting, spawn(sleep, 100) }
      assert.same({ "waiting", "ready" },
                  { waiting:status(), others[2]:status() })
      fork.reap(fork.child(function()
        for _, t in ipairs(others) do
          assert(t:status() == "cancelled", t:status())
          assert(not pcall(t.join, t))
        end
        sleep(0)
      end))
      for _, t in ipairs(others) do
        assert.not_equal("cancelled", t:status())
        t:cancel()
      end
    end)
  end)
end)

describe("what is no transition of a task", function()
  descriptors.guard()

  it("is killing itself", function()
    run(function()
      local t
      t = spawn(function()
        errors.rejected("kill: the task runs", t.kill, t)
        sockeye.wrap(function()
          errors.rejected("kill: the task runs", t.kill, t)
        end)()
        return t:status()
      end)
      assert.equal("running", t:join())
    end)
  end)

  it("is killing the task that runs one's loop", function()
    run(function()
      local outer
      outer = spawn(function()
        local loop <close> = sockeye.loop(function()
          assert.equal("running", outer:status())
          errors.rejected("kill: the task runs", outer.kill, outer)
        end)
        while loop:step(0) do sleep(0) end
        return "goes on"
      end)
      assert.equal("goes on", outer:join())
    end)
  end)

  it("is joining itself", function()
    run(function()
      local t
      t = spawn(function()
        errors.raised("EDEADLK", "join", t.join, t)
        return t:status()
      end)
      assert.equal("running", t:join())
    end)
  end)

  it("is joining one that joins the caller, without end", function()
    local statuses = {}
    errors.rejected("deadlock: every task waits", run, function()
      local a, b
      a = spawn(function() b:join() end)
      b = spawn(function() a:join() end)
      sockeye.yield()
      statuses = { a:status(), b:status() }
      a:join()
    end)
    assert.same({ "waiting", "waiting" }, statuses)
  end)

  for name, resume in pairs {
    ["coroutine.resume"] = coroutine.resume,
    ["sockeye.resume"] = sockeye.resume,
  } do
    it(("is a wait that %s ends"):format(name), function()
      run(function()
        local co
        local went_on = false
        local t = spawn(function()
          co = coroutine.running()
          sleep(100)
          went_on = true
        end)
        yield()
        local ok, err = resume(co)
        assert.is_false(ok)
        assert.matches("waits in", tostring(err))
        t:cancel()
        pcall(t.join, t)
        assert.is_false(went_on)
      end)
    end)
  end

  it("is resuming a generator that waits in another task", function()
    run(function()
      local co = coroutine.create(function()
        sleep(0.002)
        return "value"
      end)
      local t = spawn(sockeye.resume, co)
      yield()
      assert.same({ false, "resume: the coroutine waits in another task" },
                  { sockeye.resume(co) })
      assert.equal("waiting", t:status())
      assert.same({ true, true, "value" }, { true, t:join() })
    end)
  end)

  it("is waiting in a coroutine that was not resumed to wait", function()
    run(function()
      for _, f in ipairs {
        yield, function() sleep(1) end,
        function() sockeye.channel():get() end,
        function() spawn(print):join() end,
        function() group(print) end,
      } do
        local ok, err = coroutine.resume(coroutine.create(f))
        assert.is_false(ok)
        assert.matches("cannot wait in this coroutine", tostring(err))
      end
    end)
  end)

  it("is running a loop in a task by run", function()
    run(function()
      errors.rejected("run: inside a task already", run, print)
    end)
  end)

  it("is stepping a loop from inside, or one that has ended", function()
    local loop
    loop = sockeye.loop(function()
      errors.rejected("the loop is being stepped", loop.step, loop)
      errors.rejected("the loop is being stepped", loop.close, loop)
      return "result"
    end)
    local going, result
    repeat going, result = loop:step(0) until not going
    assert.equal("result", result)
  end)
end)
