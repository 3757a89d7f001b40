local sockeye = require "sockeye"

local closing = require "spec.support.closing_waits"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group = sockeye.group

-- Runs f inside run, and gives what it raised.
local function failure(f, ...)
  local ok, err = pcall(run, f, ...)
  assert.is_false(ok)
  return err
end

-- Each waits for ever: what it is called, its error's call, how it waits.
local waits = {
  { "recv", "recv", function(s) s.a:recv(1) end },
  { "recvfrom", "recvfrom", function(s) s.a:recvfrom(1) end },
  { "read", "read", function(s) s.a:read(1) end },
  { "send", "send", function(s)
    repeat until not s.a:send(("x"):rep(65536), "dontwait")
    s.a:send("x")
  end },
  { "sendall", "sendall", function(s) s.a:sendall(("x"):rep(1 << 22)) end },
  { "accept", "accept", function(s) s.listener:accept() end },
  { "connect", "connect", function(s)
    local c <close> = sockeye.socket("unix", "stream")
    c:connect(s.busy:getsockname())
  end },
  { "sleep", "sleep", function() sleep(1000) end },
  { "join", "join", function(s) s.sleeper:join() end },
  { "get", "get", function() sockeye.channel():get() end },
  { "put", "put", function() sockeye.channel():put(1) end },
  { "poll", "poll", function(s) sockeye.poll { [s.a] = "r" } end },
  { "wait", "wait", function(s) sockeye.wait(s.a, "r") end },
  { "waitpid", "waitpid", function(s) sockeye.waitpid(s.pid) end },
  { "waitpid for a stop", "waitpid", function(s)
    sockeye.waitpid(s.pid, "untraced")
  end },
  { "group", "group", function()
    group(function(g) g:spawn(sleep, 1000) end)
  end },
  { "a signal", "get", function()
    for _ in sockeye.signals("USR1") do error("came") end
  end },
  { "a coroutine that waits", "recv", function(s)
    sockeye.wrap(function() s.a:recv(1) end)()
  end },
}

local unused = 0

local function with_states(f)
  local fork = require "spec.support.fork"
  local states = {}
  unused = unused + 1
  states.a, states.b = sockeye.socketpair()
  states.listener = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
    :listen()
  states.busy = sockeye.socket("unix", "stream")
    :bind(("unix:@group-%d-%d"):format(sockeye.getpid(), unused)):listen(0)
  states.first = sockeye.socket("unix", "stream")
    :connect(states.busy:getsockname())
  local r, w = sockeye.pipe()
  states.pid = fork.child(function()
    w:close()
    r:read(1)
  end)
  r:close()
  run(function()
    states.sleeper = spawn(pcall, sleep, 1000)
    f(states)
    states.sleeper:cancel()
  end)
  w:close()
  fork.reap(states.pid)
  for _, name in ipairs { "a", "b", "listener", "busy", "first" } do
    states[name]:close()
  end
end

describe("cancellation", function()
  descriptors.guard()

  for _, case in ipairs(waits) do
    local name, call, wait = table.unpack(case)

    it("ends a wait in " .. name, function()
      with_states(function(states)
        local closed, caught
        local t = spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function() closed = true end,
          })
          local ok, err = pcall(wait, states)
          caught = not ok and err
          error(err, 0)
        end)
        sleep(0.004)
        assert.equal(t, t:cancel())
        errors.join_canceled(t)
        assert.is_true(closed)
        errors.raised("ECANCELED", call, error, caught, 0)
        assert.is_true(caught.canceled)
        assert.equal("cancelled", t:status())
      end)
    end)

    it("of the running task ends its next wait, in " .. name, function()
      with_states(function(states)
        local t
        t = spawn(function()
          t:cancel()
          return pcall(wait, states)
        end)
        local ok, err = t:join()
        assert.is_false(ok)
        errors.raised("ECANCELED", call, error, err, 0)
        assert.is_true(err.canceled)
      end)
    end)

    it("comes again where it was caught, in " .. name, function()
      with_states(function(states)
        local t = spawn(function()
          pcall(wait, states)
          for _ = 1, 3 do
            local err = errors.raised("ECANCELED", call, wait, states)
            assert.is_true(err.canceled)
          end
          sockeye.shield(1, sleep, 0.001)
          return "went on"
        end)
        sleep(0.004)
        t:cancel()
        assert.equal("went on", t:join())
        assert.equal("done", t:status())
      end)
    end)

    it("also comes from a deadline, in " .. name, function()
      with_states(function(states)
        local err = errors.raised("ETIMEDOUT", call, sockeye.timeout, 0.004,
                                  wait, states)
        assert.is_true(err.timeout)
      end)
    end)
  end

  it("before its first turn lets a task run to its first wait", function()
    run(function()
      local a, b = sockeye.socketpair()
      local began, went_on
      local t = spawn(function(socket)
        local _ <close> = socket
        began = true
        sleep(0)
        went_on = true
      end, a):cancel()
      errors.join_canceled(t)
      assert.is_true(began)
      assert.is_nil(went_on)
      assert.equal("cancelled", t:status())
      errors.raised("EBADF", "recv", a.recv, a, 1)
      b:close()
      assert.equal("value", spawn(function() return "value" end):cancel()
        :join())
    end)
  end)

  it("does nothing to a task that has ended", function()
    run(function()
      local t = spawn(function() return 1 end)
      t:join()
      assert.equal(1, t:cancel():join())
    end)
  end)

  it("of main makes run raise", function()
    local err = failure(function()
      local main = sockeye.tasks()[1].task
      spawn(function() main:cancel() end)
      sleep(100)
    end)
    assert.is_true(sockeye.is_error(err, "ECANCELED"))
    assert.is_true(err.canceled)
    assert.is_false(sockeye.is_canceled(err))
  end)

  it("leaves a task the value it was already given", function()
    run(function()
      local ch = sockeye.channel()
      local t = spawn(function() return ch:get() end)
      sockeye.yield()
      ch:put("value")
      t:cancel()
      assert.equal("value", t:join())
    end)
  end)

  it("reaches a task that never has to wait", function()
    run(function()
      local u <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
      local name = u:getsockname()
      local t = spawn(function()
        while true do
          u:sendto("x", name)
          u:recv(1)
        end
      end)
      sockeye.yield()
      t:cancel()
      errors.join_canceled(t)
      assert.equal("cancelled", t:status())
    end)
  end)

  it("allows waiting in a variable's __close, in a shield", function()
    local possible, reason = closing.may_wait()
    if not possible then return pending(reason) end
    run(function()
      local a, b = sockeye.socketpair()
      local t = spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function()
            errors.raised("ECANCELED", "sleep", sleep, 0.001)
            sockeye.shield(1, function()
              sleep(0.001)
              a:sendall("bye")
            end)
          end,
        })
        sleep(100)
      end)
      sockeye.yield()
      t:cancel()
      assert.equal("bye", b:recv(10))
      errors.join_canceled(t)
      a:close()
      b:close()
    end)
  end)
end)
