local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local faulty = require "spec.support.faulty"
local fork = require "spec.support.fork"
local loops = require "spec.support.loops"
local subject = require "spec.support.process"
local worlds = require "spec.support.worlds"

local process <const> = sockeye.process

local function no_children()
  errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
end

local function sleeper() return process { "sleep", 1000 } end

-- Runs f outside of tasks, and in a task by each poller.
local function everywhere(name, f)
  it(name .. ", outside of tasks", f)
  for _, poller in ipairs(loops.pollers) do
    it(name .. ", in a task by " .. poller, function()
      sockeye.run({ poller = poller }, f)
    end)
  end
end

describe("a process", function()
  descriptors.guard()

  -- ---- wait ----

  everywhere("reports its exit status, again each time", function()
    for _, status in ipairs { 0, 1, 127, 255 } do
      local p = process { "sh", "-c", "exit " .. status }
      for _ = 1, 3 do assert.same({ "exit", status }, { p:wait() }) end
      assert.same({ "exit", status }, { p:wait(0) })
      assert.is_nil(fork.state(p.pid))
    end
    no_children()
  end)

  everywhere("reports the signal that has ended it", function()
    for _, name in ipairs { "KILL", "TERM", "INT" } do
      local p = sleeper()
      assert.is_true(p:kill(name))
      assert.same({ "signal", sockeye["SIG" .. name] }, { p:wait() })
    end
  end)

  everywhere("is waited for, for a time", function()
    local p <close> = sleeper()
    for _, seconds in ipairs { 0, 0.02 } do
      local before = sockeye.now()
      local err = errors.raised("ETIMEDOUT", "wait", p.wait, p, seconds)
      assert.is_true(err.timeout)
      assert.is_true(sockeye.now() - before >= seconds)
      assert.is_true(sockeye.now() - before < 10)
    end
    errors.rejected("negative", p.wait, p, -1)
    assert.is_true(p:kill "KILL")
    assert.same({ "signal", 9 }, { p:wait(20) })
  end)

  everywhere("is waited for under a deadline", function()
    local p <close> = sleeper()
    local err = errors.raised("ETIMEDOUT", "wait", sockeye.timeout, 0.02,
                              p.wait, p)
    assert.is_true(err.timeout)
  end)

  for _, poller in ipairs(loops.pollers) do
    it("is waited for by several tasks, and lets others run, by " .. poller,
       function()
      sockeye.run({ poller = poller }, function()
        local p <close> = process { "cat", stdin = "pipe" }
        local turns, waiters = 0, {}
        for i = 1, 3 do
          waiters[i] = sockeye.spawn(function() return p:wait() end)
        end
        for _ = 1, 5 do
          sockeye.sleep(0.002)
          turns = turns + 1
        end
        assert.equal("waiting", waiters[1]:status())
        p.stdin:close()
        for i = 1, 3 do
          assert.same({ "exit", 0 }, { waiters[i]:join() })
        end
        assert.equal(5, turns)
      end)
    end)
  end

  it("goes on waiting after a signal that is handled", function()
    local came = 0
    local p <close> = sleeper()
    do
      local _ <close> = fork.interrupt("USR1", function()
        came = came + 1
        p:kill "TERM"
      end)
      assert.same({ "signal", sockeye.SIGTERM }, { p:wait() })
    end
    assert.equal(1, came)
  end)

  it("is lost to who waits for it elsewhere", function()
    local p = process { "true" }
    assert.same({ p.pid, "exit", 0 }, { sockeye.waitpid(p.pid) })
    errors.raised("ECHILD", "wait", p.wait, p)
    assert.is_false(p:kill "TERM")
    p:close()
  end)

  -- In a PID namespace of its own, whose next number can be set.
  it("is not taken for a child that has its number since", function()
    if not subject.available "unshare" then
      return pending "namespaces need the unshare command (util-linux)"
    end
    local result = subject.run({ "unshare", "--pid", "--fork", "--mount-proc",
                                 subject.lua, "-e", [[
      local sockeye = require "sockeye"
      local function set_next(pid)
        local file = io.open("/proc/sys/kernel/ns_last_pid", "w")
        if not file or not file:write(pid - 1) or not file:close() then
          io.write "pending: the next process id cannot be set"
          os.exit(0)
        end
      end
      local p = sockeye.process { "true" }
      assert(sockeye.waitpid(p.pid) == p.pid)
      set_next(p.pid)
      local q <close> = sockeye.process { "sleep", 1000 }
      assert(q.pid == p.pid, "another number")
      assert(p:kill "KILL" == false)
      assert(p:kill(0) == false)
      local ok, err = pcall(p.wait, p)
      assert(not ok and sockeye.is_error(err, "ECHILD"), tostring(err))
      p:close()
      p = nil
      collectgarbage()
      ok, err = pcall(q.wait, q, 0.01)
      assert(not ok and err.timeout, tostring(err))
      assert(q:kill "KILL" == true)
      assert(select(2, q:wait()) == 9)
    ]] })
    local reason = result.stdout:match "^pending: (.*)" or
                   result.stderr:match "^unshare: .*"
    if reason then return pending(reason) end
    assert.same({ 0, "" }, { result.status, result.stderr })
  end)

  it("belongs to its parent, not to a forked child", function()
    local p <close> = process { "cat", stdin = "pipe" }
    fork.reap(fork.child(function()
      errors.raised("ECHILD", "wait", p.wait, p)
      assert(p:kill "KILL" == false)
      p:close()
      collectgarbage()
    end))
    assert.is_true(p:kill(0))
    p.stdin:close()
    assert.same({ "exit", 0 }, { p:wait() })
  end)

  it("is waited for where there is no descriptor of it", function()
    local text, reason = faulty.run [[
      for _, world in ipairs { "outside", "epoll", "poll" } do
        local function try()
          local p = sockeye.process { "sleep", "0.05" }
          local none = { call = "syscall", code = "ENOSYS", first = 1,
                         last = always }
          local ok, err = failing(none, p.wait, p, 0.01)
          assert(not ok and sockeye.is_error(err, "ETIMEDOUT") and
                 err.timeout, tostring(err))
          local ok, how, number = failing(none, p.wait, p)
          assert(ok and how == "exit" and number == 0, tostring(how))
          local q = sockeye.process { "sleep", "1000" }
          assert(failing(none, q.close, q))
          assert(select(2, q:wait()) == 9)
        end
        if world == "outside" then try()
        else sockeye.run({ poller = world }, try) end
      end
    ]]
    if not text then return pending(reason) end
    assert.equal("", text)
  end)

  -- ---- kill ----

  worlds.it("gets no signal once it has ended", function()
    local p = process { "true" }
    p:wait()
    assert.is_false(p:kill "KILL")
    assert.is_false(p:kill(0))
    local q = process { "true" }
    fork.await(q.pid, "Z")
    assert.is_false(q:kill "KILL")
    assert.same({ "exit", 0 }, { q:wait() })
    errors.rejected("unknown signal", p.kill, p, "nosuch")
  end)

  it("gets SIGTERM if no signal is named", function()
    local p <close> = sleeper()
    assert.is_true(p:kill())
    assert.same({ "signal", sockeye.SIGTERM }, { p:wait() })
  end)

  -- ---- the end of a scope ----

  everywhere("ends with its <close> variable", function()
    local pid, out, kept
    do
      local p <close> = process { "sleep", 1000, stdout = "pipe",
                                  stdin = "pipe", stderr = "pipe" }
      p.stdin:write "kept, and never read"
      pid, out, kept = p.pid, p.stdout, p
    end
    assert.is_nil(fork.state(pid))
    assert.same({ "signal", 9 }, { kept:wait() })
    errors.raised("EBADF", "read", out.read, out)
    kept:close()
    no_children()
  end)

  everywhere("ends with its <close> variable while an error passes", function()
    local pid
    local ok, err = pcall(function()
      local p <close> = sleeper()
      pid = p.pid
      error("passes", 0)
    end)
    assert.same({ false, "passes" }, { ok, err })
    assert.is_nil(fork.state(pid))
    no_children()
  end)

  everywhere("ends with its <close> variable at a deadline", function()
    local pid
    errors.raised("ETIMEDOUT", nil, sockeye.timeout, 0.02, function()
      local p <close> = process { "sleep", 1000, stdout = "pipe" }
      pid = p.pid
      p.stdout:read "a"
    end)
    assert.is_nil(fork.state(pid))
    no_children()
  end)

  for _, poller in ipairs(loops.pollers) do
    it("ends with a task that is cancelled, by " .. poller, function()
      local pid
      sockeye.run({ poller = poller }, function()
        local t = sockeye.spawn(function()
          local p <close> = sleeper()
          pid = p.pid
          p:wait()
        end)
        sockeye.sleep(0.01)
        t:cancel()
        pcall(t.join, t)
      end)
      assert.is_nil(fork.state(pid))
      no_children()
    end)
  end

  it("that has ended keeps how, and loses its streams", function()
    local p = process { "echo", "x", stdout = "pipe" }
    assert.same({ "exit", 0 }, { p:wait() })
    p:close()
    assert.same({ "exit", 0 }, { p:wait() })
    errors.raised("EBADF", "read", p.stdout.read, p.stdout)
  end)

  it("that is collected goes on, and is reaped when it has ended", function()
    local r <close>, w = sockeye.pipe()
    local pid
    do
      local p = process { "cat", stdin = r }
      pid = p.pid
    end
    collectgarbage()
    collectgarbage()
    assert.is_truthy(("SR"):find(fork.state(pid), 1, true))
    w:close()
    fork.await(pid, "Z")
    collectgarbage()
    collectgarbage()
    assert.is_nil(fork.state(pid))
    no_children()
  end)

  it("that has ended unseen is reaped when it is collected", function()
    local pid
    do
      local p = process { "true" }
      pid = p.pid
    end
    fork.await(pid, "Z")
    collectgarbage()
    collectgarbage()
    assert.is_nil(fork.state(pid))
  end)

  it("has the type Process", function()
    local p = process { "true" }
    assert.equal("sockeye.Process", getmetatable(p))
    assert.equal(("process(pid %d)"):format(p.pid), tostring(p))
    p:wait()
    assert.equal(("process(pid %d ended)"):format(p.pid), tostring(p))
    assert.is_nil(p.nothing)
    assert.is_nil(p[1])
    assert.is_false(pcall(function() p.pid = 1 end))
    errors.rejected("Process expected", p.wait, {})
  end)
end)
