local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"

local timeout = sockeye.timeout

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
        errors.raised("ETIMEDOUT", "recv", a.recv, a, 1)
      end)
    end)
    f()
    errors.raised("ETIMEDOUT", "recv", a.recv, a, 1)
    f()
    b:send("x")
    assert.equal("x", a:recv(1))
  end)

  it("of the function around holds again after an earlier one", function()
    local err = errors.raised("ETIMEDOUT", "sleep", timeout, 0.005, function()
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
        errors.raised("ETIMEDOUT", "recv", a.recv, a, 1)
      end)
      errors.raised("ETIMEDOUT", "recv", a.recv, a, 1)
    end)
    sockeye.sleep(0.001)
  end)
end)
