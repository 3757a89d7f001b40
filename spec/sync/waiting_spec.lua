-- What all calls that wait for other tasks have in common.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

-- Calls that have to wait, and of what.
local calls <const> = {
  {
    "put", of = "channel",
    waits = function() return sockeye.channel() end, args = { 1 },
  },
  {
    "get", of = "channel",
    waits = function() return sockeye.channel() end, args = {},
  },
  {
    "acquire", of = "semaphore",
    waits = function() return sockeye.semaphore(0) end, args = {},
  },
  {
    "wait", of = "event",
    waits = function() return sockeye.event() end, args = {},
  },
  {
    "lock", of = "mutex",
    waits = function()
      local m = sockeye.mutex()
      spawn(function()
        local _ <close> = m:lock()
        sleep(0.05)
      end)
      sockeye.yield()
      return m
    end,
    args = {},
  },
}

-- Makes the call with a limit of so many seconds.
local function call(case, object, seconds)
  local args <const> = { table.unpack(case.args) }
  args[#case.args + 1] = seconds
  return object[case[1]](object, table.unpack(args))
end

-- Calls that succeed at once, however often they are made.
local ready <const> = {
  put_and_get = function()
    local ch = sockeye.channel(10)
    return function() ch:put(1):get() end
  end,
  try_put_and_try_get = function()
    local ch = sockeye.channel(10)
    return function()
      ch:try_put(1)
      ch:try_get()
    end
  end,
  try_get_of_an_empty_channel = function()
    local ch = sockeye.channel()
    return function() ch:try_get() end
  end,
  values = function()
    local ch = sockeye.channel(math.huge)
    local next_value = ch:values()
    return function()
      ch:put(1)
      next_value()
    end
  end,
  select = function()
    local ch = sockeye.channel(1):put(1)
    return function()
      sockeye.select { ch }
      sockeye.select { { ch, 1 } }
    end
  end,
  select_without_a_wait = function()
    local ch = sockeye.channel()
    return function() sockeye.select { ch, timeout = 0 } end
  end,
  acquire = function()
    local s = sockeye.semaphore(1)
    return function() s:acquire():release() end
  end,
  lock = function()
    local m = sockeye.mutex()
    return function() m:lock():unlock() end
  end,
  wait = function()
    local e = sockeye.event():set()
    return function() e:wait() end
  end,
}

for _, poller in ipairs { "epoll", "poll" } do
  for name, prepare in pairs(ready) do
    describe(("beside a busy loop of %s, by %s,"):format(name, poller),
             function()
      -- A budget is 64 calls; time is no measure where others run, too.
      it("a timer comes within 300 calls of when it is due", function()
        run({ poller = poller }, function()
          local busy, late, woke = prepare(), 0, false
          spawn(function()
            sleep(0.01)
            woke = true
          end)
          sockeye.yield()
          local due = sockeye.now() + 0.01
          while not woke and late < 10000 do
            busy()
            if sockeye.now() > due then late = late + 1 end
          end
          assert.is_true(late <= 300, late)
        end)
      end)
    end)
  end
end

for _, case in ipairs(calls) do
  describe(("a call of %s"):format(case[1]), function()
    it("raises ETIMEDOUT when its seconds have run out", function()
      run(function()
        local object, start = case.waits(), sockeye.now()
        local err = errors.raised("ETIMEDOUT", case[1], call, case, object,
                                  0.01)
        assert.is_true(err.timeout)
        assert.is_true(sockeye.now() - start >= 0.01)
        err = errors.raised("ETIMEDOUT", case[1], call, case, object, 0)
        assert.is_true(err.timeout)
        assert.matches("waiting_spec", err.where)
      end)
    end)

    it("outside of tasks says that it cannot wait", function()
      if case[1] == "lock" then
        local m = sockeye.mutex():lock()
        errors.raised("EDEADLK", "lock", m.lock, m)
        return
      end
      local object = case.waits()
      errors.rejected(case[1] .. ": not inside sockeye.run", call, case,
                      object)
      errors.raised("ETIMEDOUT", case[1], call, case, object, 0)
    end)

    it("rejects a negative number of seconds before it does anything",
       function()
      errors.rejected("bad argument #%d to .*seconds must not be negative",
                      call, case, sockeye[case.of](1), -1)
    end)

    it("raises ECANCELED where its task is cancelled", function()
      run(function()
        local object = case.waits()
        local caught
        local t = spawn(function()
          local _, err = pcall(call, case, object)
          caught = err
          error(err, 0)
        end)
        sockeye.yield()
        assert.equal("waiting", t:status())
        t:cancel()
        errors.raised("ECANCELED", "join", t.join, t)
        assert.same({ case[1], true }, { caught.call, caught.canceled })
      end)
    end)

    it("fails without memory for its place, and nothing is lost", function()
      run(function()
        local object = case.waits()
        for _ = 1, 3 do
          spawn(function() pcall(call, case, object, 0.001) end)
        end
        sleep(0.005)
        errors.raised("ETIMEDOUT", case[1], call, case, object, 0.001)
      end)
    end)
  end)
end

describe("a call that need not wait", function()
  local function cancelled(name, f)
    it("raises nonetheless where its task is cancelled: " .. name, function()
      run(function()
        local reached = false
        local t
        t = spawn(function()
          t:cancel()
          f()
          reached = true
        end)
        errors.raised("ECANCELED", nil, t.join, t)
        assert.is_false(reached)
      end)
    end)
  end

  cancelled("put", function() sockeye.channel(1):put(1) end)
  cancelled("get", function() sockeye.channel(1):close():get() end)
  cancelled("values", function()
    sockeye.channel(1):close():values()()
  end)
  cancelled("acquire", function() sockeye.semaphore(1):acquire() end)
  cancelled("lock", function() sockeye.mutex():lock() end)
  cancelled("wait", function() sockeye.event():set():wait() end)
  cancelled("select", function()
    sockeye.select { sockeye.channel():close() }
  end)
  cancelled("select without a wait", function()
    sockeye.select { sockeye.channel(), timeout = 0 }
  end)

  it("leaves what it would have taken", function()
    run(function()
      local ch = sockeye.channel(2):put "value"
      local t
      t = spawn(function()
        t:cancel()
        ch:get()
      end)
      pcall(t.join, t)
      assert.equal(1, #ch)
      t = spawn(function()
        t:cancel()
        ch:put "other"
      end)
      pcall(t.join, t)
      assert.equal(1, #ch)
    end)
  end)

  it("never raises where its name begins with try", function()
    run(function()
      local ch, results = sockeye.channel(1), nil
      local t
      t = spawn(function()
        t:cancel()
        for _ = 1, 300 do
          ch:try_put(1)
          ch:try_get()
        end
        results = { ch:try_put(1), ch:try_get() }
      end)
      t:join()
      assert.same({ true, 1 }, results)
    end)
  end)
end)

describe("a task with unsent output that its peer does not take", function()
  it("keeps its place in the queue when the output is sent", function()
    run(function()
      local a, b = sockeye.socketpair()
      local _ <close> = b
      a:setsockopt("SO_SNDBUF", 4096)
      local stream <close> = sockeye.stream(a)
      local ch, order, size = sockeye.channel(), {}, 12000
      local first = spawn(function()
        stream:write(("x"):rep(size))
        order[1] = ch:get()
      end)
      sockeye.yield()
      assert.equal("flush", sockeye.tasks()[1].call)
      local second = spawn(function() order[2] = ch:get() end)
      sockeye.yield()
      local count = 0
      while count < size do count = count + #b:recv(65536) end
      for _ = 1, 5 do sockeye.yield() end
      ch:put "first"
      ch:put "second"
      first:join()
      second:join()
      assert.same({ "first", "second" }, order)
    end)
  end)
end)

describe("a task that comes into an earlier deadline while it waits", function()
  -- Calls act in a generator that is resumed within a deadline, beside a task
  -- of its group that has called wait outside of it.
  local function beside(wait, act, seconds)
    local step = sockeye.wrap(function()
      sockeye.group(function(g)
        g:spawn(wait)
        coroutine.yield()
        act()
        g:cancel()
      end)
    end)
    step()
    sleep(0.001)
    return pcall(sockeye.timeout, seconds or 5, step)
  end

  it("still waits to put", function()
    run(function()
      local ch = sockeye.channel()
      local value
      beside(function() ch:put("value") end,
             function() value = ch:try_get() end)
      assert.equal("value", value)
    end)
  end)

  it("keeps its place among those that wait to get", function()
    run(function()
      local ch, got = sockeye.channel(), {}
      local second
      beside(function() got.first = ch:get() end, function()
        second = spawn(function() got.second = ch:get() end)
        sockeye.yield()
        ch:put(1)
        ch:put(2)
        second:join()
      end)
      assert.same({ first = 1, second = 2 }, got)
    end)
  end)

  it("stops at that deadline", function()
    run(function()
      local ch, start = sockeye.channel(), sockeye.now()
      local inner
      local ok, err = beside(function()
        inner = { pcall(ch.get, ch, 5) }
      end, function() sleep(5) end, 0.01)
      assert.is_false(ok)
      assert.is_true(err.timeout)
      assert.is_true(inner[2].canceled)
      assert.is_true(sockeye.now() - start < 4)
    end)
  end)

  it("does not stop there when the generator has gone out again", function()
    run(function()
      local ch = sockeye.channel()
      local got
      local step = sockeye.wrap(function()
        sockeye.group(function(g)
          g:spawn(function() got = ch:get(5) end)
          coroutine.yield()
          coroutine.yield()
          sleep(0.001)
        end)
      end)
      step()
      sleep(0.001)
      sockeye.timeout(0.002, step)
      sleep(0.005)
      assert.is_true(ch:try_put("value"))
      step()
      assert.equal("value", got)
    end)
  end)
end)
