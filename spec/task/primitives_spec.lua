local sockeye = require "sockeye"
local primitives = require "sockeye.core".primitives

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local run, spawn = sockeye.run, sockeye.spawn
local park, unpark = primitives.park, primitives.unpark

describe("park", function()
  it("waits until unpark names the same token", function()
    run(function()
      local token, order = {}, {}
      local task = spawn(function()
        park(token, "rest")
        order[#order + 1] = "parked"
      end)
      sockeye.yield()
      assert.is_false(unpark(task, {}))
      order[#order + 1] = "unparked"
      assert.is_true(unpark(task, token))
      task:join()
      assert.same({ "unparked", "parked" }, order)
      assert.is_false(unpark(task, token))
    end)
  end)

  it("raises a cancellation under the name of its call", function()
    run(function()
      local task = spawn(pcall, park, {}, "rest")
      sockeye.yield()
      errors.canceled("rest", task)
    end)
  end)

  it("returns where the task was unparked before it was cancelled", function()
    run(function()
      local token = {}
      local task = spawn(function()
        park(token, "rest")
        return "unparked"
      end)
      sockeye.yield()
      assert.is_true(unpark(task, token))
      assert.equal("unparked", task:cancel():join())
    end)
  end)

  it("names its call outside of run", function()
    local ok, text = pcall(park, {}, "rest")
    assert.is_false(ok)
    assert.matches("rest: not inside sockeye.run", text, 1, true)
  end)
end)

describe("raise", function()
  it("raises the error of a failed call", function()
    local err = errors.raised("EPIPE", "push", primitives.raise, "push",
                              "EPIPE")
    assert.is_nil(err.address)
  end)
end)

describe("expect_outside_wakeup", function()
  descriptors.guard()

  it("lets a signal handler wake the only task", function()
    run(function()
      local token = {}
      local main = primitives.current_task "rest"
      local stop = primitives.expect_outside_wakeup "rest"
      local woken = false
      local _ <close> = fork.interrupt("USR1", function()
        woken = unpark(main, token)
      end)
      park(token, "rest")
      stop()
      assert.is_true(woken)
    end)
  end)

  it("declares nothing where there is no memory for its end", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local allocator = assert(package.loadlib("./build/spec/allocator.so",
                                               "luaopen_allocator"))()
      local expect =
        require("sockeye.core").primitives.expect_outside_wakeup
      local ok, err = pcall(sockeye.run, function()
        local n, ok, _, stop = 0, false, nil, nil
        repeat
          n = n + 1
          ok, _, stop = allocator.call(n, expect, "wait")
        until ok
        assert(n > 1)
        stop()
        sockeye.channel():get()
      end)
      print(ok, err)
    ]], { timeout = 10 })
    assert.matches("^false\tdeadlock", result.stdout, nil, nil, result.stderr)
  end)

  it("ends when the function that it returns is called", function()
    local ok, err = pcall(run, function()
      primitives.expect_outside_wakeup "rest" ()
      park({}, "rest")
    end)
    assert.is_false(ok)
    assert.matches("deadlock", tostring(err))
  end)
end)

describe("a group of what a task spawns", function()
  it("begins with the first spawn; end_spawn_group cancels it", function()
    run(function()
      primitives.begin_spawn_group()
      assert.is_nil(primitives.end_spawn_group())
      primitives.begin_spawn_group()
      local inside = spawn(park, {}, "rest")
      sockeye.yield()
      local group = primitives.end_spawn_group()
      assert.equal("sockeye.Group", getmetatable(group))
      local outside = spawn(function() return "outside" end)
      errors.join_canceled(inside)
      assert.equal("outside", outside:join())
    end)
  end)

  it("is cancelled at the end of a task that has not ended it", function()
    run(function()
      local inside
      local task = spawn(function()
        primitives.begin_spawn_group()
        inside = spawn(park, {}, "rest")
        sockeye.yield()
      end)
      task:join()
      errors.join_canceled(inside)
    end)
  end)
end)
