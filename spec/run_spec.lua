local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("run", function()
  descriptors.guard()

  it("gives main its arguments and returns its results", function()
    assert.same({ "a", nil, n = 2 }, table.pack(run(function(...)
      return ...
    end, "a", nil)))
    assert.same({ n = 0 }, table.pack(run(function() end)))
  end)

  it("ends when the last task has", function()
    local done
    assert.equal(1, run(function()
      spawn(function()
        sleep(0.002)
        spawn(function()
          sleep(0.002)
          done = true
        end)
      end)
      return 1
    end))
    assert.is_true(done)
  end)

  it("inside a task is an error that says so", function()
    run(function()
      errors.rejected("run: inside a task", run, print)
    end)
  end)

  it("works in a coroutine, and again and again", function()
    for i = 1, 20 do
      assert.equal(i, coroutine.wrap(function()
        return run(function()
          sleep(0)
          return i
        end)
      end)())
    end
  end)

  for _, poller in ipairs { "epoll", "poll" } do
    it("waits by " .. poller .. " when told to", function()
      local a, b = sockeye.socketpair()
      run({ poller = poller }, function()
        spawn(function() b:send("x") end)
        assert.equal("x", a:recv(1))
        assert.equal("x", spawn(function() return a:recv(1) end, b:send("x"))
          :join())
      end)
      a:close()
      b:close()
    end)
  end

  for what, arguments in pairs {
    ["an unknown poller"] = { { poller = "kqueue" }, print },
    ["a poller that is no name"] = { { poller = {} }, print },
    ["no function"] = {}, ["options alone"] = { {} },
    ["a number"] = { 5 },
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument #%d to '[%w.]*run'", run,
                      table.unpack(arguments))
    end)
  end

  it("is told the poller by the environment", function()
    for poller, known in pairs { epoll = true, poll = true, other = false } do
      local result = process.lua_script([[
        local sockeye = require "sockeye"
        local loop = sockeye.loop(function() sockeye.sleep(1) end)
        print(loop:pollfd() == nil)
      ]], { env = { SOCKEYE_POLLER = poller } })
      if known then
        assert.equal(tostring(poller == "poll") .. "\n", result.stdout)
      else
        assert.matches("unknown poller 'other'", result.stderr)
      end
    end
  end)

  it("serves tasks when the descriptors have run out but for garbage",
     function()
    for _ = 1, 50 do run(function() sleep(0) end) end
  end)
end)

