-- sockeye.lua KIND ROUNDS: what tasks do, each so many times:
--   channel  an item through a channel of 64, from one task to another
--   select   a select over three channels that are ready
--   yield    a yield of the only task
--   sleep    sleep(0) of the only task
--   spawn    a task, spawned and joined
--   timer    a task that sleeps, beside as many others as there are rounds

local sockeye = require "sockeye"

local kind, rounds = arg[1], tonumber(arg[2])
local kinds = {}

function kinds.channel()
  local ch = sockeye.channel(64)
  sockeye.spawn(function()
    for i = 1, rounds do ch:put(i) end
    ch:close()
  end)
  local sum = 0
  for value in ch:values() do sum = sum + value end
  assert(sum == rounds * (rounds + 1) // 2)
end

function kinds.select()
  local a = sockeye.channel():close()
  local b = sockeye.channel():close()
  local c = sockeye.channel():close()
  for _ = 1, rounds do assert(sockeye.select { a, b, c }) end
end

function kinds.yield()
  for _ = 1, rounds do sockeye.yield() end
end

function kinds.sleep()
  for _ = 1, rounds do sockeye.sleep(0) end
end

function kinds.spawn()
  local function nothing() end
  for _ = 1, rounds do sockeye.spawn(nothing):join() end
end

function kinds.timer()
  for i = 1, rounds do
    sockeye.spawn(sockeye.sleep, 0.001 + i * 7919 % rounds / rounds / 1000)
  end
end

sockeye.run(kinds[kind])
print(rounds .. " rounds")
