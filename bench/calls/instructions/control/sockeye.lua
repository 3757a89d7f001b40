-- UDP datagrams received with control data; see c.c.

local sockeye = require "sockeye"

local kind, rounds = arg[1], tonumber(arg[2])
local s = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
s:connect(s:getsockname())
if kind == "ttl" or kind == "three" then s:setsockopt("IP_RECVTTL", true) end
if kind == "three" then
  s:setsockopt("IP_PKTINFO", true):setsockopt("SO_TIMESTAMPNS", true)
end

local data = ("\0"):rep(64)
local request = { iov = 64, control = 256 }
local receives = kind ~= "send"
local ttl
for _ = 1, rounds do
  s:send(data)
  if receives then ttl = s:recvmsg(request).control.ttl end
end
print(("%d rounds, ttl %d"):format(rounds, ttl or 0))
