-- Scenarios: waiting, and tasks.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local add <const> = kit.add
local add_call <const> = kit.add_call
local add_loops <const> = kit.add_loops
local listener <const> = kit.listener

add("sockatmark", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return c.sockatmark, { c }, { c, l }
end)
add("poll", function()
  local a, b = sockeye.socketpair()
  b:send("data")
  return sockeye.poll, { { [a] = "rw", [b:fd()] = "r", [io.stdout] = "p" },
                         0 }, { a, b }
end)
add_call("sleep and now", function()
  sockeye.sleep(0)
  return sockeye.now()
end)

-- Tasks.
add_loops("run with tasks that wait", function()
  return sockeye.run(function()
    local a, b = sockeye.socketpair()
    local ch = sockeye.channel(1)
    local t = sockeye.spawn(function()
      for data in function() return b:recv(100) end do ch:put(data) end
      ch:close()
    end)
    for _ = 1, 3 do a:sendall "data" end
    sockeye.sleep(0)
    a:close()
    local count = 0
    for value in ch:values() do count = count + #value end
    t:join()
    b:close()
    return count
  end)
end)
add_loops("run with channels and select", function()
  return sockeye.run(function()
    local a, b = sockeye.socketpair()
    local one, two = sockeye.channel(), sockeye.channel(math.huge)
    local t = sockeye.spawn(function()
      for i = 1, 20 do two:put(i) end
      one:put "one"
      a:send "x"
    end)
    local count = 0
    for _ = 1, 22 do
      if sockeye.select { one, two, { b, "r" }, timeout = 1 } then
        count = count + 1
      end
    end
    t:join()
    if one:try_get() == nil then count = count + 1 end
    local many = { timeout = 0 }
    for i = 1, 12 do many[i] = i % 2 == 0 and one or { one, i } end
    sockeye.select(many)
    many.timeout = 0.001
    sockeye.select(many)
    a:close()
    b:close()
    return count
  end)
end)
add_loops("run with semaphores, mutexes, events and intervals", function()
  return sockeye.run(function()
    local s, m = sockeye.semaphore(1), sockeye.mutex()
    local e, inside = sockeye.event(), 0
    sockeye.group(function(g)
      for _ = 1, 3 do
        g:spawn(function()
          local _ <close> = s:acquire()
          local _ <close> = m:lock()
          inside = inside + 1
          e:wait()
        end)
      end
      sockeye.interval(0.0001)()
      e:set()
    end)
    assert(e:is_set())
    e:clear()
    return inside
  end)
end)
add_loops("run with groups, deadlines and coroutines", function()
  return sockeye.run(function()
    local ok, err = pcall(sockeye.timeout, 0, sockeye.group, function(g)
      g:spawn(sockeye.sleep, 10)
      g:spawn(sockeye.wrap(function() sockeye.sleep(10) end))
    end)
    assert(not ok and (sockeye.is_error(err) or err:find "memory"), err)
    local a, b = sockeye.socketpair()
    sockeye.poll({ [a] = "r", [b] = "rw" })
    return #sockeye.tasks()
  end)
end)
-- What fails by itself, with an error of this pattern.
local function add_failing(name, pattern, main)
  return add_loops(name, function()
    local ok, err = pcall(sockeye.run, main)
    assert(not ok)
    if not tostring(err):find(pattern) then error(err, 0) end
  end)
end

add_failing("run whose task fails", "reason", function()
  local a, b = sockeye.socketpair()
  sockeye.spawn(a.recv, a, 1)
  sockeye.spawn(error, "reason")
  b:recv(1)
end)
-- It is none where a signal has a handler.
add_failing("a deadlock", "deadlock", function()
  sockeye.channel():get()
end).signals = false
add("a loop that is stepped", function()
  local loop = sockeye.loop(function()
    local a, b = sockeye.socketpair()
    sockeye.spawn(function() b:send "x" end)
    return a:recv(1)
  end)
  return function()
    for _ = 1, 5 do
      if not loop:step(1) then break end
    end
  end, {}, { loop }
end).loops = true
