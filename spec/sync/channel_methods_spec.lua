local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local channel = sockeye.channel

describe("a channel", function()
  for _, capacity in ipairs { 0, 1, 7, math.huge } do
    it(("of capacity %s delivers every value once, in order"):format(capacity),
       function()
      run(function()
        local ch = channel(capacity)
        local got = {}
        local taker = spawn(function()
          for value in ch:values() do table.insert(got, value) end
        end)
        for i = 1, 100 do assert.equal(ch, ch:put(i)) end
        ch:close()
        taker:join()
        assert.equal(100, #got)
        for i = 1, 100 do assert.equal(i, got[i]) end
      end)
    end)

    it(("of capacity %s serves many tasks on both sides"):format(capacity),
       function()
      run(function()
        local ch = channel(capacity)
        local sum, count = 0, 0
        sockeye.group(function(g)
          for _ = 1, 5 do
            g:spawn(function()
              for value in ch:values() do
                sum, count = sum + value, count + 1
                if value % 3 == 0 then sleep(0) end
              end
            end)
          end
          sockeye.group(function(putters)
            for from = 1, 5 do
              putters:spawn(function()
                for i = from, 500, 5 do
                  if i % 7 == 0 then sleep(0) end
                  ch:put(i)
                end
              end)
            end
          end)
          ch:close()
        end)
        assert.same({ 500, 125250 }, { count, sum })
      end)
    end)
  end

  it("holds as many values as its capacity", function()
    run(function()
      local ch = channel(3)
      for i = 1, 3 do ch:put(i) end
      assert.equal(3, #ch)
      assert.equal("channel(3 of 3)", tostring(ch))
      local t = spawn(ch.put, ch, 4)
      sleep(0)
      assert.equal("waiting", t:status())
      assert.equal(1, ch:get())
      t:join()
      assert.equal(3, #ch)
    end)
  end)

  it("without capacity hands a value to a task that waits", function()
    run(function()
      local ch = channel()
      local t = spawn(ch.put, ch, "value")
      sleep(0)
      assert.equal("waiting", t:status())
      assert.equal("value", ch:get())
      t:join()
    end)
  end)

  it("takes any value but nil", function()
    run(function()
      local ch = channel(10)
      for _, value in ipairs { false, 0, "", {}, print, ch } do
        ch:put(value)
        assert.equal(value, ch:get())
      end
      errors.rejected(
        "^spec/sync/channel_methods_spec.lua:%d+: bad argument #1 to 'put'",
                      function()
        ch:put(nil)
        return true
      end)
    end)
  end)

  it("that is closed gives the values that it holds, then nil", function()
    local ch = channel(2):put(1):put(2)
    assert.equal(ch, ch:close():close())
    assert.equal("channel(2 of 2 closed)", tostring(ch))
    assert.same({ 1, 2 }, { ch:get(), ch:get() })
    assert.is_nil(ch:get())
    assert.is_nil(ch:get())
  end)

  it("says how many tasks wait, and what for", function()
    sockeye.run(function()
      local ch <const> = sockeye.channel(1)
      local function wait(n, method)
        for i = 1, n do sockeye.spawn(method, ch, i) end
        sockeye.sleep(0)
      end
      wait(2, function() return ch:get() end)
      assert.equal("channel(0 of 1, 2 waiting to get)", tostring(ch))
      ch:put(1):put(2)
      assert.equal("channel(0 of 1)", tostring(ch))
      wait(3, ch.put)
      assert.equal("channel(1 of 1, 2 waiting to put)", tostring(ch))
      assert.same({ 1, 2, 3 }, { ch:get(), ch:get(), ch:get() })
    end)
  end)

  it("that is closed refuses further values", function()
    run(function()
      local ch = channel()
      local t = spawn(ch.put, ch, 1)
      sleep(0)
      ch:close()
      errors.raised("EPIPE", "put", t.join, t)
      local err = errors.raised("EPIPE", "put", function() ch:put(1) end)
      assert.matches("^spec/sync/channel_methods_spec.lua:", err.where)
    end)
  end)

  it("wakes all waiting tasks when it is closed", function()
    run(function()
      local ch = channel()
      local count = 0
      sockeye.group(function(g)
        for _ = 1, 5 do
          g:spawn(function()
            assert.is_nil(ch:get())
            count = count + 1
          end)
        end
        sleep(0)
        do
          local _ <close> = ch
        end
      end)
      assert.equal(5, count)
    end)
  end)

  it("forgets tasks that give up waiting", function()
    run(function()
      local ch = channel()
      local function kilobytes()
        collectgarbage()
        collectgarbage()
        return collectgarbage "count"
      end
      local function give_up()
        for i = 1, 3000 do
          pcall(sockeye.timeout, 0, ch.get, ch)
          pcall(sockeye.timeout, 0, ch.put, ch, i)
        end
        return kilobytes()
      end
      local before = give_up()
      assert.is_true(give_up() - before < 100)
      local t = spawn(ch.get, ch)
      sleep(0)
      ch:put "value"
      assert.equal("value", t:join())
    end)
  end)

  it("gives a value to the next task when one has given up", function()
    run(function()
      local ch = channel()
      local tasks = {}
      for i = 1, 20 do tasks[i] = spawn(ch.get, ch) end
      sleep(0)
      for i = 1, 20 do
        if i % 2 == 1 then
          tasks[i]:cancel()
          pcall(tasks[i].join, tasks[i])
        end
      end
      for i = 2, 20, 2 do
        ch:put(i)
        assert.equal(i, tasks[i]:join())
      end
    end)
  end)

  it("takes values from a signal handler", function()
    run(function()
      local ch = channel(math.huge)
      local before = sockeye.signal("USR1", function(name) ch:put(name) end)
      spawn(function()
        sleep(0.001)
        sockeye.kill(sockeye.getpid(), "USR1")
        sleep(0.001)
      end)
      assert.equal("SIGUSR1", ch:get())
      sockeye.signal("USR1", before)
    end)
  end)

  it("tries to put, and says why it has not", function()
    local ch = channel(1)
    assert.same({ n = 1, true }, table.pack(ch:try_put "value"))
    assert.same({ false, "full" }, { ch:try_put "value" })
    ch:close()
    assert.same({ false, "closed" }, { ch:try_put "value" })
    errors.rejected("value expected, got nil", ch.try_put, ch, nil)
  end)

  it("tries to get, and says why it has not", function()
    local ch = channel(2):put(false):put(1)
    assert.same({ n = 1, false }, table.pack(ch:try_get()))
    assert.same({ n = 1, 1 }, table.pack(ch:try_get()))
    assert.same({ nil, "empty" }, { ch:try_get() })
    ch:put(2):close()
    assert.same({ n = 1, 2 }, table.pack(ch:try_get()))
    assert.same({ nil, "closed" }, { ch:try_get() })
  end)

  it("tries to put and to get where a task waits", function()
    run(function()
      local ch = channel()
      assert.same({ false, "full" }, { ch:try_put(1) })
      local getter = spawn(ch.get, ch)
      sleep(0)
      assert.is_true(ch:try_put "value")
      assert.equal("value", getter:join())
      local putter = spawn(ch.put, ch, "other")
      sleep(0)
      assert.equal("other", (ch:try_get()))
      putter:join()
    end)
  end)

  it("waits for as many seconds as put and get are given", function()
    run(function()
      local ch = channel()
      local start = sockeye.now()
      assert.is_true(errors.raised("ETIMEDOUT", "get", ch.get, ch,
                                   0.01).timeout)
      assert.is_true(errors.raised("ETIMEDOUT", "put", ch.put, ch, 1,
                                   0.01).timeout)
      assert.is_true(sockeye.now() - start >= 0.02)
      local t = spawn(ch.get, ch, 5)
      sleep(0)
      ch:put("value", 5)
      assert.equal("value", t:join())
    end)
  end)

  it("iterates by a function that needs no arguments", function()
    local next_value = channel(2):put(1):put(2):close():values()
    assert.same({ 1, 2 }, { next_value(), next_value() })
    assert.is_nil(next_value())
  end)

  for _, method in ipairs { "put", "get", "try_put", "try_get", "values",
                            "close" } do
    it("rejects another object for " .. method, function()
      local f = channel()[method]
      errors.rejected("sockeye.Channel expected", f, {}, 1)
      errors.rejected("sockeye.Channel expected", f, sockeye.event(), 1)
    end)
  end

  for what, capacity in pairs {
    ["a negative number"] = -1, ["not a number"] = 0 / 0, ["a text"] = "x",
    ["a fraction"] = 1.5,
  } do
    it("rejects a capacity of " .. what, function()
      errors.rejected("bad argument #1 to 'sockeye.channel'", channel, capacity)
    end)
  end
end)
