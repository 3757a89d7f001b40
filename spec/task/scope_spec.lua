local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local timeout, within, shield = sockeye.timeout, sockeye.within, sockeye.shield

local worlds = {
  ["outside of tasks"] = function(f) return f() end,
  ["in a task by epoll"] = function(f) return run({ poller = "epoll" }, f) end,
  ["in a task by poll"] = function(f) return run({ poller = "poll" }, f) end,
}

local function timed_out(f, ...)
  local err = errors.raised("ETIMEDOUT", "sleep", f, ...)
  assert.is_true(err.timeout)
  assert.is_nil(err.canceled)
  assert.is_false(sockeye.is_canceled(err))
end

local function canceled(call, f, ...)
  local err = errors.raised("ECANCELED", call, f, ...)
  assert.is_true(err.canceled)
  assert.is_nil(err.timeout)
  assert.is_true(sockeye.is_canceled(err))
  return err
end

-- Waits for so long that a scope of a few milliseconds ends before.
local function long() sleep(5) end

for where, inside in sorted(worlds) do
  describe("a scope " .. where, function()
    descriptors.guard()

    it("of timeout raises ECANCELED inside and ETIMEDOUT outside", function()
      inside(function()
        local kept
        timed_out(timeout, 0.002, function()
          kept = canceled("sleep", long)
          error(kept, 0)
        end)
        assert.is_false(sockeye.is_canceled(kept))
        sleep(0)
      end)
    end)

    it("of timeout and within gives values after its deadline", function()
      inside(function()
        local function late(...)
          canceled("sleep", long)
          return ...
        end
        assert.same({ 1, nil, 3, n = 3 },
                    table.pack(timeout(0.002, late, 1, nil, 3)))
        assert.same({ true, 1, nil, n = 3 },
                    table.pack(within(0.002, late, 1, nil)))
      end)
    end)

    it("of timeout and within raises other errors unchanged", function()
      inside(function()
        for _, scope in ipairs { timeout, within, shield } do
          local reason = {}
          local ok, err = pcall(scope, 0.002, function()
            pcall(long)
            error(reason, 0)
          end)
          assert.is_false(ok)
          assert.equal(reason, err)
        end
      end)
    end)

    it("of within gives false at its own deadline only", function()
      inside(function()
        assert.same({ false, n = 1 }, table.pack(within(0.002, long)))
        timed_out(timeout, 0.002, within, 5, long)
        assert.is_false(within(0.002, timeout, 5, long))
      end)
    end)

    it("further out is the one that is turned", function()
      inside(function()
        -- Both deadlines have come when the inner scope is left.
        local inner
        local start = sockeye.now()
        timed_out(timeout, 0.004, function()
          local ok, err = pcall(timeout, 0.002, function()
            repeat until sockeye.now() - start > 0.005
            long()
          end)
          assert.is_false(ok)
          inner = err
          error(err, 0)
        end)
        assert.equal("ECANCELED", inner.code)
        assert.is_true(inner.canceled)
      end)
    end)

    it("of a deadline further out is no time-out for a retry", function()
      inside(function()
        local start, tries = sockeye.now(), 0
        timed_out(timeout, 0.02, function()
          repeat
            tries = tries + 1
            local ok, err = pcall(timeout, 5, long)
            if not ok and not err.timeout then error(err, 0) end
          until ok
        end)
        assert.equal(1, tries)
        assert.is_true(sockeye.now() - start < 2)
      end)
    end)

    it("of shield is outside of deadlines further out", function()
      inside(function()
        local left
        timed_out(timeout, 0.002, function()
          canceled("sleep", long)
          shield(1, function()
            sleep(0.001)
            left = sockeye.deadline()
          end)
          long()
        end)
        assert.is_true(left > 0.5 and left <= 1)
      end)
    end)

    it("of shield ends with ETIMEDOUT at its own time", function()
      inside(function()
        timed_out(shield, 0.002, long)
        assert.is_false(pcall(timeout, 0.002, function()
          canceled("sleep", long)
          timed_out(shield, 0.002, long)
          canceled("sleep", sleep, 0)
          long()
        end))
      end)
    end)

    it("of shield holds in a scope inside of it", function()
      inside(function()
        timeout(0.001, function()
          canceled("sleep", long)
          shield(1, function()
            timed_out(timeout, 0.002, long)
            assert.is_false(within(0.002, long))
            sleep(0)
          end)
        end)
      end)
    end)

    it("reports the seconds that are left", function()
      inside(function()
        assert.is_nil(sockeye.deadline())
        timeout(10, function()
          local left = sockeye.deadline()
          assert.is_true(left > 9 and left <= 10)
          timeout(100, function() assert.is_true(sockeye.deadline() <= 10) end)
          timeout(1, function() assert.is_true(sockeye.deadline() <= 1) end)
          shield(50, function() assert.is_true(sockeye.deadline() > 40) end)
          assert.is_true(sockeye.deadline() > 9)
        end)
        assert.is_nil(sockeye.deadline())
      end)
    end)

    it("lets its cancellation pass sockeye.pcall and xpcall", function()
      inside(function()
        local went_on, handled
        timed_out(timeout, 0.002, function()
          sockeye.pcall(long)
          went_on = true
        end)
        timed_out(timeout, 0.002, function()
          sockeye.xpcall(long, function() handled = true end)
          went_on = true
        end)
        assert.is_nil(went_on)
        assert.is_nil(handled)
        assert.same({ false, "reason" },
                    { sockeye.pcall(error, "reason", 0) })
        assert.same({ true, 1, nil, n = 3 },
                    table.pack(sockeye.pcall(function() return 1, nil end)))
        assert.same({ false, "handled reason" }, {
          sockeye.xpcall(error, function(err) return "handled " .. err end,
                         "reason", 0),
        })
        assert.same({ true, "x" }, {
          sockeye.xpcall(function(x) return x end, print, "x"),
        })
      end)
    end)

    it("that was left has no cancellation that is one's own", function()
      inside(function()
        local kept
        within(0.002, function() kept = canceled("sleep", long) end)
        assert.is_false(sockeye.is_canceled(kept))
        assert.same({ false, kept }, { sockeye.pcall(error, kept, 0) })
        for _, value in ipairs { false, 1, "x", {} } do
          assert.is_false(sockeye.is_canceled(value))
        end
      end)
    end)

    it("ends loops of calls that need not wait", function()
      local a, b = sockets.unix()
      b:sendall(("x"):rep(100000))
      local stream <close> = sockeye.stream((sockeye.socketpair()))
      local calls = {
        sleep = function() sleep(0) end,
        poll = function() sockeye.poll({ [a] = "r" }, 0) end,
        recv = function() a:recv(1) end,
        resolve = function() sockeye.resolve("127.0.0.1", 80) end,
        nameinfo = function()
          sockeye.nameinfo("127.0.0.1:80", "numerichost numericserv")
        end,
        flush = function() stream:flush() end,
        shutdown = function() stream:shutdown "wr" end,
      }
      inside(function()
        for name, call in sorted(calls) do
          local start = sockeye.now()
          local err = errors.raised("ETIMEDOUT", nil, timeout, 0.005, function()
            while sockeye.now() - start < 1 do call() end
          end)
          assert.is_true(err.timeout, name)
        end
      end)
      sockets.close(a, b)
    end)

    it("keeps the error's call and place", function()
      inside(function()
        local line = debug.getinfo(1, "l").currentline + 1
        local _, err = pcall(timeout, 0.002, function() sleep(5) end)
        assert.matches("scope_spec.lua:" .. line .. ": sleep: ", tostring(err),
                       1, true)
      end)
    end)
  end)
