-- Scenarios: scopes of every kind, and what tasks hand to each other, where it
-- is cancelled or comes too late. What a scenario promises whatever fails is
-- asserted in it: what was opened is closed, and no value is lost or doubled.

local sockeye = require "sockeye"

local closing_waits = require "spec.support.closing_waits"
local kit = require "spec.support.scenarios.kit"

local add_call <const>, add_task <const> = kit.add_call, kit.add_task
-- Lua before 5.4.3 cannot wait while a variable is closed.
local add_closing <const> =
  closing_waits.may_wait() and add_task or function() end

-- A value that counts in `counts` how often it is closed.
local Closing <const> = {}
function Closing:__close() self.counts.closed = self.counts.closed + 1 end

local function closing(counts)
  local self <const> = setmetatable({ counts = counts }, Closing)
  counts.opened = counts.opened + 1
  return self
end

-- Calls f with counts; what it opens has to be closed at the end, also of a
-- failure, which goes on.
local function counted(f)
  local counts <const> = { opened = 0, closed = 0 }
  local results <const> = table.pack(pcall(f, counts))
  assert(counts.opened == counts.closed, "something was not closed")
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Calls f, which is to raise a sockeye error with this code; anything else
-- goes on.
local function expect(code, f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok, "nothing was raised")
  if not sockeye.is_error(err, code) then error(err, 0) end
  return err
end

-- ---- deadlines and shields ----

local function wait_in_vain()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  return a:recv(1)
end

local function time_out()
  local err <const> = expect("ETIMEDOUT", sockeye.timeout, 0.001,
                             sockeye.timeout, 10, wait_in_vain)
  assert(err.timeout)
  return sockeye.timeout(10, function(...) return ... end, 1, 2)
end
add_call("a timeout that ends", time_out)
add_call("a timeout within which one goes on", function()
  local count = 0
  assert(not sockeye.within(0.001, function()
    for _ = 1, 3 do
      expect("ECANCELED", sockeye.sleep, 10)
      count = count + 1
    end
    sockeye.sleep(10)
  end))
  return count
end)

-- A goodbye in a scope that is over.
add_closing("a shield in a task that is cancelled", function()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  local task = sockeye.spawn(function()
    local _ <close> = setmetatable({}, { __close = function()
      sockeye.shield(5, function()
        sockeye.sleep(0.001)
        a:send "b"
      end)
    end })
    sockeye.sleep(10)
  end)
  sockeye.yield()
  task:cancel()
  pcall(task.join, task)
  -- Where the goodbye has failed, that is what the task has.
  if task:status() == "failed" then task:join() end
  return b:recv(1), task:status()
end)
add_task("a shield that ends", function()
  local ok, err = sockeye.within(0, function()
    expect("ETIMEDOUT", sockeye.shield, 0.001, sockeye.sleep, 10)
    sockeye.sleep(10)
  end)
  return ok, err
end)

-- ---- groups ----

add_task("a group that fails twice", function()
  local reports = 0
  sockeye.on_error(function() reports = reports + 1 end)
  return counted(function(counts)
    local ok, err = pcall(sockeye.group, function(g)
      for i = 1, 3 do
        g:spawn(function()
          local _ <close> = closing(counts)
          if i > 1 then
            pcall(sockeye.yield)
            error("reason", 0)
          end
          sockeye.sleep(10)
        end)
      end
      sockeye.sleep(10)
    end)
    assert(not ok)
    if err ~= "reason" then error(err, 0) end
    return reports
  end)
end)
add_task("groups in groups that are cancelled", function()
  return counted(function(counts)
    local function body(depth, g)
      local _ <close> = closing(counts)
      for _ = 1, 2 do
        g:spawn(function()
          local _ <close> = closing(counts)
          if depth > 0 then
            sockeye.group(function(inner) body(depth - 1, inner) end)
          else
            sockeye.sleep(10)
          end
        end)
      end
      sockeye.sleep(10)
    end
    assert(not sockeye.within(0.002, sockeye.group, function(g)
      body(2, g)
    end))
    return counts.opened
  end)
end)
add_task("a generator with a deadline and a group of its own", function()
  local ended = false
  local values = sockeye.wrap(function()
    sockeye.timeout(5, sockeye.group, function(g)
      g:spawn(function()
        sockeye.sleep(0.001)
        ended = true
      end)
      for i = 1, 3 do
        coroutine.yield(i)
        sockeye.sleep(0)
      end
    end)
    return "end"
  end)
  local sum = 0
  for _ = 1, 3 do
    -- Its deadline binds nobody else.
    assert(not sockeye.deadline())
    sum = sum + values()
    sockeye.sleep(0)
  end
  assert(values() == "end" and ended)
  return sum
end)

