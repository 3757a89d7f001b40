-- Groups, deadlines and coroutines that may wait: what the functions in Lua add
-- to the tasks in C.

local sockeye = require "sockeye"

local closing = require "spec.support.closing_waits"
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
        assert.is_function(g.spawn_daemon)
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

-- Calls f once a deadline around it has come. Returns whether that ended it.
local function once_over(f)
  local ok, err = pcall(sockeye.timeout, 0, f)
  if not ok and not sockeye.is_error(err, "ETIMEDOUT") then error(err, 0) end
  return not ok
end

local function wait() sockeye.sleep(0.001) end

describe("sockeye.timeout, inside", function()
  descriptors.guard()

  worlds.it("raises the cancellation at every wait", function()
    assert.is_true(once_over(function()
      for _ = 1, 100 do
        local err = errors.raised("ECANCELED", "sleep", wait)
        assert.is_true(err.canceled)
        assert.is_nil(err.timeout)
      end
      wait()
    end))
  end)

  worlds.it("turns only what leaves it", function()
    assert.is_false(once_over(function() pcall(wait) end))
    assert.equal("value", sockeye.timeout(0, function()
      pcall(wait)
      return "value"
    end))
    local value = {}
    local ok, err = pcall(sockeye.timeout, 0, function()
      pcall(wait)
      throw(value)
    end)
    assert.is_false(ok)
    assert.equal(value, err)
  end)

  worlds.it("is left by the outermost that has come", function()
    local inner
    assert.is_true(once_over(function()
      inner = errors.raised("ECANCELED", "sleep", sockeye.timeout, 0, wait)
      wait()
    end))
    assert.is_true(inner.canceled)
    sockeye.timeout(60, function()
      local err = errors.raised("ETIMEDOUT", "sleep", sockeye.timeout, 0, wait)
      assert.is_true(err.timeout)
      wait()
    end)
  end)
end)

describe("sockeye.within", function()
  descriptors.guard()

  worlds.it("returns true and the results", function()
    assert.same({ n = 4, true, 1, nil, false },
                table.pack(sockeye.within(20, function(...)
                  return ...
                end, 1, nil, false)))
    assert.same({ n = 2, true, "late" },
                table.pack(sockeye.within(0, function()
                  pcall(wait)
                  return "late"
                end)))
  end)

  worlds.it("returns false when its own time runs out", function()
    assert.same({ n = 1, false },
                table.pack(sockeye.within(0.001, sockeye.sleep, 1000)))
    assert.is_true(pcall(wait))
  end)

  worlds.it("raises the very value that its function raises", function()
    local value = {}
    local ok, err = pcall(sockeye.within, 20, throw, value)
    assert.is_false(ok)
    assert.equal(value, err)
    local own = errors.raised("ETIMEDOUT", "sleep", sockeye.within, 20,
                              sockeye.timeout, 0, wait)
    assert.is_true(own.timeout)
  end)

  worlds.it("raises the cancellation by one further out", function()
    local err
    assert.is_true(once_over(function()
      err = errors.raised("ECANCELED", "sleep", sockeye.within, 0, wait)
      wait()
    end))
    assert.is_true(err.canceled)
  end)
end)

describe("sockeye.shield", function()
  descriptors.guard()

  worlds.it("passes arguments and results on", function()
    assert.same({ n = 3, 1, nil, false },
                table.pack(sockeye.shield(20, function(...)
                  return ...
                end, 1, nil, false)))
  end)

  worlds.it("lets its function wait although a scope is over", function()
    assert.is_true(once_over(function()
      assert.is_nil(sockeye.shield(20, function()
        local left = sockeye.deadline()
        assert.is_true(left > 10 and left <= 20)
        wait()
        wait()
      end))
      wait()
    end))
  end)

  worlds.it("ends as a deadline of its own", function()
    assert.is_true(once_over(function()
      local err = errors.raised("ETIMEDOUT", "sleep", sockeye.shield, 0.001,
                                sockeye.sleep, 1000)
      assert.is_true(err.timeout)
      errors.raised("ECANCELED", "sleep", wait)
      wait()
    end))
  end)

  worlds.it("raises the very value that its function raises", function()
    local value = {}
    local ok, err = pcall(sockeye.shield, 20, throw, value)
    assert.is_false(ok)
    assert.equal(value, err)
  end)

  it("covers groups that are opened inside", function()
    run(function()
      local waited = 0
      assert.is_true(once_over(function()
        sockeye.shield(20, sockeye.group, function(g)
          for _ = 1, 3 do
            g:spawn(function()
              wait()
              waited = waited + 1
            end)
          end
        end)
        wait()
      end))
      assert.equal(3, waited)
    end)
  end)
end)

