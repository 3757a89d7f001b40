local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"

local timeout = sockeye.timeout

-- A deadline that has come.
local function suspended()
  local co = coroutine.create(function()
    return sockeye.timeout(0, function()
      coroutine.yield()
      return sockeye.sleep(5)
    end)
  end)
  assert(coroutine.resume(co))
  return co
end

describe("outside of tasks a deadline", function()
  local a, b
  descriptors.guard(function() a, b = sockets.unix() end, function()
    sockets.close(a, b)
  end)

  local calls = {
    accept = function()
      local l <close> = sockets.listener()
      l:accept()
    end,
    recvmsg = function() a:recvmsg { iov = 1 } end,
    recvmany = function() a:recvmany(2, 1) end,
    splice = function() sockeye.splice(a, b) end,
  }

  for name, call in sorted(calls) do
    it("ends " .. name, function()
      errors.raised("ETIMEDOUT", name, timeout, 0.002, call)
    end)
  end

  it("does not make the script a task", function()
    timeout(100, function()
      errors.rejected("yield: not inside sockeye.run", sockeye.yield)
      errors.rejected("spawn: not inside sockeye.run", sockeye.spawn, print)
      assert.same({}, sockeye.tasks())
    end)
  end)

  it("is that of the function, whichever coroutine it runs in", function()
    local f = coroutine.wrap(function()
      timeout(0.002, function()
        coroutine.yield()
        local err = errors.raised("ECANCELED", "recv", a.recv, a, 1)
        assert.is_true(err.canceled)
      end)
    end)
    f()
    a:settimeout(0)
    assert.is_false(a:recv(1))
    a:settimeout(nil)
    f()
    b:send("x")
    assert.equal("x", a:recv(1))
  end)

  it("of the function around holds again after an earlier one", function()
    local err = errors.raised("ETIMEDOUT", "sleep", timeout, 0.2, function()
      errors.raised("ETIMEDOUT", "recv", timeout, 0.001, a.recv, a, 1)
      b:send("x")
      assert.equal("x", a:recv(1))
      sockeye.sleep(100)
    end)
    assert.is_true(err.timeout)
  end)

  it("holds in a run inside, and after it", function()
    timeout(0.003, function()
      sockeye.run(function()
        errors.raised("ECANCELED", "recv", a.recv, a, 1)
      end)
      local err = errors.raised("ECANCELED", "recv", a.recv, a, 1)
      assert.is_true(err.canceled)
    end)
    sockeye.sleep(0.001)
  end)

  it("does not bind who runs while its coroutine is suspended", function()
    local co = suspended()
    a:settimeout(0.02)
    local err = errors.raised("ETIMEDOUT", "recv", a.recv, a, 1)
    assert.is_true(err.timeout)
    b:send "x"
    assert.equal("x", a:recv(1))
    sockeye.sleep(0.001)
    assert.equal(0, select("#", sockeye.run(function() sockeye.sleep(0) end)))
    coroutine.close(co)
  end)

  it("is in force again when its coroutine goes on", function()
    local co = suspended()
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.equal("ETIMEDOUT", err.code)
    assert.is_true(err.timeout)
  end)

  it("binds the coroutines that run inside of it", function()
    local inner = coroutine.wrap(function() sockeye.sleep(5) end)
    local err = errors.raised("ETIMEDOUT", "sleep", sockeye.timeout, 0, inner)
    assert.is_true(err.timeout)
  end)

  it("is gone with a coroutine that is collected", function()
    suspended()
    collectgarbage()
    collectgarbage()
    b:send "x"
    assert.equal("x", a:recv(1))
  end)

  it("ends with a coroutine that has failed", function()
    local co = coroutine.create(function()
      sockeye.timeout(0, function() error "over" end)
    end)
    assert.is_false(coroutine.resume(co))
    a:settimeout(0.01)
    errors.raised("ETIMEDOUT", "recv", a.recv, a, 1)
    sockeye.sleep(0.001)
  end)
end)