-- ---- killing ----

add_task("a task that is killed with its generators and groups", function()
  local reports = 0
  sockeye.on_error(function() reports = reports + 1 end)
  return counted(function(counts)
    local task = sockeye.spawn(function()
      local _ <close> = closing(counts)
      local generator = sockeye.wrap(function()
        local _ <close> = closing(counts)
        sockeye.group(function(g)
          for _ = 1, 2 do
            g:spawn(function()
              local _ <close> = closing(counts)
              local ok, err
              repeat
                ok, err = pcall(sockeye.sleep, 10)
              until not ok and not sockeye.is_canceled(err)
              error(err, 0)
            end)
          end
          sockeye.sleep(10)
        end)
      end)
      generator()
    end)
    -- Whatever it could not begin with: it is killed before the caller ends.
    local _ <close> = setmetatable({}, { __close = function() task:kill() end })
    sockeye.yield()
    sockeye.yield()
    task:kill()
    return counts.opened, task:status()
  end)
end)
add_task("a loop of pcalls that is killed", function()
  sockeye.on_error(function() end)
  local task = sockeye.spawn(function()
    local ok, err
    repeat
      ok, err = pcall(sockeye.sleep, 0.001)
    until not ok and not sockeye.is_canceled(err)
    error(err, 0)
  end)
  local _ <close> = setmetatable({}, { __close = function() task:kill() end })
  sockeye.yield()
  task:cancel()
  sockeye.yield()
  sockeye.sleep(0)
  task:kill()
  return task:status()
end)

-- ---- channels and select ----

-- Puts 1 to `count` and closes the channel; what was not put is the failure's.
local function put_all(ch, count)
  local _ <close> = setmetatable({}, { __close = function() ch:close() end })
  for i = 1, count do ch:put(i) end
end

for _, capacity in ipairs { 0, 2 } do
  add_task(("a channel of %d that many share"):format(capacity), function()
    local ch = sockeye.channel(capacity)
    local sums, last = 0, 0
    sockeye.group(function(g)
      g:spawn(put_all, ch, 20)
      for _ = 1, 3 do
        g:spawn(function()
          for value in ch:values() do
            assert(value > last, "a value was doubled, or came out of turn")
            last, sums = value, sums + value
          end
        end)
      end
    end)
    assert(sums == 210, "a value was lost")
    return sums
  end)
