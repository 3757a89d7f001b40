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
for _ = 1, rounds do
  a:send(data)
  b:receive(64)
end
-- The bytes all differ: had any been lost, the next would be others.
a:send(data)
assert(b:receive(64) == data)
print("exchanged " .. rounds)
