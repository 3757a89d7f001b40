-- sockeye.lua timers|spawn|channel COUNT: microseconds of CPU time for each

local sockeye = require "sockeye"

local part, count = ..., tonumber((select(2, ...)))
local parts = {}

function parts.timers()
  for i = 1, count do
    sockeye.spawn(sockeye.sleep, 0.1 + i * 7919 % count / count)
  end
end

function parts.spawn()
  local tasks = {}
  for i = 1, count do tasks[i] = sockeye.spawn(math.abs, i) end
  for i = 1, count do assert(tasks[i]:join() == i) end
end

function parts.channel()
  local channel = sockeye.channel(64)
  sockeye.spawn(function()
    for i = 1, count do channel:put(i) end
    channel:close()
  end)
  local sum = 0
  for value in channel:values() do sum = sum + value end
  assert(sum == count * (count + 1) // 2)
end

local before = os.clock()
sockeye.run(parts[part])
print(("%.3f"):format((os.clock() - before) / count * 1e6))
