-- OPERATION N: makes N calls that can proceed. All else is the same for every
-- N, and nothing is closed at the end.

local socket = require "socket"

local operation, n = arg[1], tonumber(arg[2])
local most <const> = 200

local function listen()
  local listener = assert(socket.tcp4())
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(most))
  local host, port = listener:getsockname()
  return listener, host, math.tointeger(tonumber(port))
end

local function pair()
  local listener, host, port = listen()
  local a = assert(socket.tcp4())
  assert(a:connect(host, port))
  return a, assert(listener:accept())
end

local function clients()
  local list = {}
  for i = 1, most do list[i] = assert(socket.tcp4()) end
  return list
end

local run = {}

function run.send()
  local a, b = pair()
  for _ = 1, n do assert(a:send("x") == 1) end
  return a, b
end

-- It keeps up to 8,192 bytes that it has received beyond what was asked for:
-- each call is given bytes of its own.
function run.recv()
  local a, b = pair()
  for i = 1, most do
    assert(a:send("x") == 1)
    if i <= n then assert(b:receive(1) == "x") end
  end
end

function run.accept()
  local listener, host, port = listen()
  local list, accepted = clients(), {}
  for _, client in ipairs(list) do assert(client:connect(host, port)) end
  for i = 1, n do accepted[i] = assert(listener:accept()) end
  return listener, accepted
end

function run.connect()
  local listener, host, port = listen()
  local list = clients()
  for i = 1, n do assert(list[i]:connect(host, port)) end
  return listener, list
end

collectgarbage "stop"
run[operation]()
print(operation .. " " .. n)
io.flush()
os.exit(0, false)
