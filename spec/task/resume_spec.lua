local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group, timeout, wrap = sockeye.group, sockeye.timeout, sockeye.wrap

describe("a coroutine of a task's own", function()
  local a, b

  -- The guard is to come first before each spec, and last after it.
  descriptors.guard(function() a, b = sockeye.socketpair() end, function()
    a:close()
    b:close()
  end)

  local function send_later(data)
    spawn(function()
      sleep(0.001)
      b:send(data)
    end)
  end

  it("waits where wrap resumes it", function()
    run(function()
      local nextline = wrap(function(first)
        for _ = 1, 3 do first = coroutine.yield(first .. a:recv(1)) end
        return "end"
      end)
      for i = 1, 3 do
        send_later("x")
        assert.equal(i .. "x", nextline(i))
      end
      assert.equal("end", nextline())
      errors.rejected("cannot resume dead coroutine", nextline)
    end)
  end)

  it("waits where resume does, however deep", function()
    run(function()
      local function deep(level)
        if level == 0 then return a:recv(5) end
        local co = coroutine.create(deep)
        return select(2, assert(sockeye.resume(co, level - 1)))
      end
      send_later("hello")
      assert.equal("hello", deep(20))
    end)
  end)

  it("works as the generator of a for loop", function()
    run(function()
      spawn(function()
        for i = 1, 5 do
          sleep(0)
          b:send(tostring(i))
        end
        b:shutdown("wr")
      end)
      local text = ""
      for part in wrap(function()
        for data in function() return a:recv(1) end do
          coroutine.yield(data)
        end
      end) do
        text = text .. part
      end
      assert.equal("12345", text)
    end)
  end)

  it("passes its errors to the task", function()
    run(function()
      local reason = {}
      local ok, err = pcall(wrap(function()
        sleep(0)
        error(reason)
      end))
      assert.is_false(ok)
      assert.equal(reason, err)
      assert.same({ false, reason },
                  { sockeye.resume(coroutine.create(error), reason) })
    end)
  end)

  it("is resumed as by coroutine.resume outside of run", function()
    local co = coroutine.create(function(...)
      return select("#", ...), coroutine.yield("yielded")
    end)
    assert.same({ true, "yielded" }, { sockeye.resume(co, 1, nil) })
    assert.same({ true, 2, "again" }, { sockeye.resume(co, "again") })
    assert.same({ false, "cannot resume dead coroutine" },
                { sockeye.resume(co) })
    b:send("x")
    assert.equal("x", wrap(function() return a:recv(1) end)())
  end)

  it("cannot be resumed while it runs", function()
    run(function()
      local co
      co = coroutine.create(function() return sockeye.resume(co) end)
      local _, ok, err = sockeye.resume(co)
      assert.is_false(ok)
      assert.is_string(err)
    end)
  end)

  it("cannot wait under coroutine.resume, and the error says so", function()
    run(function()
      local calls = {
        function() a:recv(1) end, function() sleep(1) end,
        function() sockeye.poll { [a] = "r" } end,
        function() sockeye.channel():get() end, function() sockeye.yield() end,
        function() spawn(print, nil):join() end,
        function() sockeye.waitpid(sockeye.getpid(), "untraced") end,
        function() sockeye.group(print) end,
      }
      for i, call in ipairs(calls) do
        if i == 6 or i == 7 then goto continue end
        local ok, err = coroutine.resume(coroutine.create(call))
        assert.is_false(ok)
        assert.matches("^spec/task/resume_spec.lua:%d+: cannot wait in this " ..
                       "coroutine: resume it by sockeye.resume", err)
        ::continue::
      end
    end)
  end)

  it("can make calls that need not wait, under coroutine.resume", function()
    run(function()
      coroutine.wrap(function()
        b:sendall("hello")
        assert.equal("hello", a:recv(5))
        assert.same({}, sockeye.poll({ [a] = "r" }, 0))
        assert.same({ [a] = "w" }, sockeye.poll { [a] = "w" })
        assert.equal(1, timeout(1, function() return 1 end))
        errors.raised("ECHILD", "waitpid", sockeye.waitpid, 1, "nohang")
        local ch = sockeye.channel(1)
        spawn(function() ch:put(5) end)
        assert.is_true(#sockeye.tasks() >= 2)
      end)()
    end)
  end)

  it("never stalls the loop by connecting", function()
    local l <close> = sockeye.socket("unix", "stream")
      :bind("unix:@sockeye-stall-" .. sockeye.getpid()):listen(0)
    local first <close> = sockeye.socket("unix", "stream")
    first:connect(l:getsockname())
    run(function()
      local c <close> = sockeye.socket("unix", "stream")
      local ok, err = coroutine.resume(coroutine.create(c.connect), c,
                                       l:getsockname())
      assert.is_false(ok)
      assert.matches("cannot wait in this coroutine", err)
    end)
  end)

  it("cannot wait if a coroutine below it cannot", function()
    run(function()
      local waiting = wrap(function() return a:recv(1) end)
      local ok, err = coroutine.resume(coroutine.create(waiting))
      assert.is_false(ok)
      assert.matches("cannot wait in this coroutine", err)
      send_later("x")
      assert.equal("x", a:recv(1))
    end)
  end)

  it("may be closed while it waits", function()
    run(function()
      local closed
      local co = coroutine.create(function()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        a:recv(1)
      end)
      local t = spawn(function() return sockeye.resume(co) end)
      sleep(0.001)
      assert.equal("waiting", t:status())
      assert.is_true(coroutine.close(co))
      assert.is_true(closed)
      b:send("x")
      assert.is_false(t:join())
      assert.equal("x", a:recv(1))
    end)
  end)

  it("may be resumed by another task next time", function()
    run(function()
      local gen = wrap(function()
        while true do coroutine.yield(a:recv(1)) end
      end)
      for i = 1, 3 do
        send_later(tostring(i))
        assert.equal(tostring(i), spawn(gen):join())
      end
    end)
  end)
end)

describe("a task's own coroutine", function()
  descriptors.guard()

  it("that is closed ends the task with an error", function()
    run(function()
      local co, closed
      local t = spawn(function()
        co = coroutine.running()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        sleep(0.002)
      end)
      sockeye.yield()
      coroutine.close(co)
      assert.is_true(closed)
      local ok, err = pcall(t.join, t)
      assert.is_false(ok)
      assert.matches("dead coroutine", tostring(err))
    end)
  end)

  it("is refused to sockeye.resume, and loses nothing", function()
    run(function()
      local co
      local text <const> = "resume: the coroutine waits in another task"
      local waiting = spawn(function()
        co = coroutine.running()
        sleep(0.002)
        return "slept"
      end)
      sockeye.yield()
      assert.same({ false, text }, { sockeye.resume(co) })
      assert.same({ false, text }, { pcall(sockeye.wrap(function()
        local ok, err = sockeye.resume(co)
        assert.is_false(ok)
        error(err, 0)
      end)) })
      assert.equal("slept", waiting:join())
    end)
  end)

  it("that is resumed from outside does not harm the loop", function()
    run(function()
      local co
      local a, b = sockeye.socketpair()
      local t = spawn(function()
        co = coroutine.running()
        a:recv(1)
      end)
      sockeye.yield()
      coroutine.resume(co)
      b:send("x")
      local ok, err = pcall(t.join, t)
      assert.is_false(ok)
      assert.matches("cannot resume dead coroutine", tostring(err))
      sleep(0.001)
      a:close()
      b:close()
    end)
  end)
end)

describe("a generator that yields out of a scope", function()
  descriptors.guard()

  it("takes its deadline along", function()
    run(function()
      local gen = wrap(function()
        return pcall(timeout, 0.002, function()
          coroutine.yield(1)
          sleep(5)
        end)
      end)
      assert.equal(1, gen())
      assert.is_nil(sockeye.deadline())
      sleep(0.01)
      local ok, err = gen()
      assert.is_false(ok)
      assert.same({ "ETIMEDOUT", "sleep", true },
                  { err.code, err.call, err.timeout })
    end)
  end)

  it("takes its group along, whose failure is raised there", function()
    run(function()
      local gen = wrap(function()
        sockeye.group(function(g)
          g:spawn(function()
            sleep(0.002)
            error("helper failed", 0)
          end)
          coroutine.yield(1)
        end)
      end)
      assert.equal(1, gen())
      sleep(0.01)
      assert.same({ false, "helper failed" }, { pcall(gen) })
      sleep(0)
    end)
  end)

  it("leaves its helpers to be ended as daemons", function()
    local start = sockeye.now()
    local ok, err = pcall(run, function()
      local gen = wrap(function()
        sockeye.group(function(g)
          g:spawn(sleep, 60)
          coroutine.yield(1)
        end)
      end)
      assert.equal(1, gen())
      return gen
    end)
    assert.is_true(ok, tostring(err))
    assert.is_true(sockeye.now() - start < 5)
  end)

  for title, fail_first in pairs { before = true, after = false } do
    it("reports the failure of its group, " .. title .. " it yields, where "
       .. "it is forgotten", function()
      local reports = {}
      run(function()
        sockeye.on_error(function(err) table.insert(reports, err) end)
        wrap(function()
          sockeye.group(function(g)
            g:spawn(error, "reason", 0)
            if fail_first then pcall(sockeye.yield) end
            coroutine.yield()
          end)
        end)()
      end)
      assert.same({ "reason" }, reports)
    end)
  end

  it("is resumed by another task with its scopes", function()
    run(function()
      local gen = wrap(function()
        timeout(10, function()
          coroutine.yield(sockeye.deadline())
          coroutine.yield(sockeye.deadline())
        end)
      end)
      assert.is_true(gen() <= 10)
      assert.is_nil(sockeye.deadline())
      assert.is_true(spawn(gen):join() <= 10)
      assert.is_nil(sockeye.deadline())
    end)
  end)

  it("is refused to a task of its own group", function()
    run(function()
      local gen, inner, deeper
      gen = wrap(function()
        group(function(g)
          g:spawn(function() inner = { pcall(gen) } end)
          g:spawn(group, function(other)
            other:spawn(timeout, 5, function() deeper = { pcall(gen) } end)
          end)
          coroutine.yield(1)
        end)
        return "ended"
      end)
      assert.equal(1, gen())
      sleep(0.001)
      for _, result in ipairs { inner, deeper } do
        assert.is_false(result[1])
        assert.matches("resume: the caller is in a group of the coroutine",
                       result[2], 1, true)
      end
      assert.equal("ended", gen())
    end)
  end)

  it("is refused to a task of a generator that runs in its own group",
     function()
    run(function()
      local first, second, refused
      first = wrap(function()
        group(function(g)
          g:spawn(function()
            sleep(0.001)
            second()
          end)
          coroutine.yield(1)
        end)
        return "ended"
      end)
      second = wrap(function()
        group(function(g)
          g:spawn(function()
            sleep(0.003)
            refused = { pcall(first) }
          end)
          coroutine.yield(1)
          sleep(0.005)
        end)
      end)
      assert.equal(1, first())
      assert.equal(1, second())
      sleep(0.01)
      assert.is_false(refused[1])
      assert.matches("the caller is in a group of the coroutine", refused[2],
                     1, true)
      assert.equal("ended", first())
    end)
  end)

  it("is refused to a second task while it waits, and goes on", function()
    run(function()
      local gen = wrap(function()
        for i = 1, 3 do
          sleep(0.005)
          coroutine.yield(i)
        end
      end)
      local first = spawn(function() return gen(), gen() end)
      sockeye.yield()
      local ok, text = spawn(pcall, gen):join()
      assert.is_false(ok)
      assert.matches("resume: the coroutine waits in another task", text, 1,
                     true)
      assert.same({ 1, 2 }, { first:join() })
      assert.equal(3, gen())
    end)
  end)
end)

describe("a generator that goes from place to place", function()
  descriptors.guard()

  -- Where a generator is resumed.
  local places = {
    ["outside of run"] = function(f) f() end,
    ["in a task"] = function(f) run(f) end,
    ["in a task, by poll"] = function(f) run({ poller = "poll" }, f) end,
    ["in a task of a loop"] = function(f)
      local loop <close> = sockeye.loop(f)
      while loop:step(1) do end
    end,
    ["in a second task"] = function(f)
      run(function() spawn(f):join() end)
    end,
  }
  -- What it yields out of: each is over 2 ms later, or never.
  local scopes = {
    timeout = function(f) sockeye.timeout(0.002, f) end,
    ["two deadlines"] = function(f)
      sockeye.timeout(0.002, sockeye.timeout, 5, f)
    end,
    shield = function(f) sockeye.shield(0.002, f) end,
    ["timeout in a shield"] = function(f)
      sockeye.timeout(0, sockeye.shield, 5, sockeye.timeout, 0.002, f)
    end,
  }
  for first, begin in pairs(places) do
    for second, go_on in pairs(places) do
      for name, scope in pairs(scopes) do
        it(("keeps its deadline: %s, then %s: %s"):format(first, second, name),
           function()
          local start = sockeye.now()
          local next_value = sockeye.wrap(function()
            scope(function()
              coroutine.yield "first"
              coroutine.yield "second"
              sleep(5)
            end)
          end)
          begin(function()
            assert.equal("first", next_value())
            assert.is_nil(sockeye.deadline())
          end)
          go_on(function()
            assert.equal("second", next_value())
            assert.is_nil(sockeye.deadline())
            sleep(0.003)
          end)
          begin(function()
            local err = select(2, pcall(next_value))
            assert.is_true(err.timeout, tostring(err))
            assert.is_nil(sockeye.deadline())
            sleep(0)
          end)
          assert.is_true(sockeye.now() - start < 4)
        end)
      end
    end
  end

  it("is in its shield wherever it is resumed", function()
    local next_value = sockeye.wrap(function()
      sockeye.shield(100, function()
        coroutine.yield()
        sleep(0.001)
        coroutine.yield "slept"
        sleep(0.001)
      end)
      return "left"
    end)
    next_value()
    run(function()
      assert.equal("slept", sockeye.timeout(0, next_value))
    end)
    assert.equal("left", sockeye.timeout(0, next_value))
    assert.is_nil(sockeye.deadline())
  end)

  it("is told outside of run that its group is over", function()
    local reports, next_value, inside = {}, nil, nil
    local loop <close> = sockeye.loop(function()
      sockeye.on_error(function(err) table.insert(reports, err) end)
      next_value = sockeye.wrap(function()
        sockeye.group(function(g)
          g:spawn(error, "reason", 0)
          coroutine.yield()
          inside = { pcall(sleep, 5) }
        end)
      end)
      next_value()
      sleep(0.001)
    end)
    loop:step()
    loop:step()
    errors.rejected("group: not inside sockeye.run", next_value)
    assert.is_false(inside[1])
    assert.is_true(inside[2].canceled)
    assert.same({ "reason" }, reports)
    assert.is_nil(sockeye.deadline())
  end)
end)
