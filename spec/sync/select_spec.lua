local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local channel, select_of = sockeye.channel, sockeye.select

local function after(seconds, f, ...)
  local arguments = { ... }
  return spawn(function()
    sleep(seconds)
    f(table.unpack(arguments))
  end)
end

for _, poller in ipairs(loops.pollers) do
  local function with_poller(f) return run({ poller = poller }, f) end

  describe("select, by " .. poller, function()
    local a, b
    descriptors.guard(function() a, b = sockets.unix() end, function()
      sockets.close(a, b)
    end)

    it("gets from the first channel that has a value", function()
      with_poller(function()
        local one, two = channel(), channel()
        assert.same({ 2, "now" }, { select_of { one, channel(1):put "now" } })
        after(0.001, two.put, two, "later")
        assert.same({ 2, "later" }, { select_of { one, two } })
        assert.same({ 1, false }, { select_of { channel(1):put(false), one } })
      end)
    end)

    it("puts into the first channel that has room", function()
      with_poller(function()
        local full, free = channel(), channel(1)
        assert.same({ 2, "x" }, { select_of { { full, "w" }, { free, "x" } } })
        assert.equal("x", free:get())
        local got
        after(0.001, function() got = full:get() end)
        assert.same({ 1, false }, { select_of { { full, false } } })
        sleep(0)
        assert.is_false(got)
      end)
    end)

    it("returns the task that ends first, however it ends", function()
      with_poller(function()
        local slow = spawn(sleep, 0.1)
        local done = after(0.001, function() end)
        assert.same({ 2, done }, { select_of { slow, done } })
        local failing = after(0.001, error, "failure")
        assert.same({ 1, failing }, { select_of { failing, slow } })
        errors.rejected("failure", failing.join, failing)
        assert.same({ 2, failing }, { select_of { slow, failing } })
        local cancelled = spawn(sleep, 1)
        after(0.001, cancelled.cancel, cancelled)
        assert.same({ 1, cancelled }, { select_of { cancelled } })
        assert.equal("cancelled", cancelled:status())
        slow:cancel()
        pcall(slow.join, slow)
      end)
    end)

    it("returns the events that a socket is ready for", function()
      with_poller(function()
        local never = channel()
        after(0.001, b.send, b, "x")
        assert.same({ 2, "r" }, { select_of { never, { a, "r" } } })
        assert.same({ 1, "rw" }, { select_of { { a, "rw" }, never } })
        assert.equal("x", a:recv(9))
        assert.same({ 1, "w" }, { select_of { { a, "rw" } } })
        assert.same({ 1, "w" }, { select_of { { a:fd(), "w" } } })
      end)
    end)

    it("returns nil when its time runs out", function()
      with_poller(function()
        local start = sockeye.now()
        assert.same({ n = 1 }, table.pack(
          select_of { channel(), { channel(), 1 }, { a, "r" },
                      timeout = 0.01 }))
        assert.is_true(sockeye.now() - start >= 0.01)
        assert.same({ n = 1 }, table.pack(select_of { { a, "r" },
                                                      timeout = 0 }))
        assert.same({ n = 1 }, table.pack(select_of { timeout = 0.001 }))
      end)
    end)

    it("lets exactly one of several happen", function()
      with_poller(function()
        local one, two, three = channel(), channel(), channel()
        local t = spawn(function()
          return { select_of { one, two, { three, "mine" }, { a, "r" } } }
        end)
        sleep(0)
        assert.is_true(one:try_put "first")
        assert.is_false((two:try_put "second"))
        assert.is_nil((three:try_get()))
        b:send "x"
        assert.same({ 1, "first" }, t:join())
        assert.equal("x", a:recv(1))
      end)
    end)

    it("leaves all queues when it is cancelled or its time has run out",
       function()
      with_poller(function()
        local one, two = channel(), channel()
        local t = spawn(select_of, { one, { two, 1 }, { a, "r" } })
        sleep(0)
        t:cancel()
        assert.is_false((one:try_put(1)))
        assert.is_nil((two:try_get()))
        errors.raised("ECANCELED", "join", t.join, t)
        select_of { one, { two, 1 }, timeout = 0 }
        select_of { one, { two, 1 }, timeout = 0.001 }
        assert.is_false((one:try_put(1)))
        assert.is_nil((two:try_get()))
      end)
    end)

    it("waits behind those that have waited longer", function()
      with_poller(function()
        local ch, got = channel(), {}
        for i = 1, 3 do
          spawn(function() got[2 * i - 1] = ch:get() end)
          sockeye.yield()
          spawn(function() _, got[2 * i] = select_of { channel(), ch } end)
          sockeye.yield()
        end
        for i = 1, 6 do ch:put(i) end
        sleep(0)
        assert.same({ 1, 2, 3, 4, 5, 6 }, got)
      end)
    end)

    it("hands a value from one select to another", function()
      with_poller(function()
        local ch = channel()
        local t = spawn(function() return { select_of { ch, { ch, "t" } } } end)
        sleep(0)
        local place, value = select_of { ch, { ch, "main" } }
        if place == 1 then
          assert.equal("t", value)
          assert.same({ 2, "t" }, t:join())
        else
          assert.same({ 1, "main" }, t:join())
        end
      end)
    end)

    it("gets nil from a channel that is closed and empty", function()
      with_poller(function()
        local ch = channel(1):put(1):close()
        assert.same({ 1, 1 }, { select_of { ch } })
        assert.same({ n = 2, 1 }, table.pack(select_of { ch }))
        local open = channel()
        after(0.001, open.close, open)
        assert.same({ n = 2, 1 }, table.pack(select_of { open, channel() }))
      end)
    end)

    it("raises EPIPE where it would put into a closed channel", function()
      with_poller(function()
        local ch = channel()
        after(0.001, ch.close, ch)
        errors.raised("EPIPE", "select", select_of, { { ch, 1 } })
        errors.raised("EPIPE", "select", select_of, { { ch, 1 } })
      end)
    end)

    it("raises EBADF for a socket that is closed", function()
      with_poller(function()
        after(0.001, a.close, a)
        local err = errors.raised("EBADF", "select", select_of, { { a, "r" } })
        assert.is_true(err.closed)
        err = errors.raised("EBADF", "select", select_of, { { a, "r" } })
        assert.is_nil(err.closed)
      end)
    end)

    it("waits for more sockets and channels than fit on the C stack",
       function()
      with_poller(function()
        local list, channels = {}, {}
        for i = 1, 50 do
          channels[i] = channel()
          list[i] = i % 2 == 0 and channels[i] or { channels[i], i }
        end
        list[51] = { a, "r" }
        after(0.001, b.send, b, "x")
        assert.same({ 51, "r" }, { select_of(list) })
        a:recv(1)
        after(0.001, channels[17].get, channels[17])
        assert.same({ 17, 17 }, { select_of(list) })
        list.timeout = 0.001
        assert.is_nil((select_of(list)))
      end)
    end)
  end)
