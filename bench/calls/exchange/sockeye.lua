-- Rounds of send and recv of 64 bytes over a socketpair.

local sockeye = require "sockeye"

local rounds = tonumber(arg[1])
local bytes = {}
for i = 1, 64 do bytes[i] = i - 1 end
local data = string.char(table.unpack(bytes))

local a, b = sockeye.socketpair()
local got
for _ = 1, rounds do
  a:send(data)
  got = b:recv(64)
end
-- The bytes all differ: had any been lost, these would be others.
assert(got == data)
print("exchanged " .. rounds)
