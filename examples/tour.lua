-- A tour of the socket calls: TCP, UDP and Unix sockets in one process, each
-- step with the sockets as they print.

local sockeye = require "sockeye"

local steps, caught = 0, 0

local function title(text)
  print("\n" .. text)
end

local function step(text, ...)
  steps = steps + 1
  local values = {}
  for i = 1, select("#", ...) do values[i] = tostring((select(i, ...))) end
  print(("  %-34s %s"):format(text, table.concat(values, "  ")))
end

local function show(text, s)
  step(text, s, s:state())
end

-- Runs f(...), which is to raise an error with this code.
local function fails(text, code, f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok and sockeye.is_error(err, code), err)
  caught = caught + 1
  step(text, err)
end

local function tcp()
  title "TCP: a connection, and a half-close"
  local listener <close> = sockeye.socket("inet", "stream")
  show("socket", listener)
  show("bind to port 0", listener:bind("127.0.0.1:0"))
  show("listen", listener:listen())

  local client <close> = sockeye.socket("inet", "stream")
  show("connect", client:connect(listener:getsockname()))
  local server <close>, peer = listener:accept()
  show("accept", server)
  step("the peer", peer)

  client:sendall("what is ", "2 + 2?")
  client:shutdown("wr")
  show("the client asks, and half-closes", client)
  step("the server reads the question", server:recv(100, "waitall"))
  step("the server reads the end", server:recv(100))
  show("the server is half-closed", server)
  server:sendall("4")
  step("the client can still hear", client:recv(100))
  server:close()
  step("the server closes", server)
  step("the client reads the end", client:recv(100))

  fails("a port that is taken", "EADDRINUSE", function()
    local other <close> = sockeye.socket("inet", "stream")
    other:bind(listener:getsockname())
  end)
  local address = listener:getsockname()
  listener:close()
  fails("a port where nobody listens", "ECONNREFUSED", function()
    local other <close> = sockeye.socket("inet", "stream")
    other:connect(address)
  end)
end

local function udp()
  title "UDP: datagrams"
  local a <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  local b <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  show("bind", a)
  show("bind", b)
  step("sendto, bytes", a:sendto("ping", b:getsockname()))
  local data, from = b:recvfrom(100)
  step("recvfrom", data, "from", from)
  assert(from == a:getsockname())
  show("connect", a:connect(b:getsockname()))
  b:sendto("", from)
  step("an empty datagram is no end", ("%q"):format(a:recv(100)))
  b:sendto(("x"):rep(1000), from)
  data, from = a:recv(10)
  step("one that is cut, and its length", data, from)
  fails("no datagram in time", "ETIMEDOUT", a.recv, a:settimeout(0.05), 100)
  a:settimeout(0)
  step("nor at once: would block", a:recv(100))
end

local function unix()
  title "Unix sockets: on this host only"
  local path = os.tmpname()
  os.remove(path)
  local listener <close> = sockeye.socket("unix", "stream")
  show("bind to a path", listener:bind("unix:" .. path))
  show("listen", listener:listen())
  local client <close> = sockeye.socket("unix", "stream")
  show("connect", client:connect(listener:getsockname()))
  local server <close> = listener:accept()
  step("the peer's process", server:getsockopt("SO_PEERCRED").pid, "is ours",
       sockeye.getpid())
  client:sendall("hello")
  step("talk", server:recv(100))
  client:shutdown("rdwr")
  step("shut down: the end", server:recv(100))
  os.remove(path)
  fails("the path is gone", "ENOENT", function()
    local other <close> = sockeye.socket("unix", "stream")
    other:connect("unix:" .. path)
  end)

  local a, b = sockeye.socketpair()
  show("socketpair", a)
  b:close()
  fails("a peer that is gone", "EPIPE", a.send, a, "anyone?")
  fails("a closed socket", "EBADF", b.send, b, "anyone?")
  a:close()
end

local function processes()
  title "Processes: parent and child share a socket pair"
  local a, b = sockeye.socketpair()
  io.flush()
  local pid = sockeye.fork()
  if pid == 0 then
    a:close()
    b:sendall("hello from process " .. sockeye.getpid())
    sockeye._exit(7)
  end
  b:close()
  step("the parent reads", a:recv(100))
  step("and the end", a:recv(100))
  a:close()
  step("waitpid", select(2, sockeye.waitpid(pid)))
end

tcp()
udp()
unix()
processes()
print(("\n%d steps, and %d errors raised and caught."):format(steps, caught))
