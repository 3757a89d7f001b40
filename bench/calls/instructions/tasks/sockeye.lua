-- sockeye.lua channel|select ROUNDS: an item through a channel of 64 from one
-- task to another; a select over three channels that are ready.

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

sockeye.run(kinds[kind])
print(rounds .. " rounds")
