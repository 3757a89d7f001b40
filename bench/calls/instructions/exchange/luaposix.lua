-- Rounds of send and recv of 64 bytes over a socketpair.

local posix = require "posix.sys.socket"

local rounds = tonumber(arg[1])
local bytes = {}
for i = 1, 64 do bytes[i] = i - 1 end
local data = string.char(table.unpack(bytes))

local a, b = posix.socketpair(posix.AF_UNIX, posix.SOCK_STREAM, 0)
local send, recv = posix.send, posix.recv
for _ = 1, rounds do
  send(a, data)
  recv(b, 64)
end
-- The bytes all differ: had any been lost, the next would be others.
send(a, data)
assert(recv(b, 64) == data)
print("exchanged " .. rounds)
