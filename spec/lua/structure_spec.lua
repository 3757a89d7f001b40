-- Groups, deadlines and coroutines that may wait: what the functions in Lua add
-- to the tasks in C.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local worlds = require "spec.support.worlds"

local run = sockeye.run

-- Raises the very value.
local function throw(value) error(value, 0) end

describe("sockeye.group", function()
  descriptors.guard()

  it("returns all that its function returns", function()
    run(function()
      assert.same({ n = 3, 1, nil, "x" },
                  table.pack(sockeye.group(function() return 1, nil, "x" end)))
      assert.same({ n = 0 }, table.pack(sockeye.group(function() end)))
    end)
  end)

  it("raises the very value that its function raises", function()
    local value = {}
    run(function()
      local ok, err = pcall(sockeye.group, function() throw(value) end)
      assert.is_false(ok)
      assert.equal(value, err)
    end)
  end)

  it("gives its function a group without internal methods", function()
    run(function()
      sockeye.group(function(g)
        assert.is_function(g.spawn)
        assert.is_function(g.cancel)
        assert.is_nil(g.finish)
      end)
    end)
  end)

  it("raises outside of run", function()
    errors.rejected("group: not inside sockeye.run", sockeye.group, print)
  end)
end)

describe("sockeye.timeout", function()
  descriptors.guard()

  worlds.it("passes arguments and results on", function()
    assert.same({ n = 4, true, 1, nil, false },
                table.pack(sockeye.timeout(20, pcall, function(...)
                  return ...
                end, 1, nil, false)))
  end)

  worlds.it("raises the very value that its function raises", function()
    local value = {}
    local ok, err = pcall(sockeye.timeout, 20, throw, value)
    assert.is_false(ok)
    assert.equal(value, err)
  end)

  worlds.it("leaves no deadline behind, whatever its function does", function()
    sockeye.timeout(0, function() end)
    pcall(sockeye.timeout, 0, throw, "x")
    assert.is_true(pcall(sockeye.sleep, 0.001))
  end)

  worlds.it("raises ETIMEDOUT out of what waits too long", function()
    local err = errors.raised("ETIMEDOUT", "sleep", sockeye.timeout, 0.001,
                              sockeye.sleep, 1000)
    assert.is_true(err.timeout)
  end)
end)

describe("sockeye.wrap", function()
  descriptors.guard()

  worlds.it("yields and returns values as coroutine.wrap does", function()
    local f = sockeye.wrap(function(...)
      local more = table.pack(coroutine.yield(...))
      return more.n, table.unpack(more, 1, more.n)
    end)
    assert.same({ n = 2, "a", nil }, table.pack(f("a", nil)))
    assert.same({ n = 3, 2, nil, "b" }, table.pack(f(nil, "b")))
    errors.rejected("cannot resume dead coroutine", f)
  end)

  worlds.it("raises the very value that the coroutine raises", function()
    local value = {}
    local ok, err = pcall(sockeye.wrap(throw), value)
    assert.is_false(ok)
    assert.equal(value, err)
  end)

  it("lets the task wait where the coroutine does", function()
    run(function()
      local order = {}
      sockeye.spawn(function() table.insert(order, "other") end)
      local f = sockeye.wrap(function()
        sockeye.sleep(0.001)
        table.insert(order, "coroutine")
      end)
      f()
      assert.same({ "other", "coroutine" }, order)
    end)
  end)
end)
