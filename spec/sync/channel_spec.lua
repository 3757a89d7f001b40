-- How channels hand values from task to task; the methods one by one are in
-- channel_methods_spec.lua.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local loops = require "spec.support.loops"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local channel = sockeye.channel

-- Lets every task that is ready run until it waits.
local function settle()
  for _ = 1, 4 do sockeye.yield() end
end

describe("a channel", function()
  it("gives each value to the task that has waited longest", function()
    run(function()
      local ch, got = channel(), {}
      for i = 1, 5 do spawn(function() got[i] = ch:get() end) end
      settle()
      for i = 1, 5 do ch:put(i * 10) end
      settle()
      assert.same({ 10, 20, 30, 40, 50 }, got)
    end)
  end)

  it("takes values in the order in which tasks began to put them", function()
    for _, capacity in ipairs { 0, 1, 3 } do
      run(function()
        local ch, got = channel(capacity), {}
        for i = 1, 9 do spawn(ch.put, ch, i) end
        settle()
        for i = 1, 9 do got[i] = ch:get() end
        assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, got)
      end)
    end
  end)

  it("lets nobody overtake a task that waits to put", function()
    run(function()
      local ch = channel(1):put "first"
      local waiting = spawn(ch.put, ch, "second")
      settle()
      assert.equal("first", ch:get())
      -- The room is the waiting task's, though it has not run yet.
      assert.same({ false, "full" }, { ch:try_put "third" })
      assert.equal("second", ch:get())
      waiting:join()
    end)
  end)

  it("lets nobody overtake a task that waits to get", function()
    run(function()
      local ch = channel(2)
      local waiting = spawn(ch.get, ch)
      settle()
      ch:put "value"
      assert.same({ nil, "empty" }, { ch:try_get() })
      assert.equal("value", waiting:join())
    end)
  end)

  it("serves each of several producers as often", function()
    run(function()
      local ch, from, over = channel(1), { 0, 0, 0, 0 }, false
      for i = 1, 4 do
        spawn(function()
          while not over and pcall(ch.put, ch, i) do end
        end)
      end
      for _ = 1, 4 do
        spawn(function()
          for v in ch:values() do from[v] = from[v] + 1 end
        end)
      end
      repeat
        sockeye.yield()
      until from[1] + from[2] + from[3] + from[4] > 4000
      over = true
      ch:close()
      table.sort(from)
      assert.is_true(from[1] > 0.9 * from[4], table.concat(from, " "))
    end)
  end)

  it("serves each of several consumers as often", function()
    run(function()
      local ch, by = channel(1), { 0, 0, 0, 0 }
      for i = 1, 4 do
        spawn(function()
          for _ in ch:values() do by[i] = by[i] + 1 end
        end)
      end
      for _ = 1, 4000 do ch:put(true) end
      ch:close()
      table.sort(by)
      assert.is_true(by[1] > 0.9 * by[4], table.concat(by, " "))
    end)
  end)

  it("keeps the value of a put that is cancelled to itself", function()
    run(function()
      local ch, got = channel(), {}
      local tasks = {}
      for i = 1, 6 do tasks[i] = spawn(ch.put, ch, i) end
      settle()
      for _, i in ipairs { 1, 4, 6 } do
        tasks[i]:cancel()
        pcall(tasks[i].join, tasks[i])
      end
      for i = 1, 3 do got[i] = ch:get() end
      assert.same({ 2, 3, 5 }, got)
      assert.same({ nil, "empty" }, { ch:try_get() })
    end)
  end)

  it("gives nothing to a getter that was cancelled in the same turn",
     function()
    run(function()
      local ch = channel()
      local t = spawn(ch.get, ch)
      settle()
      t:cancel()
      assert.same({ false, "full" }, { ch:try_put "value" })
      local other = spawn(ch.get, ch)
      settle()
      ch:put "value"
      assert.equal("value", other:join())
      errors.raised("ECANCELED", "join", t.join, t)
    end)
  end)

  it("gives nothing to a cancelled getter that finds a value when it runs",
     function()
    run(function()
      local ch = channel(1)
      local t = spawn(ch.get, ch)
      settle()
      t:cancel()
      assert.is_true(ch:try_put "value")
      errors.raised("ECANCELED", "join", t.join, t)
      assert.equal("value", (ch:try_get()))
      t = spawn(ch.put, ch:put(1), 2)
      settle()
      t:cancel()
      assert.equal(1, (ch:try_get()))
      errors.raised("ECANCELED", "join", t.join, t)
      assert.equal(0, #ch)
    end)
  end)

  it("lets a getter that was given a value and then cancelled return it",
     function()
    run(function()
      local ch, got = channel(), nil
      local t = spawn(function()
        got = ch:get()
        ch:get()
      end)
      settle()
      ch:put "value"
      t:cancel()
      errors.raised("ECANCELED", "join", t.join, t)
      assert.equal("value", got)
    end)
  end)

  it("lets a put whose value was taken and then cancelled return", function()
    run(function()
      local ch, returned = channel(), false
      local t = spawn(function()
        ch:put "value"
        returned = true
        ch:put "other"
      end)
      settle()
      assert.equal("value", ch:get())
      t:cancel()
      errors.raised("ECANCELED", "join", t.join, t)
      assert.is_true(returned)
      assert.same({ nil, "empty" }, { ch:try_get() })
    end)
  end)

  it("moves the value of a waiting put inside when a value is taken",
     function()
    run(function()
      local ch = channel(2):put(1):put(2)
      local t = spawn(ch.put, ch, 3)
      settle()
      assert.equal(1, ch:get())
      assert.equal(2, #ch)
      t:join()
      ch:close()
      assert.same({ 2, 3 }, { ch:get(), ch:get() })
    end)
  end)

  it("grows with its values, and keeps their order", function()
    local ch = channel(math.huge)
    local first, last = 1, 0
    for round = 1, 12 do
      for _ = 1, 1 << round do
        last = last + 1
        ch:put(last)
      end
      for _ = 1, (1 << round) // 3 do
        assert(ch:get() == first)
        first = first + 1
      end
    end
    assert.equal(last - first + 1, #ch)
    while #ch > 0 do
      assert(ch:get() == first)
      first = first + 1
    end
    assert.equal("again", ch:put("again"):get())
  end)

  it("holds no value that was taken", function()
    local ch, weak = channel(3), setmetatable({}, { __mode = "v" })
    weak[1] = {}
    ch:put(weak[1])
    ch:get()
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)

  it("is seen as a deadlock where every task waits for it", function()
    errors.rejected("deadlock.*waits in get at spec/sync/channel_spec", run,
                    function() channel():get() end)
    errors.rejected("deadlock.*waits in put at spec/sync/channel_spec", run,
                    function() channel():put(1) end)
  end)

  it("loses and doubles no value, in any order of events", function()
    for seed = 1, 60 do
      math.randomseed(seed)
      local capacity = ({ 0, 1, 2, 5, math.huge })[seed % 5 + 1]
      run(function()
        local ch = channel(capacity)
        local sent, got, tasks = {}, {}, {}
        local function pause()
          local n = math.random(0, 4)
          if n == 0 then sleep(0) elseif n == 1 then sockeye.yield() end
        end
        local function produce(p)
          for i = 1, 20 do
            pause()
            local value = { p, i }
            local ok = pcall(ch.put, ch, value,
                             math.random(3) == 1 and 0 or nil)
            if ok then sent[value] = true end
          end
        end
        -- A consumer sees the values of a producer in their order.
        local function take(value, last)
          assert(value and not got[value], seed)
          got[value] = true
          local p, i = value[1], value[2]
          assert((last[p] or 0) < i, seed)
          last[p] = i
        end
        local function consume()
          local last = {}
          for _ = 1, 15 do
            pause()
            local ok, value = pcall(ch.get, ch,
                                    math.random(3) == 1 and 0 or nil)
            if ok and value ~= nil then take(value, last) end
          end
        end
        sockeye.group(function(g)
          for p = 1, 4 do tasks[p] = g:spawn(produce, p) end
          for c = 5, 9 do tasks[c] = g:spawn(consume) end
          for _ = 1, 12 do
            for _ = 1, math.random(0, 6) do sockeye.yield() end
            tasks[math.random(#tasks)]:cancel()
          end
          sleep(0.001)
          ch:close()
        end)
        local last = {}
        while true do
          local value, why = ch:try_get()
          if why then break end
          take(value, last)
        end
        for value in pairs(sent) do assert(got[value], seed) end
        for value in pairs(got) do assert(sent[value], seed) end
      end)
    end
    assert.equal(0, #sockeye.tasks())
  end)

  it("between two loops wakes the task of the other", function()
    local ch, answers = channel(), channel()
    local a <close> = sockeye.loop(function()
      for value in ch:values() do answers:put(value * 2) end
    end)
    local b <close> = sockeye.loop(function()
      local got = {}
      for i = 1, 20 do
        ch:put(i)
        got[i] = answers:get()
      end
      ch:close()
      return got
    end)
    local _, got = loops.step_all(a, b)
    assert.equal(20, #got[1])
    assert.same({ 2, 4, 6 }, { table.unpack(got[1], 1, 3) })
  end)

  it("is empty of the tasks of a loop that has been closed", function()
    local ch = channel()
    local loop = sockeye.loop(function()
      for _ = 1, 3 do spawn(ch.get, ch) end
      sockeye.select { ch }
    end)
    loop:step()
    loop:step()
    loop:close()
    assert.same({ false, "full" }, { ch:try_put(1) })
    loop = sockeye.loop(function() ch:put(1) end)
    loop:step()
    loop:step()
    loop:close()
    collectgarbage()
    collectgarbage()
    assert.same({ nil, "empty" }, { ch:try_get() })
  end)

  it("that is collected with the tasks that wait for it does no harm",
     function()
    for _ = 1, 20 do
      do
        local ch = channel()
        local loop = sockeye.loop(function()
          spawn(ch.get, ch)
          spawn(function() sockeye.select { ch, channel() } end)
          ch:get()
        end)
        loop:step()
      end
      collectgarbage()
    end
    collectgarbage()
    assert.equal(0, #sockeye.tasks())
  end)

  it("skips a coroutine that a script has closed while it waited", function()
    run(function()
      local ch = channel()
      local inner = coroutine.create(function() ch:get() end)
      local t = spawn(sockeye.resume, inner)
      settle()
      coroutine.close(inner)
      assert.same({ false, "full" }, { ch:try_put(1) })
      assert.is_false((t:join()))
    end)
  end)

  it("belongs to the forking task alone in a child", function()
    run(function()
      local ch = channel()
      local getter = spawn(ch.get, ch)
      local putter = spawn(ch.put, channel(), 1)
      settle()
      local pid = fork.child(function()
        assert(select("#", ch:try_put(1)) == 2)
        assert(ch:try_get() == nil)
      end)
      fork.reap(pid)
      ch:put "value"
      assert.equal("value", getter:join())
      putter:cancel()
      pcall(putter.join, putter)
    end)
  end)
end)

describe("a value that a task was given which does not run any more", function()
  -- How a task gets a value. Each stops it before its turn.
  local gets = {
    get = function(ch) return ch:get() end,
    timed = function(ch) return ch:get(10) end,
    values = function(ch) return ch:values()() end,
    select = function(ch)
      return select(2, sockeye.select { channel(), ch, channel() })
    end,
  }
  local function in_a_generator(get)
    return function(ch)
      return sockeye.wrap(function() return get(ch) end)()
    end
  end
  for name, get in pairs {
    get = gets.get, timed = gets.timed, values = gets.values,
    select = gets.select,
  } do
    gets[name .. " in a generator"] = in_a_generator(get)
    gets[name .. " in two generators"] = in_a_generator(in_a_generator(get))
  end

  local function run_quietly(f)
    run(function()
      sockeye.on_error(function() end)
      f()
    end)
  end

  for name, get in pairs(gets) do
    it("is still in the channel: " .. name, function()
      run_quietly(function()
        for _, capacity in ipairs { 0, 1, 2, 200 } do
          local ch = channel(capacity)
          local first, second = spawn(get, ch), spawn(get, ch)
          settle()
          ch:put(1)
          ch:put(2)
          assert.is_true(capacity == 0 or ch:try_put(3))
          second:kill()
          assert.equal(capacity == 0 and 1 or 2, #ch)
          first:kill()
          assert.equal("killed", first:status())
          assert.equal(1, ch:try_get())
          assert.equal(2, ch:get())
          assert.equal(capacity > 0 and 3 or nil, (ch:try_get()))
          assert.same({ nil, "empty" }, { ch:try_get() })
        end
      end)
    end)

    it("goes to the next that waits: " .. name, function()
      run_quietly(function()
        local ch = channel()
        local first, second = spawn(get, ch), spawn(get, ch)
        settle()
        ch:put("value")
        first:kill()
        assert.equal("value", second:join())
        assert.equal(0, #ch)
      end)
    end)

    it("stays where its loop is closed: " .. name, function()
      local ch = channel()
      local loop = sockeye.loop(function() return get(ch) end)
      loop:step()
      assert.is_true(ch:try_put("value"))
      loop:close()
      assert.equal("value", ch:try_get())
    end)

    it("can be taken out of a channel that was closed: " .. name, function()
      run_quietly(function()
        local ch = channel()
        local t = spawn(get, ch)
        settle()
        ch:put("value")
        ch:close()
        t:kill()
        assert.equal("value", ch:get())
        assert.is_nil(ch:get())
      end)
    end)
  end

  it("is still in the channel when its generator was closed", function()
    run_quietly(function()
      for _, capacity in ipairs { 0, 1 } do
        local ch = channel(capacity)
        local co = coroutine.create(function() return ch:get() end)
        local t = spawn(sockeye.resume, co)
        settle()
        ch:put { 5 }
        assert.is_true(coroutine.close(co))
        assert.is_false((t:join()))
        collectgarbage()
        assert.same({ 5 }, ch:try_get())
      end
    end)
  end)

  it("counts as inside until it is taken", function()
    run_quietly(function()
      local ch, put = channel(1), nil
      local t = spawn(ch.get, ch)
      settle()
      ch:put(1)
      t:kill()
      assert.same({ false, "full" }, { ch:try_put(2) })
      assert.equal("channel(1 of 1)", tostring(ch))
      spawn(function()
        ch:put(2)
        put = true
      end)
      settle()
      assert.is_nil(put)
      assert.equal(1, ch:get())
      settle()
      assert.is_true(put)
      assert.equal(2, ch:get())
    end)
  end)
end)
