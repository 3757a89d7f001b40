-- The transitions of tasks, as the table of ARCHITECTURE.md has them, for tasks
-- whose loop goes on. states_end_spec.lua has the others, and what is refused;
-- group_states_spec.lua those of groups.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group, yield = sockeye.group, sockeye.yield

-- A value that notes, as it is closed, the status that the task has then.
local function closing(note)
  return setmetatable({}, { __close = note })
end

-- Each brings a new task into its state and gives it; what else is to end
-- with the spec stands behind it.
local states = {
  ready = function() return spawn(sleep, 100) end,
  waiting = function()
    local t = spawn(sleep, 100)
    yield()
    return t
  end,
  done = function()
    local t = spawn(function() return "result" end)
    yield()
    return t
  end,
  failed = function()
    local t = spawn(error, "reason", 0)
    pcall(t.join, t)
    return t
  end,
  cancelled = function()
    local t = spawn(sleep, 100):cancel()
    yield()
    return t
  end,
  killed = function() return spawn(sleep, 100):kill() end,
}

-- What joining a task gives that is in each final state.
local outcomes = {
  done = function(t) assert.equal("result", t:join()) end,
  failed = function(t)
    assert.same({ false, "reason" }, { pcall(t.join, t) })
  end,
  cancelled = errors.join_canceled,
  killed = errors.join_canceled,
}

-- From, event, to: the event is made with the task, which may note more.
local transitions = {
  { "ready", "its turn", "waiting", yield },
  { "ready", "its cancellation", "ready", function(t) t:cancel() end },
  { "ready", "its cancellation and its turn", "cancelled", function(t)
    t:cancel()
    yield()
  end },
  { "ready", "being killed", "killed", function(t) t:kill() end },
  { "waiting", "its cancellation", "ready", function(t) t:cancel() end },
  { "waiting", "its cancellation and its turn", "cancelled", function(t)
    t:cancel()
    yield()
  end },
  { "waiting", "being killed", "killed", function(t) t:kill() end },
}
for _, state in ipairs { "done", "failed", "cancelled", "killed" } do
  for name, event in pairs {
    ["a turn"] = yield,
    cancel = function(t) assert.equal(t, t:cancel()) end,
    kill = function(t) assert.equal(t, t:kill()) end,
    join = function(t)
      for _ = 1, 3 do outcomes[state](t) end
    end,
  } do
    table.insert(transitions, { state, name, state, event })
  end
end

-- What a task does that waits for something; what ends that; the task's state
-- then; what is done where that is not to come any more.
local waits = {
  ["a descriptor that becomes ready"] = function()
    local a, b = sockeye.socketpair()
    return function()
      local _ <close> = a
      return a:recv(1)
    end, function()
      b:send "x"
      b:close()
    end, "done", function() b:close() end
  end,
  ["a descriptor that is closed"] = function()
    local a, b = sockeye.socketpair()
    return function() pcall(a.recv, a, 1) end, function()
      a:close()
      b:close()
    end, "done", function()
      a:close()
      b:close()
    end
  end,
  ["a set of descriptors, one of them ready"] = function()
    local a, b = sockeye.socketpair()
    return function() return sockeye.poll { [a] = "r", [b] = "p" } end,
      function()
        b:send "x"
        sleep(0)
        -- With poll(2) it looks again and again.
        sleep(0.02)
        a:close()
        b:close()
      end, "done", function()
        a:close()
        b:close()
      end
  end,
  ["a moment"] = function()
    return function() sleep(0.02) end, function() sleep(0.1) end, "done"
  end,
  ["its deadline"] = function()
    return function() sockeye.timeout(0.02, sleep, 100) end,
      function(t)
        pcall(t.join, t)
      end, "failed"
  end,
  ["another task's end"] = function()
    local other = spawn(function()
      yield()
      yield()
      yield()
    end)
    return function() other:join() end, function()
      for _ = 1, 4 do yield() end
    end, "done"
  end,
  ["a value"] = function()
    local ch = sockeye.channel()
    return function() return ch:get() end, function() ch:put "value" end,
      "done"
  end,
  ["an event"] = function()
    local e = sockeye.event()
    return function() e:wait() end, function() e:set() end, "done"
  end,
  ["the end of its group"] = function()
    local e = sockeye.event()
    return function()
      group(function(g) g:spawn(e.wait, e) end)
    end, function()
      e:set()
      yield()
    end, "done"
  end,
  ["one choice of several"] = function()
    local ch, e = sockeye.channel(), spawn(sleep, 0.001)
    return function() sockeye.select { ch, e, timeout = 100 } end,
      function()
        e:join()
      end, "done"
  end,
}

