-- Rounds of send and recv of 64 bytes over a socketpair.

local sockeye = require "sockeye"

local rounds = tonumber(arg[1])
local bytes = {}
for i = 1, 64 do bytes[i] = i - 1 end
local data = string.char(table.unpack(bytes))

local a, b = sockeye.socketpair()
for _ = 1, rounds do
  a:send(data)
  b:recv(64)
end
-- The bytes all differ: had any been lost, the next would be others.
a:send(data)
assert(b:recv(64) == data)
print("exchanged " .. rounds)
