-- Scenarios: single calls, each with a system call of it that strace makes
-- fail. Such a scenario has system (the system call) and call (what the error
-- is to name), too; and except, a code that has another meaning there. System
-- calls by which a program is started (execve, read, close) cannot be among
-- them.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local M = {}

local function add(system, call, prepare)
  local scenario = kit.add(("%s by %s"):format(call, system), prepare)
  scenario.system, scenario.call = system, call
  M[#M + 1] = scenario
  return scenario
end

local function add_call(system, call, f, ...)
  local arguments = table.pack(...)
  add(system, call, function() return f, arguments, {} end)
end

--- A method of a new socket, with these arguments.
local function add_method(system, name, family, kind, ...)
  local arguments = table.pack(...)
  add(system, name, function()
    local s = sockeye.socket(family, kind)
    return s[name], { s, table.unpack(arguments, 1, arguments.n) }, { s }
  end)
end

--- A method of one end of a socketpair to whose other end 4 bytes were sent.
local function add_pair(system, name, seconds, ...)
  local arguments = table.pack(...)
  add(system, name, function()
    local a, b = sockeye.socketpair()
    b:send("data")
    a:settimeout(seconds)
    return a[name], { a, table.unpack(arguments, 1, arguments.n) }, { a, b }
  end)
end

local function listener(family, address)
  return sockeye.socket(family, "stream"):bind(address):listen()
end

local function add_accept(system, seconds)
  add(system, "accept", function()
    local l = listener("inet", "127.0.0.1:0")
    local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
    l:settimeout(seconds)
    return l.accept, { l }, { l, c }
  end)
end

-- The system reports by EAGAIN that a Unix socket's time has run out.
local function add_connect(system, seconds, family, address)
  local case = add(system, "connect", function()
    local l = listener(family, address)
    local c = sockeye.socket(family, "stream"):settimeout(seconds)
    return c.connect, { c, l:getsockname() }, { l, c }
  end)
  if family == "unix" then case.except = "EAGAIN" end
end

add_call("socket", "socket", sockeye.socket, "inet", "stream")
add_call("socketpair", "socketpair", sockeye.socketpair)
add_method("bind", "bind", "inet", "stream", "127.0.0.1:0")
add_method("listen", "listen", "inet", "stream")
add_accept("accept4", nil)
add_accept("accept4", 5)
add_accept("fcntl", 5)
add_connect("connect", nil, "inet", "127.0.0.1:0")
add_connect("connect", 5, "inet", "127.0.0.1:0")
add_connect("fcntl", 5, "inet", "127.0.0.1:0")
add_connect("connect", 5, "unix", sockeye.unix())
add_connect("getsockopt", 5, "unix", sockeye.unix())
add_connect("setsockopt", 5, "unix", sockeye.unix())
add_connect("fcntl", 5, "unix", sockeye.unix())
add_method("connect", "disconnect", "inet", "dgram")
add_method("getsockname", "getsockname", "inet", "dgram")
add_pair("getpeername", "getpeername", nil)
add_pair("shutdown", "shutdown", nil, "wr")
add_pair("fcntl", "fcntl", nil, "O_NONBLOCK")
add_method("getsockopt", "state", "inet", "stream")
add_method("getsockopt", "state", "unix", "stream")
add_method("getsockopt", "getsockopt", "inet", "stream", "SO_TYPE")
add_method("getsockopt", "getsockopt", "inet", "stream", "TCP_INFO")
add_method("setsockopt", "setsockopt", "inet", "stream", "SO_KEEPALIVE", true)
add_pair("sendto", "send", nil, "data")
add_pair("sendmsg", "sendall", nil, "data", "more")
add_pair("sendmmsg", "sendmany", nil, { "data", "more" })
add_pair("recvmmsg", "recvmany", nil, 4, 10)
add_pair("recvmmsg", "recvmany", 5, 4, { iov = 10, control = true })
add_pair("recvfrom", "recv", nil, 10)
add_pair("recvfrom", "recv", nil, 100000)
add_pair("recvfrom", "recvfrom", nil, 10)
add_pair("recvfrom", "read", 5, 10)
add_pair("sendmsg", "sendmsg", nil, { iov = { "data", "more" } })
add_pair("sendmsg", "sendmsg", 5,
         { iov = "data", control = { rights = { 0 } } })
add_pair("recvmsg", "recvmsg", nil, { iov = 10, control = true })
add_pair("recvmsg", "recvmsg", 5, { iov = { 2, 100000 } })
add_pair("recvmsg", "recvmsg", 5, { iov = 4, flags = "waitall" })
add("sendto", "sendto", function()
  local s = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  return s.sendto, { s, "data", s:getsockname() }, { s }
end)
add("sendto", "write", function()
  local a, b = sockeye.socketpair()
  return a.write, { a, "data" }, { a, b }
end)
add("write", "write", function()
  local r, w = sockeye.pipe()
  return w.write, { w, "data" }, { r, w }
end)
add("ppoll", "recv", function()
  local a, b = sockeye.socketpair()
  a:settimeout(0.001)
  return a.recv, { a, 1 }, { a, b }
end)
add("ppoll", "poll", function()
  local a, b = sockeye.socketpair()
  return sockeye.poll, { { [a] = "w" } }, { a, b }
end)
add_call("ppoll", "sleep", sockeye.sleep, 0.001)
add("ioctl", "sockatmark", function()
  local l = listener("inet", "127.0.0.1:0")
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return c.sockatmark, { c }, { l, c }
end)
for _, system in ipairs { "fcntl", "getsockopt", "getsockname" } do
  add(system, "adopt", function()
    local s = sockeye.socket("inet", "stream")
    return sockeye.adopt, { s:fd() }, { s }
  end)
end
add_call("pipe2", "pipe", sockeye.pipe)
-- dup3 on the machines that have no dup2.
add("/^dup[23]$", "dup2", function()
  local s = sockeye.socket("inet", "stream")
  local t = sockeye.socket("inet", "stream")
  return sockeye.dup2, { s, t:fd() }, { s, t }
end)
add_call("wait4", "waitpid", sockeye.waitpid, nil, "nohang")
add_call("kill", "kill", sockeye.kill, sockeye.getpid(), 0)
add_call("rt_sigaction", "signal", sockeye.signal, "SIGUSR1", "ignore")
-- fork where musl has it, clone elsewhere.
add_call("/^(clone|fork)$", "fork", function()
  local pid = sockeye.fork()
  if pid == 0 then sockeye._exit(0) end
  sockeye.waitpid(pid)
end)
add_call("socket", "getifaddrs", sockeye.interfaces)
add_call("bind", "getifaddrs", sockeye.interfaces)
add_call("sendto", "getifaddrs", sockeye.interfaces)
add_call("recvmsg", "getifaddrs", sockeye.interfaces)
add_call("ioctl", "if_nametoindex", sockeye.if_nametoindex, "lo")

return M