for _, poller in ipairs(loops.pollers) do
  describe("a task, by " .. poller, function()
    descriptors.guard()

    local function in_task(f)
      run({ poller = poller }, function()
        sockeye.on_error(function() end)
        f()
        for _, entry in ipairs(sockeye.tasks()) do
          if entry.status ~= "running" then entry.task:cancel() end
        end
      end)
    end

    for _, case in ipairs(transitions) do
      local from, event, to, f = table.unpack(case)
      it(("that is %s is %s after %s"):format(from, to, event), function()
        in_task(function()
          local t = states[from]()
          assert.equal(from, t:status())
          f(t)
          assert.equal(to, t:status())
        end)
      end)
    end

    for what, prepare in pairs(waits) do
      it("waits for " .. what .. ", is ready, runs and ends", function()
        in_task(function()
          local seen
          local f, event, final = prepare()
          local t
          t = spawn(function()
            seen = t:status()
            f()
          end)
          assert.equal("ready", t:status())
          yield()
          yield()
          assert.same({ "running", "waiting" }, { seen, t:status() })
          event(t)
          if t:status() == "waiting" then sleep(0.02) end
          if t:status() == "ready" then yield() end
          assert.equal(final, t:status())
        end)
      end)

      it("waits for " .. what .. " and is cancelled, or killed", function()
        in_task(function()
          for _, deed in ipairs { "cancel", "kill" } do
            local f, _, _, drop = prepare()
            local status
            local t
            t = spawn(function()
              local _ <close> = closing(function() status = t:status() end)
              f()
              -- What was caught is raised again.
              yield()
            end)
            yield()
            yield()
            assert.equal("waiting", t:status())
            t[deed](t)
            if deed == "cancel" then
              assert.equal("ready", t:status())
              yield()
              -- One that had to cancel its own tasks first waits for them.
              if t:status() ~= "cancelled" then yield() yield() end
            end
            assert.equal(deed == "kill" and "killed" or "cancelled",
                         t:status())
            assert.equal("running", status)
            if drop then drop() end
          end
        end)
      end)
    end

    it("that yields is ready, however it does", function()
      in_task(function()
        local ch = sockeye.channel(math.huge)
        for name, f in pairs {
          yield = yield,
          ["a yield of the script"] = coroutine.yield,
          ["a spent budget"] = function()
            for i = 1, 100 do ch:put(i) end
          end,
        } do
          local t = spawn(function()
            f()
            return "result"
          end)
          yield()
          assert.same({ name, "ready" }, { name, t:status() })
          assert.equal("result", t:join())
        end
      end)
    end)

    it("that swallows its cancellation is done, or fails", function()
      in_task(function()
        local done = spawn(function() pcall(sleep, 100) end)
        local failed = spawn(function()
          pcall(sleep, 100)
          error("reason", 0)
        end)
        yield()
        done:cancel()
        failed:cancel()
        assert.same({ false, "reason" }, { pcall(failed.join, failed) })
        assert.equal("done", done:status())
        assert.equal("failed", failed:status())
      end)
    end)

    it("that raises a cancellation that is not its own fails", function()
      in_task(function()
        local other = states.cancelled()
        local t = spawn(other.join, other)
        local err = errors.raised("ECANCELED", "join", t.join, t)
        assert.equal(other, err.task)
        assert.equal("failed", t:status())
      end)
    end)
  end)
end