end

describe("select", function()
  it("chooses fairly among several that are ready", function()
    run(function()
      local counts = { 0, 0, 0, 0 }
      local list = {}
      for i = 1, 4 do list[i] = channel():close() end
      for _ = 1, 4000 do
        local place = select_of(list)
        counts[place] = counts[place] + 1
      end
      for i = 1, 4 do
        assert.is_true(counts[i] > 800, table.concat(counts, " "))
      end
    end)
  end)

  it("makes no task fail its group whose end it returns", function()
    run(function()
      sockeye.group(function(g)
        local t = g:spawn(function()
          sleep(0.001)
          error "failure"
        end)
        assert.equal(t, (select(2, select_of { t })))
        sleep(0.001)
      end)
    end)
  end)

  it("is a deadlock where nothing can come", function()
    errors.rejected("deadlock.*waits in select at spec/sync/select_spec", run,
                    function() select_of { channel(), { channel(), 1 } } end)
  end)

  it("raises EDEADLK for the calling task", function()
    run(function()
      local t
      t = spawn(function() select_of { channel(), t } end)
      errors.raised("EDEADLK", "select", t.join, t)
    end)
  end)

  it("works outside of tasks where it need not wait", function()
    local ch = channel(1)
    assert.same({ 1, "x" }, { select_of { { ch, "x" } } })
    assert.same({ 1, "x" }, { select_of { ch } })
    assert.is_nil((select_of { ch, timeout = 0 }))
    errors.rejected("select: not inside sockeye.run", select_of, { ch })
  end)

  it("notices the end of a task whose loop is closed", function()
    local other
    local loop = sockeye.loop(function()
      other = spawn(sleep, 100)
      sleep(100)
    end)
    loop:step()
    local mine <close> = sockeye.loop(function()
      return { select_of { other } }
    end)
    mine:step()
    loop:close()
    local result = loops.step_all(mine)
    assert.same({ 1, other }, result[1])
  end)

  it("loses and doubles nothing, in any order of events", function()
    for seed = 1, 40 do
      math.randomseed(seed)
      run(function()
        local channels = { channel(), channel(1), channel(3) }
        local sent, got = {}, {}
        local function pair(value)
          local list = {}
          for i, ch in ipairs(channels) do
            list[i] = math.random(2) == 1 and ch or { ch, value }
          end
          list.timeout = ({ 0, 0.0001 })[math.random(3)]
          return list
        end
        local function work(w)
          for i = 1, 30 do
            local value = { w, i }
            local list = pair(value)
            local ok, place, what = pcall(select_of, list)
            if ok and place and list[place] ~= channels[place] then
              sent[value] = true
            elseif ok and place and what ~= nil then
              assert(not got[what], seed)
              got[what] = true
            end
            if math.random(3) == 1 then sockeye.yield() end
          end
        end
        sockeye.group(function(g)
          local tasks = {}
          for w = 1, 6 do tasks[w] = g:spawn(work, w) end
          for _ = 1, 20 do
            sockeye.yield()
            tasks[math.random(6)]:cancel()
          end
          sleep(0.002)
          for _, ch in ipairs(channels) do ch:close() end
        end)
        for _, ch in ipairs(channels) do
          for value in ch:values() do got[value] = true end
        end
        for value in pairs(sent) do assert(got[value], seed) end
        for value in pairs(got) do assert(sent[value], seed) end
      end)
    end
    assert.equal(0, #sockeye.tasks())
  end)
end)
