-- Whether the library works: a little of each floor.

local sockeye = require "sockeye"

local function check_sockets()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  a:sendall "data"
  assert(b:recv(10) == "data", "a socket")
end

local function check_tcp()
  local listener <close> = sockeye.listen "127.0.0.1:0"
  local c <close> = sockeye.connect(tostring(listener:getsockname()))
  local s <close> = listener:accept()
  c:write "data":flush()
  assert(s:recv(10) == "data", "a connection")
end

local function check_streams()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  local stream <close> = sockeye.stream(a)
  b:sendall "line\nrest"
  assert(stream:read() == "line", "a stream")
  stream:write "answer":flush()
  assert(b:recv(10) == "answer", "a stream's output")
end

local function check_tasks()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  local total = 0
  local task = sockeye.spawn(function()
    total = total + #a:recv(10)
  end)
  sockeye.sleep(0)
  b:sendall "data"
  task:join()
  assert(total == 4, "a task")
  assert(not pcall(sockeye.timeout, 0, sockeye.sleep, 10), "a deadline")
end

local function check_messages()
  local a <close>, b = sockeye.socketpair()
  local _ <close> = b
  a:sendmsg { iov = { "da", "ta" }, control = { rights = { a } } }
  local message = b:recvmsg { iov = 10, control = true }
  assert(message.data == "data", "a message")
  message.control.rights[1]:close()
end

return function()
  check_sockets()
  check_tcp()
  check_streams()
  check_messages()
  sockeye.run(check_tasks)
  sockeye.run(check_tasks)
  assert(sockeye.resolve("127.0.0.1", "80")[1], "a look-up")
end
