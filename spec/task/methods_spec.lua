local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("a task", function()
  descriptors.guard()

  it("is given the arguments, and join its results", function()
    assert.same({ 1, nil, 3, n = 3 }, run(function()
      local t = spawn(function(...) return ... end, 1, nil, 3)
      return table.pack(t:join())
    end))
  end)

  it("runs when the one that started it waits", function()
    local order = {}
    run(function()
      spawn(function() table.insert(order, "task") end)
      table.insert(order, "main")
    end)
    assert.same({ "main", "task" }, order)
  end)

  it("returns its results each time it is joined", function()
    run(function()
      local t = spawn(function() return "x", "y" end)
      for _ = 1, 3 do assert.same({ "x", "y" }, { t:join() }) end
    end)
  end)

  it("is joined by many", function()
    run(function()
      local t = spawn(function()
        sleep(0.001)
        return 7
      end)
      local sum = 0
      sockeye.group(function(g)
        for _ = 1, 10 do
          g:spawn(function()
            local result = t:join()
            sum = sum + result
          end)
        end
      end)
      assert.equal(70, sum)
    end)
  end)

  it("can return more than a stack's first size", function()
    run(function()
      local t = spawn(function() return table.unpack({}, 1, 5000) end)
      assert.equal(5000, select("#", t:join()))
    end)
  end)

  it("reports its state", function()
    run(function()
      local ch = sockeye.channel()
      local t, seen
      t = spawn(function()
        seen = t:status()
        ch:get()
      end)
      assert.equal("ready", t:status())
      sockeye.yield()
      assert.equal("running", seen)
      assert.equal("waiting", t:status())
      ch:put(1)
      t:join()
      assert.equal("done", t:status())
      local failing = spawn(error, "reason")
      pcall(failing.join, failing)
      assert.equal("failed", failing:status())
      local cancelled = spawn(sleep, 100)
      sockeye.yield()
      cancelled:cancel()
      pcall(cancelled.join, cancelled)
      assert.equal("cancelled", cancelled:status())
    end)
  end)

  it("cannot join itself", function()
    run(function()
      local t
      t = spawn(function() errors.raised("EDEADLK", "join", t.join, t) end)
    end)
  end)

  it("runs to its end where nothing refers to it", function()
    local ended = 0
    run(function()
      for _ = 1, 100 do
        spawn(function()
          sleep(0.001)
          ended = ended + 1
        end)
      end
      collectgarbage()
      sleep(0.002)
      collectgarbage()
    end)
    assert.equal(100, ended)
  end)

  it("can be joined when its loop is gone", function()
    local t, unfinished
    run(function() t = spawn(function() return 5 end) end)
    assert.equal(5, t:join())
    local loop = sockeye.loop(function()
      unfinished = spawn(sleep, 100)
      sleep(100)
    end)
    loop:step()
    loop:close()
    errors.raised("ECANCELED", "join", unfinished.join, unfinished)
  end)

  it("goes on with the others where it yields as a coroutine does", function()
    local order = {}
    run(function()
      spawn(function()
        for i = 1, 3 do
          table.insert(order, i)
          assert.is_nil(coroutine.yield("ignored"))
        end
      end)
      for _, letter in ipairs { "a", "b", "c" } do
        sockeye.yield()
        table.insert(order, letter)
      end
    end)
    assert.same({ 1, "a", 2, "b", 3, "c" }, order)
  end)
end)
