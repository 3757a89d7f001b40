-- UDP datagrams over the loopback; see c.c.

local sockeye = require "sockeye"

local clock = os.clock
local method, size, count = arg[1], tonumber(arg[2]), tonumber(arg[3])
local batch <const>, burst <const> = 32, 64

local function open()
  return sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
end

local from, to = open(), open()
local address = to:getsockname()
local data = ("x"):rep(size)
local got

local list = {}
for i = 1, batch do list[i] = data end

local offload = { iov = data:rep(batch), name = address,
                  control = { gso_size = size } }
local joined = { iov = 65536, control = 64 }

local methods = {
  loop = {
    send = function()
      for _ = 1, batch do from:sendto(data, address) end
    end,
    receive = function()
      got = to:recvfrom(size)
      return 1
    end,
  },
  batch = {
    send = function() from:sendmany(list, address) end,
    receive = function()
      local all = to:recvmany(batch, size)
      got = all[1]
      return #all
    end,
  },
  offload = {
    send = function() from:sendmsg(offload) end,
    receive = function()
      local m = to:recvmsg(joined)
      got = m.data:sub(1, size)
      return #m.data // size
    end,
  },
}

if method == "offload" then to:setsockopt("UDP_GRO", true) end
local send, receive = methods[method].send, methods[method].receive
local sending, receiving = 0, 0
for _ = 1, count, burst do
  local start = clock()
  for _ = 1, burst, batch do send() end
  local middle = clock()
  local n = 0
  while n < burst do n = n + receive() end
  sending, receiving = sending + middle - start, receiving + clock() - middle
end
assert(got == data)
print(("sent in %.9f s, received in %.9f s"):format(sending, receiving))
