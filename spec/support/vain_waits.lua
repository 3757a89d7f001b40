-- Runs each call on sockets that poll(2) reports ready for ever though the call
-- cannot go on, under a deadline, and prints how each ended. Between two cases
-- it calls getppid, by which a trace of system calls is cut into pieces.
--
-- arg[1]: "outside" of tasks or "inside" of one, which waits by SOCKEYE_POLLER.

local sockeye = require "sockeye"

local limit <const> = 0.1
local big <const> = ("x"):rep(1 << 22)

-- A datagram socket whose error queue holds what a peer's host has reported.
local function refused()
  local u = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  local nobody <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  local address = nobody:getsockname()
  nobody:close()
  u:setsockopt("IP_RECVERR", true):sendto("x", address)
  sockeye.wait(u, "r", 5)
  pcall(u.recv, u, 1)
  return u
end

local function connected_udp()
  local a = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  local b = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  return a:connect(b:getsockname()), b
end

local function tcp()
  local l <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
  l:listen(1)
  local a = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return a, (l:accept())
end

-- One whose error queue holds the time at which a byte was sent.
local function stamped(a, b)
  a:setsockopt("SO_TIMESTAMPING", 1 << 1 | 1 << 4)
  a:send("x")
  sockeye.wait(a, "p", 5)
  return a, b
end

local function shut(a, b)
  return a:shutdown("rd"), b
end

-- What the peer's buffer still takes goes there a little later.
local function full(a, b)
  local idle = 0
  a:settimeout(0):setsockopt("SO_SNDBUF", 4096)
  b:setsockopt("SO_RCVBUF", 4096)
  while idle < 5 do
    idle = a:send(big) and 0 or idle + 1
    if idle > 0 then sockeye.sleep(0.005) end
  end
  a:settimeout(nil)
  return a, b
end

local listeners = 0

-- A listener of a name that no other has.
local function listener(kind, backlog)
  listeners = listeners + 1
  local name <const> = "unix:@vain%d-%d"
  return sockeye.socket("unix", kind)
    :bind(name:format(sockeye.getpid(), listeners)):listen(backlog)
end

-- A socket, and a listener whose queue is full: to poll(2), the socket can be
-- written.
local function crowded(kind)
  local l = listener(kind, 0)
  local _ <close> = sockeye.socket("unix", kind):connect(l:getsockname())
  return sockeye.socket("unix", kind), l
end

-- A connection that is shut, with data of the script's memory that the peer
-- takes no more: poll(2) reports the end, and the kernel reports nothing.
local function pinned()
  local a, b = tcp()
  b:setsockopt("SO_RCVBUF", 4096)
  a:setsockopt("SO_SNDBUF", 1 << 23)
  a:send(big)
  a:send(("x"):rep(20000), "zerocopy")
  return a:shutdown "rdwr", b
end

local reading = {
  recv = function(s) return s:recv(10) end,
  ["recv of all"] = function(s) return s:recv(10, "waitall") end,
  recvfrom = function(s) return s:recvfrom(10) end,
  recvmsg = function(s) return s:recvmsg { iov = 10 } end,
  recvmany = function(s) return s:recvmany(3, 10) end,
  read = function(s) return s:read(10) end,
  ["stream's read"] = function(s) return sockeye.stream(s):read(10) end,
  ["stream's lines"] = function(s) return sockeye.stream(s):lines()() end,
  pipe = function(s)
    local c, _ <close> = sockeye.socketpair()
    return sockeye.stream(s):pipe(sockeye.stream(c))
  end,
  splice = function(s)
    local c, _ <close> = sockeye.socketpair()
    return sockeye.splice(s, c, 100)
  end,
  ["splice to a pipe"] = function(s)
    local _, w <close> = sockeye.pipe()
    return sockeye.splice(s, w, 100)
  end,
}

local writing = {
  send = function(s) return s:send "x" end,
  sendto = function(s) return s:sendto "x" end,
  sendall = function(s) return s:sendall("x", "y") end,
  sendmsg = function(s) return s:sendmsg { iov = "x" } end,
  sendmany = function(s) return s:sendmany { "x", "y" } end,
  write = function(s) return s:write "x" end,
  ["stream's write"] = function(s)
    return sockeye.stream(s):write(big):flush()
  end,
  ["stream's close"] = function(s)
    return sockeye.stream(s):setvbuf("full"):write("x"):close()
  end,
  sendfile = function(s)
    local f <close> = io.tmpfile()
    f:write(big)
    f:seek "set"
    return s:sendfile(f)
  end,
  pipe = function(s)
    local c, d <close> = sockeye.socketpair()
    d:send "x"
    return sockeye.stream(c):pipe(sockeye.stream(s))
  end,
}

local accepting = { accept = function(s) return s:accept() end }
local connecting = {
  connect = function(s, l) return s:connect(l:getsockname()) end,
}
local unpinning = {
  zerocopy_wait = function(s) return s:zerocopy_wait() end,
}

-- A socket, its peer, and the calls that cannot go on.
local causes = {
  { "errors reported", refused, reading },
  { "time of a datagram",
    function() return stamped(connected_udp()) end, reading },
  { "time of a segment", function() return stamped(tcp()) end, reading },
  { "time of a segment",
    function() return full(stamped(tcp())) end, writing },
  { "end of a udp socket",
    function() return shut(connected_udp()) end, reading },
  { "end of a unix socket",
    function() return shut(sockeye.socketpair("unix", "dgram")) end, reading },
  { "end of a listener",
    function() return shut(listener("stream", 1)) end, accepting },
  { "end of a listener of records",
    function() return shut(listener("seqpacket", 1)) end, accepting },
  { "full queue of a listener",
    function() return crowded "stream" end, connecting },
  { "full queue of a listener of records",
    function() return crowded "seqpacket" end, connecting },
  { "end of a connection", pinned, unpinning },
}

local ways = {
  ["time-out"] = function(call, s, peer)
    s:settimeout(limit)
    return pcall(call, s, peer)
  end,
  deadline = function(call, s, peer)
    return pcall(sockeye.timeout, limit, call, s, peer)
  end,
}

-- A close raises no deadline: it sends what fits, and returns. Reading ends
-- where it was shut down.
local function expected(title, name, way)
  return title:find "^end of a u" and "returned" or
    name == "stream's close" and way == "deadline" and "returned" or
    "timed out"
end

local function describe(ok, err)
  if ok then return "returned" end
  return type(err) == "table" and err.timeout and "timed out" or tostring(err)
end

local function run()
  for _, cause in ipairs(causes) do
    local title, make, calls = cause[1], cause[2], cause[3]
    for name, call in pairs(calls) do
      for way, under in pairs(ways) do
        local s, peer = make()
        sockeye.getppid()
        local how = describe(under(call, s, peer))
        sockeye.getppid()
        local right = how == expected(title, name, way)
        local outcome = right and "as expected" or "wrong"
        print(table.concat({ title, name, way, how, outcome }, "\t"))
        s:close()
        if peer then peer:close() end
      end
    end
  end
end

io.stdout:setvbuf "no"
if arg[1] == "inside" then sockeye.run(run) else run() end