describe("a deadlock", function()
  descriptors.guard()

  it("is an error that names each task and its place", function()
    local ok, err = pcall(run, function()
      local ch = sockeye.channel()
      local t = spawn(function() ch:get() end)
      local line = debug.getinfo(1, "l").currentline - 1
      spawn(function() ch:get() end)
      local okay, problem = pcall(t.join, t)
      assert.is_false(okay)
      assert.is_true(sockeye.is_error(problem, "ECANCELED"))
      return line
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
    local _, count = err:gsub("task %S+ waits in get at spec/run_spec.lua:%d+",
                              "")
    assert.equal(2, count)
    assert.matches("waits in join at spec/run_spec.lua", err)
  end)

  it("is none where one sleeps, or waits for a descriptor", function()
    local ch = sockeye.channel()
    run(function()
      spawn(function()
        sleep(0.002)
        ch:put(1)
      end)
      assert.equal(1, ch:get())
      local a, b = sockeye.socketpair()
      spawn(function() ch:put(a:recv(1)) end)
      b:send("x")
      assert.equal("x", ch:get())
      a:close()
      b:close()
    end)
  end)

  it("is none where a deadline is to come", function()
    run(function()
      local ch = sockeye.channel()
      errors.raised("ETIMEDOUT", "get", sockeye.timeout, 0.002, ch.get, ch)
    end)
  end)

  it("is found again by tasks that caught it", function()
    local ok, err = pcall(run, function()
      local ch = sockeye.channel()
      for _ = 1, 3 do pcall(ch.get, ch) end
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
  end)
end)

describe("a signal handler", function()
  descriptors.guard()

  local function interrupted(main)
    local reason = {}
    local before = sockeye.signal("USR1", function() error(reason) end)
    local ok, err = pcall(run, main)
    sockeye.signal("USR1", before)
    assert.is_false(ok)
    assert.equal(reason, err)
  end

  it("that raises ends run", function()
    local closed
    interrupted(function()
      spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        sleep(100)
      end)
      sockeye.yield()
      sockeye.kill(sockeye.getpid(), "USR1")
      sleep(100)
    end)
    assert.is_true(closed)
  end)

  it("runs while all tasks wait", function()
    local calls = 0
    local before = sockeye.signal("USR1", function() calls = calls + 1 end)
    local parent = sockeye.getpid()
    local pid = fork.child(function()
      fork.await(parent, "S")
      sockeye.kill(parent, "USR1")
    end)
    run(function() fork.reap(pid) end)
    sockeye.signal("USR1", before)
    assert.equal(1, calls)
  end)

  it("may close what a task waits for", function()
    for _, wait in ipairs {
      function(a) a:recv(1) end, function(a) sockeye.poll { [a] = "r" } end,
      function(a) sockeye.wait(a) end,
    } do
      local a, b = sockeye.socketpair()
      local before = sockeye.signal("USR1", function() a:close() end)
      run(function()
        local t = spawn(wait, a)
        sockeye.yield()
        local pid = sockeye.getpid()
        os.execute("kill -USR1 " .. pid)
        errors.raised("ECANCELED", nil, t.join, t)
      end)
      sockeye.signal("USR1", before)
      b:close()
    end
  end)
end)

describe("Ctrl-C", function()
  it("ends run within a tenth of a second", function()
    local running <close> = process.start_lua([[
      local sockeye = require "sockeye"
      io.stdout:setvbuf("line")
      sockeye.run(function()
        local a, b = sockeye.socketpair()
        for _ = 1, 100 do sockeye.spawn(sockeye.sleep, 1000) end
        sockeye.spawn(function() a:recv(1) end)
        sockeye.spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function() print("closed", sockeye.now()) end,
          })
          b:recv(1)
        end)
        sockeye.yield()
        print("ready")
        sockeye.sleep(1000)
      end)
    ]], { timeout = 20 })
    running:line "ready"
    fork.await(running.pid, "S")
    local start = sockeye.now()
    running:signal "INT"
    local _, at = running:line "closed%s+(%S+)"
    local result = running:wait()
    assert.equal(1, result.status)
    assert.matches("interrupted!", result.stderr)
    assert.is_true(tonumber(at) - start < 0.1)
  end)

  it("ends run where tasks never wait", function()
    local running <close> = process.start_lua([[
      local sockeye = require "sockeye"
      io.stdout:setvbuf("line")
      sockeye.run(function()
        local u = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
        local name = u:getsockname()
        print("ready")
        while true do
          u:sendto("x", name)
          u:recv(1)
        end
      end)
    ]], { timeout = 20 })
    running:line "ready"
    running:signal "INT"
    local result = running:wait()
    assert.equal(1, result.status)
    assert.matches("interrupted!", result.stderr)
  end)
end)

describe("signals", function()
  descriptors.guard()

  -- What a loop over them does that is left at the first.
  local function leave_at_once(each, _, _, closing)
    local _ <close> = closing
    return each()
  end

  it("come to a task one after the other", function()
    local names = {}
    run(function()
      spawn(function()
        for _, name in ipairs { "USR1", "USR2", "USR1" } do
          sleep(0.001)
          sockeye.kill(sockeye.getpid(), name)
        end
      end)
      for name in sockeye.signals("USR1", "SIGUSR2") do
        table.insert(names, name)
        if #names == 3 then break end
      end
    end)
    assert.same({ "SIGUSR1", "SIGUSR2", "SIGUSR1" }, names)
  end)

  it("are no deadlock while all tasks wait", function()
    local parent = sockeye.getpid()
    local pid = fork.child(function()
      fork.await(parent, "S")
      sockeye.kill(parent, "TERM")
    end)
    run(function()
      assert.equal("SIGTERM", leave_at_once(sockeye.signals("SIGTERM")))
    end)
    fork.reap(pid)
  end)

  it("are as before when the loop is left", function()
    local handler = function() end
    local before = sockeye.signal("USR1", handler)
    run(function()
      for _, list in ipairs { { "USR1" }, { "USR1", "SIGUSR1" } } do
        spawn(function() sockeye.kill(sockeye.getpid(), "USR1") end)
        leave_at_once(sockeye.signals(table.unpack(list)))
        assert.equal(handler, sockeye.signal("USR1", handler))
      end
      local t = spawn(function() for _ in sockeye.signals("USR1") do end end)
      sockeye.yield()
      t:cancel()
      pcall(t.join, t)
      assert.equal(handler, sockeye.signal("USR1", handler))
      errors.rejected("bad argument", sockeye.signals, "USR1", "SEGV")
      assert.equal(handler, sockeye.signal("USR1", handler))
    end)
    sockeye.signal("USR1", before)
  end)

  it("are waited for no more when the loop is left", function()
    local ok, err = pcall(run, function()
      spawn(function() sockeye.kill(sockeye.getpid(), "USR1") end)
      leave_at_once(sockeye.signals("USR1"))
      sockeye.channel():get()
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
  end)
end)
