-- Rounds of send and receive of 64 bytes over a TCP connection.

local socket = require "socket"

local rounds = tonumber(arg[1])
local bytes = {}
for i = 1, 64 do bytes[i] = i - 1 end
local data = string.char(table.unpack(bytes))

local listener = assert(socket.bind("127.0.0.1", 0))
local a = assert(socket.tcp())
-- Port numbers are floats with a fraction of zero under Lua 5.4.
local host, port = listener:getsockname()
assert(a:connect(host, math.tointeger(tonumber(port))))
local b = assert(listener:accept())
assert(a:setoption("tcp-nodelay", true))
local got
for _ = 1, rounds do
  a:send(data)
  got = b:receive(64)
end
-- The bytes all differ: had any been lost, these would be others.
assert(got == data)
print("exchanged " .. rounds)