end
add_task("calls of a channel that end by their time", function()
  local ch = sockeye.channel()
  assert(expect("ETIMEDOUT", ch.get, ch, 0.001).timeout)
  assert(expect("ETIMEDOUT", ch.put, ch, 1, 0.001).timeout)
  assert(not sockeye.within(0.001, ch.get, ch))
  local _, empty = ch:try_get()
  local _, full = ch:try_put(1)
  return empty, full
end)
add_task("a getter that is cancelled as it gets a value", function()
  local ch = sockeye.channel()
  local got = {}
  sockeye.group(function(g)
    local getter = g:spawn(function() got[#got + 1] = ch:get() end)
    sockeye.yield()
    g:spawn(ch.put, ch, "value")
    sockeye.yield()
    getter:cancel()
    g:spawn(sockeye.within, 0.002, function()
      got[#got + 1] = ch:get()
    end)
  end)
  assert(#got <= 1, "a value was doubled")
  return #got
end)
add_task("select that puts, joins and is cancelled", function()
  local ch = sockeye.channel()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  local places = {}
  sockeye.group(function(g)
    local getter = g:spawn(ch.get, ch)
    sockeye.yield()
    places[1] = sockeye.select { { a, "r" }, { ch, "value" }, timeout = 5 }
    places[2] = sockeye.select { { a, "r" }, getter, timeout = 5 }
    assert(getter:join() == "value", "the value was lost")
    local waiting = g:spawn(sockeye.select, { ch, { b, "r" } })
    sockeye.yield()
    waiting:cancel()
    pcall(waiting.join, waiting)
    places[3] = waiting:status()
  end)
  return table.unpack(places)
end)

-- ---- semaphores, mutexes, events, intervals ----

add_task("a semaphore and a mutex, some of whose waiters give up", function()
  local s, m = sockeye.semaphore(2), sockeye.mutex()
  local inside, most = 0, 0
  sockeye.group(function(g)
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = g:spawn(function()
        local _ <close> = s:acquire()
        inside = inside + 1
        most = math.max(most, inside)
        local _ <close> = setmetatable({}, { __close = function()
          inside = inside - 1
        end })
        local _ <close> = m:lock()
        sockeye.sleep(0.001)
      end)
    end
    sockeye.yield()
    tasks[2]:cancel()
    tasks[3]:cancel()
  end)
  -- Whatever gave up, it left them free.
  assert(inside == 0 and most <= 2)
  s:acquire(1)
  s:acquire(1)
  expect("ETIMEDOUT", s.acquire, s, 0.001)
  s:release()
  m:lock(1)
  local waiting = sockeye.spawn(m.lock, m, 0.001)
  expect("ETIMEDOUT", waiting.join, waiting)
  m:unlock()
  return most
end)
add_task("an event that comes for some", function()
  local e, woken = sockeye.event(), 0
  sockeye.group(function(g)
    for i = 1, 3 do
      g:spawn(function()
        if sockeye.within(i == 1 and 0.001 or 5, e.wait, e) then
          woken = woken + 1
        end
      end)
    end
    expect("ETIMEDOUT", e.wait, e, 0.02)
    e:set()
  end)
  return woken, e:wait()
end)
add_task("an interval that is late, and one that is cancelled", function()
  local turns = 0
  local next_turn = sockeye.interval(0.001)
  next_turn()
  sockeye.sleep(0.005)
  assert(next_turn() >= 1)
  assert(not sockeye.within(0.01, function()
    for _ in sockeye.interval(0.001) do
      turns = turns + 1
      if turns == 2 then sockeye.sleep(10) end
    end
  end))
  return turns <= 2
end)

-- ---- processes and signals ----

add_task("a process that a task waits for in vain", function()
  local p <close> = sockeye.process { "/bin/cat", stdin = "pipe",
                                      stdout = "pipe" }
  assert(not sockeye.within(0.002, p.wait, p))
  local waiting = sockeye.spawn(p.wait, p)
  sockeye.yield()
  waiting:cancel()
  pcall(waiting.join, waiting)
  p:kill "TERM"
  p.stdin:close()
  return p:wait()
end)
add_task("signals that two listen to", function()
  local heard = 0
  sockeye.group(function(g)
    for _ = 1, 2 do
      g:spawn(function()
        local names, _, _, listening = sockeye.signals "SIGUSR2"
        local _ <close> = listening
        names()
        heard = heard + 1
      end)
    end
    sockeye.yield()
    sockeye.yield()
    sockeye.kill(sockeye.getpid(), "SIGUSR2")
  end)
  return heard
end)