end

describe("a scope in a task", function()
  descriptors.guard()

  it("of timeout passes a task's cancellation", function()
    run(function()
      for _, scope in ipairs { timeout, within } do
        local t = spawn(pcall, scope, 5, long)
        sockeye.yield()
        errors.canceled("sleep", t)
      end
    end)
  end)

  it("of shield is outside of its task's cancellation", function()
    run(function()
      local t = spawn(shield, 1, function()
        sleep(0.004)
        return "kept"
      end)
      sockeye.yield()
      t:cancel()
      assert.equal("kept", t:join())
    end)
  end)

  it("of shield is shared by groups inside, and by no other task", function()
    run(function()
      local shared, other
      local t = spawn(sockeye.group, function(g)
        shield(1, function()
          other = g:spawn(function() return pcall(long) end)
          sockeye.group(function(inner)
            inner:spawn(function()
              sleep(0.004)
              shared = true
            end)
          end)
        end)
      end)
      sockeye.yield()
      t:cancel()
      errors.join_canceled(t)
      assert.is_true(shared)
      local ok, err = other:join()
      assert.is_false(ok)
      assert.equal("ECANCELED", err.code)
    end)
  end)

  it("that joins a cancelled task is not cancelled itself", function()
    run(function()
      local t = spawn(long)
      local joiner = spawn(function()
        local err = errors.join_canceled(t)
        assert.is_false(sockeye.is_canceled(err))
        sleep(0)
        return select("#", sockeye.pcall(t.join, t))
      end)
      sockeye.yield()
      t:cancel()
      assert.equal(2, joiner:join())
    end)
  end)

  it("fails by what others did, where nothing catches it", function()
    for what, f in sorted {
      join = function()
        local t = spawn(long)
        spawn(t.join, t)
        sockeye.yield()
        t:cancel()
        long()
      end,
      recv = function()
        local a, b = sockets.unix()
        local _ <close> = b
        spawn(a.recv, a, 1)
        sockeye.yield()
        a:close()
        long()
      end,
    } do
      local code = what == "join" and "ECANCELED" or "EBADF"
      local err = errors.raised(code, what, run, f)
      assert.is_nil(err.canceled)
      assert.equal(what == "recv" or nil, err.closed)
    end
  end)
end)

describe("a scope in a task", function()
  descriptors.guard()

  it("of no time, again and again, leaves others their turns", function()
    run(function()
      local ch = sockeye.channel()
      for name, scope in sorted {
        within = within, timeout = function(...) pcall(timeout, ...) end,
        shield = function(...) pcall(shield, ...) end,
      } do
        local start, came = sockeye.now(), nil
        spawn(function()
          sleep(0.005)
          came = true
        end)
        sockeye.yield()
        while not came and sockeye.now() - start < 5 do
          scope(0, ch.get, ch)
        end
        assert.is_true(came, name)
      end
    end)
  end)
end)
