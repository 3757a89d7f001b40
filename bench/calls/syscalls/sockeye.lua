-- OPERATION N: makes N calls that can proceed. All else is the same for every
-- N, and nothing is closed at the end.

local sockeye = require "sockeye"

local operation, n = arg[1], tonumber(arg[2])
local most <const> = 200

local function listen()
  return sockeye.socket("inet", "stream"):bind("127.0.0.1:0"):listen(most)
end

local function clients()
  local list = {}
  for i = 1, most do list[i] = sockeye.socket("inet", "stream") end
  return list
end

local run = {}

function run.send()
  local a, b = sockeye.socketpair()
  for _ = 1, n do assert(a:send("x") == 1) end
  return a, b
end

function run.recv()
  local a, b = sockeye.socketpair()
  a:sendall(("x"):rep(most))
  for _ = 1, n do assert(b:recv(1) == "x") end
end

function run.accept()
  local listener, list, accepted = listen(), clients(), {}
  local address = listener:getsockname()
  for _, client in ipairs(list) do client:connect(address) end
  for i = 1, n do accepted[i] = assert(listener:accept()) end
  return listener, accepted
end

function run.connect()
  local listener, list = listen(), clients()
  local address = listener:getsockname()
  for i = 1, n do assert(list[i]:connect(address)) end
end

collectgarbage "stop"
run[operation]()
print(operation .. " " .. n)
io.flush()
sockeye._exit(0)