describe("sockeye.pcall and sockeye.xpcall", function()
  descriptors.guard()

  worlds.it("are pcall and xpcall for what is no cancellation", function()
    local value = {}
    assert.same({ n = 3, true, 1, nil },
                table.pack(sockeye.pcall(function(...) return ... end, 1, nil)))
    assert.same({ n = 3, true, 1, nil },
                table.pack(sockeye.xpcall(function(...) return ... end, print,
                                          1, nil)))
    local ok, err = sockeye.pcall(throw, value)
    assert.is_false(ok)
    assert.equal(value, err)
    assert.same({ n = 2, false, "x handled" },
                table.pack(sockeye.xpcall(throw, function(e)
                  return e .. " handled"
                end, "x")))
    assert.is_false((sockeye.pcall(nil)))
    assert.is_false((sockeye.xpcall(nil, tostring)))
    ok, err = sockeye.pcall(sockeye.timeout, 0, wait)
    assert.is_false(ok)
    assert.is_true(err.timeout)
  end)

  worlds.it("let one's own cancellation pass", function()
    local handled = 0
    local function handler(err)
      handled = handled + 1
      return err
    end
    assert.is_true(once_over(function()
      errors.raised("ECANCELED", "sleep", sockeye.pcall, wait)
      errors.raised("ECANCELED", "sleep", sockeye.xpcall, wait, handler)
      sockeye.pcall(wait)
    end))
    assert.equal(0, handled)
  end)

  worlds.it("hand over a cancellation that is over", function()
    local kept
    assert.is_true(once_over(function()
      kept = errors.raised("ECANCELED", "sleep", wait)
      wait()
    end))
    local ok, err = sockeye.pcall(throw, kept)
    assert.is_false(ok)
    assert.equal(kept, err)
    local function handler() return "handled" end
    assert.same({ false, "handled" }, { sockeye.xpcall(throw, handler, kept) })
  end)
end)

describe("sockeye.is_canceled", function()
  descriptors.guard()

  worlds.it("is true while a scope around the caller is over", function()
    local kept
    assert.is_true(once_over(function()
      kept = errors.raised("ECANCELED", "sleep", wait)
      assert.is_true(sockeye.is_canceled(kept))
      assert.is_false(sockeye.is_canceled("ECANCELED"))
      assert.is_false(sockeye.is_canceled(nil))
      assert.is_false(sockeye.shield(20, sockeye.is_canceled, kept))
      wait()
    end))
    assert.is_false(sockeye.is_canceled(kept))
  end)
end)

describe("sockeye.deadline", function()
  descriptors.guard()

  worlds.it("is the time until the earliest one", function()
    local before = sockeye.deadline()
    local function between(low, high)
      local left = sockeye.deadline()
      assert.is_true(low <= left and left <= high, left)
    end
    sockeye.timeout(20, function()
      between(10, 20)
      sockeye.timeout(60, between, 10, 20)
      sockeye.within(5, between, 1, 5)
      sockeye.shield(40, between, 30, 40)
      sockeye.timeout(0, between, 0, 0)
      between(10, 20)
    end)
    assert.equal(before == nil, sockeye.deadline() == nil)
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

  it("lets variables wait that a failing coroutine closes", function()
    local possible, reason = closing.may_wait()
    if not possible then return pending(reason) end
    run(function()
      local value, seen, other = {}, nil, nil
      local Waiting = { __close = function(_, err)
        sockeye.sleep(0.001)
        seen = err
      end }
      sockeye.spawn(function() other = seen == nil end)
      local f = sockeye.wrap(function()
        local _ <close> = setmetatable({}, Waiting)
        coroutine.yield()
        throw(value)
      end)
      f()
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.equal(value, err)
      assert.equal(value, seen)
      assert.is_true(other)
      errors.rejected("cannot resume dead coroutine", f)
    end)
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
