-- UDP datagrams over the loopback, a call each; see c.c.

local socket = require "socket"

local clock = os.clock
local size, count = tonumber(arg[2]), tonumber(arg[3])
local burst <const> = 64

local function open()
  local s = assert(socket.udp())
  assert(s:setsockname("127.0.0.1", 0))
  return s
end

local from, to = open(), open()
local host, port = to:getsockname()
local data = ("x"):rep(size)
local got

local sending, receiving = 0, 0
for _ = 1, count, burst do
  local start = clock()
  for _ = 1, burst do from:sendto(data, host, port) end
  local middle = clock()
  for _ = 1, burst do got = to:receivefrom(size) end
  sending, receiving = sending + middle - start, receiving + clock() - middle
end
assert(got == data)
print(("sent in %.9f s, received in %.9f s"):format(sending, receiving))
