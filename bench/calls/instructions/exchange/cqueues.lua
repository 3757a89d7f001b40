-- Rounds of write and read of 64 bytes over a socketpair, unbuffered when
-- written.

local socket = require "cqueues.socket"

local rounds = tonumber(arg[1])
local bytes = {}
for i = 1, 64 do bytes[i] = i - 1 end
local data = string.char(table.unpack(bytes))

local a, b = socket.pair()
a:setmode("b", "bn")
b:setmode("b", "bn")
for _ = 1, rounds do
  a:write(data)
  b:read(64)
end
-- The bytes all differ: had any been lost, the next would be others.
a:write(data)
assert(b:read(64) == data)
print("exchanged " .. rounds)
