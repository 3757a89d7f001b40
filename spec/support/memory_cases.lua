-- Calls that are made with too little memory: a list of { name, prepare },
-- where prepare() gives a function, its arguments in a list, and a list of
-- what is to be closed afterwards.

local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local M = {}

local function add(name, prepare) M[#M + 1] = { name, prepare } end

--- A call without anything to prepare.
local function add_call(name, f, ...)
  local arguments = table.pack(...)
  add(name, function() return f, arguments, {} end)
end

local function listener(family, address)
  return sockeye.socket(family or "inet", "stream")
    :bind(address or "127.0.0.1:0"):listen()
end

local function datagram()
  return sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
end

--- A method of one end of a socketpair, once the other end has sent data.
local function add_pair(name, data, method, ...)
  local arguments = table.pack(...)
  add(name, function()
    local a, b = sockeye.socketpair()
    if data then b:send(data) end
    return a[method], { a, table.unpack(arguments, 1, arguments.n) },
      { a, b }
  end)
end

-- Addresses.
add_call("inet", sockeye.inet, "127.0.0.1", 80)
add_call("inet6", sockeye.inet6, "fe80::1%lo", 80, { flowinfo = 5 })
add_call("unix", sockeye.unix, "/" .. ("p"):rep(107))
add_call("address", sockeye.address, "[fe80::1%lo]:80")
add_call("address of no address", pcall, sockeye.address, "nonsense")
add_call("unpack", sockeye.unpack, sockeye.inet6():pack())
add_call("printing an inet6 address", tostring,
         sockeye.inet6("fe80::1%lo", 80))
add_call("printing a unix address", tostring,
         sockeye.unix("\0" .. ("n"):rep(107)))
add_call("printing another address", tostring,
         sockeye.unpack("\99\0" .. ("x"):rep(126)))
add_call("packet", sockeye.packet, "lo", "arp",
         { address = "02:42:ac:11:00:02", hatype = "ether" })
add_call("address of the link layer", sockeye.address,
         "packet:lo/arp/02:42:ac:11:00:02")
add_call("printing a packet address", tostring,
         sockeye.packet("lo", 0x1234, { address = "12345678", pkttype = 9 }))
add_call("printing a vsock address", tostring, sockeye.vsock("any", 5))
add_call("fields", function(a)
  return a.family, a.host, a.port, a.path, a.bytes, a:pack(), a:key()
end, sockeye.inet6("1111:2222:3333:4444:5555:6666:7777:8888", 80))
add_call("unmap", function(a) return a:unmap() end,
         sockeye.inet6("::ffff:1.2.3.4"))

-- Sockets.
add_call("socket", sockeye.socket, "inet", "stream", "tcp")
add_call("socket that fails", pcall, sockeye.socket, "inet", "seqpacket", 99)
add_call("socket of an unknown name", pcall, sockeye.socket, "inett",
         "stream")
add_call("socketpair", sockeye.socketpair)
add("adopt", function()
  local s = sockeye.socket("inet", "stream")
  return function(fd) return sockeye.adopt(fd):detach() end, { s:fd() },
    { s }
end)
add("tostring", function()
  local a, b = sockeye.socketpair()
  local s = datagram()
  s:connect(s:getsockname())
  return function()
    return tostring(s), tostring(a)
  end, {}, { s, a, b }
end)
add("settimeout and gettimeout", function()
  local s = sockeye.socket("inet", "stream")
  return function() return s:settimeout(2):gettimeout() end, {}, { s }
end)
add("fcntl", function()
  local s = sockeye.socket("inet", "stream")
  return function()
    return s:fcntl("O_NONBLOCK", true):fcntl("O_NONBLOCK"), s:fd()
  end, {}, { s }
end)
add("close in a scope", function()
  return function()
    local s <close> = sockeye.socket("inet", "stream")
    local t <close> = sockeye.socket("inet", "stream")
    return s:fd(), t:fd()
  end, {}, {}
end)
add("bind, listen, getsockname", function()
  local s = sockeye.socket("inet", "stream")
  return function() return s:bind("127.0.0.1:0"):listen():getsockname() end,
    {}, { s }
end)
add("accept", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return l.accept, { l }, { l, c }
end)
add("accept of a unix connection, with a time-out", function()
  local l = listener("unix", sockeye.unix()):settimeout(1)
  local c = sockeye.socket("unix", "stream"):connect(l:getsockname())
  return l.accept, { l }, { l, c }
end)
add("accept that times out", function()
  local l = listener():settimeout(1e-9)
  return pcall, { l.accept, l }, { l }
end)
for _, seconds in ipairs { false, 1 } do
  add("connect with time-out " .. tostring(seconds), function()
    local l = listener()
    local c = sockeye.socket("inet", "stream"):settimeout(seconds or nil)
    return c.connect, { c, tostring(l:getsockname()) }, { l, c }
  end)
  add("refused connect with time-out " .. tostring(seconds), function()
    local l = listener()
    local name = tostring(l:getsockname())
    l:close()
    local c = sockeye.socket("inet", "stream"):settimeout(seconds or nil)
    return pcall, { c.connect, c, name }, { c }
  end)
end
add("getpeername, state, shutdown, disconnect", function()
  local s = datagram()
  return function()
    local peer = s:connect(s:getsockname()):getpeername()
    return peer, s:state(), s:shutdown("wr"), s:disconnect()
  end, {}, { s }
end)
add("an error that is raised and printed", function()
  local s = sockeye.socket("inet", "stream")
  return function()
    local ok, err = pcall(s.getpeername, s)
    assert(not ok)
    return tostring(err), sockeye.is_error(err, "ENOTCONN")
  end, {}, { s }
end)

-- Transfer.
add_pair("recv of little", "data", "recv", 100)
add_pair("recv of little, much asked for", "data", "recv", 1 << 30)
add_pair("recv of much", ("x"):rep(100000), "recv", 100000)
add_pair("recv with flags", ("x"):rep(100), "recv", 100, "peek dontwait")
add_pair("recv of all", ("x"):rep(100000), "recv", 100000, "waitall")
add("recv of all that times out", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  a:settimeout(1e-3)
  return pcall, { a.recv, a, 100000, "waitall" }, { a, b }
end)
add("recv of all in several pieces", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  b:close()
  return a.recv, { a, 100000, "waitall" }, { a }
end)
add_pair("recv that would wait", nil, "recv", 1, "dontwait")
add_pair("recvfrom", "data", "recvfrom", 100)
add_pair("read", "data", "read", 100)
add_pair("read of much", ("x"):rep(100000), "read", 100000)
add_pair("write", nil, "write", "data")
add_pair("send", nil, "send", "data", "more")
add_pair("sendall", nil, "sendall", "data", "more", 5, ("x"):rep(10000))
add("sendall of many", function()
  local a, b = sockeye.socketpair()
  local strings = { a }
  for i = 1, 300 do strings[i + 1] = "string " .. i end
  return a.sendall, strings, { a, b }
end)
add("sendall of a datagram", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  return a.sendall, { a, "data", 5, ("x"):rep(1000) }, { a, b }
end)
add("sendall that fails midway", function()
  local a, b = sockeye.socketpair()
  b:close()
  return pcall, { a.sendall, a, "data", "more" }, { a }
end)
add("sendall that would wait", function()
  local a, b = sockeye.socketpair()
  return a.settimeout(a, 0).sendall, { a, ("x"):rep(1 << 20) }, { a, b }
end)
add("sendto and recvfrom", function()
  local s = datagram()
  return function(name)
    s:sendto("data", name)
    return s:recvfrom(100)
  end, { tostring(s:getsockname()) }, { s }
end)
add("a datagram that is cut", function()
  local s = datagram()
  s:sendto(("x"):rep(20000), s:getsockname())
  return s.recvfrom, { s, 10000 }, { s }
end)
add("sendfile of a path", function()
  local a, b = sockeye.socketpair()
  return a.sendfile, { a, "/proc/version" }, { a, b }
end)
add("sendfile of a Lua file", function()
  local a, b = sockeye.socketpair()
  local file = io.open "tools/specs"
  return a.sendfile, { a, file, 10, 100 }, { a, b, file }
end)
add("sendfile that would wait", function()
  local a, b = sockeye.socketpair()
  return a.settimeout(a, 0).sendfile, { a, "build/sockeye/core.so" }, { a, b }
end)
add("sendfile that fails", function()
  local a, b = sockeye.socketpair()
  b:close()
  return pcall, { a.sendfile, a, "tools/specs" }, { a }
end)
add("splice", function()
  local a, b = sockeye.socketpair()
  local c, d = sockeye.socketpair()
  b:sendall "data"
  b:close()
  return a.splice, { a, c }, { a, c, d }
end)
add("splice that would wait, with what it holds", function()
  local a, b = sockeye.socketpair()
  local c, d = sockeye.socketpair()
  b:sendall(("x"):rep(100000))
  repeat until not c:send(("x"):rep(10000), "dontwait")
  return a.splice, { a:settimeout(0), c:settimeout(0) }, { a, b, c, d }
end)
add_call("splice of files", function()
  local from <close> = io.open "tools/specs"
  local to <close> = io.tmpfile()
  return sockeye.splice(from, to, nil, { offset_in = 3 })
end)
add("sendmany and recvmany", function()
  local s = datagram()
  return function(name)
    s:sendmany({ "one", { iov = { "two", "" }, name = name }, "three",
                 { iov = ("x"):rep(20000), control = { ttl = 5 } } }, name)
    s:sendmany({ "four", "five" }, { name, s:getsockname() })
    return s:recvmany(64, 10)
  end, { tostring(s:getsockname()) }, { s }
end)
add("recvmany of control data and descriptors", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  local list = {}
  for i = 1, 4 do list[i] = { iov = "x", control = { rights = { a, b } } } end
  a:sendmany(list)
  return function()
    for _, m in ipairs(b:recvmany(8, { iov = { 1, 1 }, control = true })) do
      for _, s in ipairs(m.control.rights) do s:close() end
    end
  end, {}, { a, b }
end)
add("recvmany of descriptors as numbers", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  local list = {}
  for i = 1, 4 do list[i] = { iov = "x", control = { rights = { a, b } } } end
  a:sendmany(list)
  local request = { iov = 1, control = true, rights = "numbers" }
  local messages = {}
  local function close()
    for _, m in ipairs(messages) do
      for _, fd in ipairs(m.control.rights) do sockeye.adopt(fd):close() end
    end
  end
  return function() messages = b:recvmany(8, request) end, {},
    { a, b, { close = close } }
end)
add("sendmany that fails midway", function()
  local s = datagram()
  return pcall, { s.sendmany, s, { "one", { iov = ("x"):rep(70000) } },
                  tostring(s:getsockname()) }, { s }
end)
add("recvmany that would wait", function()
  local s = datagram()
  return s.recvmany, { s, 100, 100000, "dontwait" }, { s }
end)
add("send without copies", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return function()
    c:send("data", "zerocopy")
    c:sendmsg { iov = { "more", "data" }, flags = "zerocopy" }
    return c:zerocopy_wait "dontwait"
  end, {}, { c, l }
end)

-- Messages: two ends of a Unix stream; what comes is f's to close.
local function add_message(name, control, f, option)
  add(name, function()
    local a, b = sockeye.socketpair()
    if option then b:setsockopt(option, true) end
    a:sendmsg { iov = { "da", "ta" }, control = control(a, b) }
    return function() return f(b, a) end, {}, { a, b }
  end)
end

local function rights(a, b) return { rights = { a, b, a:fd(), io.stdout } } end

add_message("sendmsg of descriptors", rights, function(b)
  return b:sendmsg { iov = { "data", ("x"):rep(9999) }, control = rights(b, b) }
end)
add_message("sendmsg of much control data", rights, function(b)
  local list = { credentials = {} }
  for i = 1, 100 do
    list[i] = { level = sockeye.SOL_SOCKET, type = 1, data = "" }
  end
  return b:sendmsg { iov = "data", control = list }
end)
add("sendmsg of other control data, to a name", function()
  local s = datagram()
  return s.sendmsg, { s, {
    iov = { "data", "more" }, name = tostring(s:getsockname()),
    control = { ttl = 5, pktinfo = { interface = "lo",
                                     address = "127.0.0.1" } },
  } }, { s }
end)
add("sendmsg of a wrong kind", function()
  local s = datagram()
  return pcall, { s.sendmsg, s, { iov = "data", control = { tll = 5 } } },
    { s }
end)
for _, room in ipairs { true, 20, 5000 } do
  add_message("recvmsg of descriptors, room " .. tostring(room), rights,
              function(b)
    return b:recvmsg { iov = { 1, 1, 9 }, control = room }
  end)
end
add_message("recvmsg of descriptors that are peeked at", rights, function(b)
  b:recvmsg { iov = 9, control = true, flags = "peek" }
  return b:recvmsg { iov = 9, control = true }
end)
add_message("recvmsg of descriptors, all of them to come", rights, function(b)
  return b:settimeout(0):recvmsg { iov = 9, control = true, flags = "waitall" }
end)
add("recvmsg of descriptors as numbers", function()
  local a, b = sockeye.socketpair()
  a:sendmsg { iov = "x", control = rights(a, b) }
  local request = { iov = { 1 }, control = true, rights = "numbers" }
  local message
  local function close()
    for _, fd in ipairs(message and message.control.rights or {}) do
      sockeye.adopt(fd):close()
    end
  end
  return function() message = b:recvmsg(request) end, {},
    { a, b, { close = close } }
end)
add_message("recvmsg of credentials and descriptors", rights, function(b)
  return b:recvmsg { iov = 9, control = true }
end, "SO_PASSCRED")
add("recvmsg of a datagram's control data", function()
  local s = datagram()
  for _, option in ipairs { "IP_PKTINFO", "IP_RECVTTL", "SO_TIMESTAMPNS",
                            "IP_RECVORIGDSTADDR" } do
    s:setsockopt(option, true)
  end
  s:sendto(("x"):rep(100000 // 2), s:getsockname())
  return s.recvmsg, { s, { iov = { 100000, 1 }, control = true } }, { s }
end)
add("recvmsg from the error queue", function()
  local s, gone = datagram(), datagram()
  local name = gone:getsockname()
  gone:close()
  s:setsockopt("IP_RECVERR", true):sendto("data", name)
  sockeye.poll({ [s] = "p" }, 20)
  return s.recvmsg, { s, { iov = 9, control = true, flags = "errqueue" } },
    { s }
end)
add("recvmsg of all that times out", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  a:settimeout(1e-3)
  return pcall, { a.recvmsg, a, { iov = { 100000 }, flags = "waitall" } },
    { a, b }
end)
add("recvmsg of all in several pieces", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  b:close()
  return a.recvmsg, { a, { iov = 100000, flags = "waitall" } }, { a }
end)

add("sockatmark", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return c.sockatmark, { c }, { c, l }
end)
add("poll", function()
  local a, b = sockeye.socketpair()
  b:send("data")
  return sockeye.poll, { { [a] = "rw", [b:fd()] = "r", [io.stdout] = "p" },
                         0 }, { a, b }
end)
add_call("sleep and now", function()
  sockeye.sleep(0)
  return sockeye.now()
end)

-- Tasks.
add_call("run with tasks that wait", function()
  return sockeye.run(function()
    local a, b = sockeye.socketpair()
    local ch = sockeye.channel(1)
    local t = sockeye.spawn(function()
      for data in function() return b:recv(100) end do ch:put(data) end
      ch:close()
    end)
    for _ = 1, 3 do a:sendall "data" end
    sockeye.sleep(0)
    a:close()
    local count = 0
    for value in ch:values() do count = count + #value end
    t:join()
    b:close()
    return count
  end)
end)
add_call("run with groups, deadlines and coroutines", function()
  return sockeye.run(function()
    local ok, err = pcall(sockeye.timeout, 0, sockeye.group, function(g)
      g:spawn(sockeye.sleep, 10)
      g:spawn(sockeye.wrap(function() sockeye.sleep(10) end))
    end)
    assert(not ok and (sockeye.is_error(err) or err:find "memory"), err)
    local a, b = sockeye.socketpair()
    sockeye.poll({ [a] = "r", [b] = "rw" })
    return #sockeye.tasks()
  end)
end)
-- What fails by itself, with an error of this pattern.
local function add_failing(name, pattern, main)
  add_call(name, function()
    local ok, err = pcall(sockeye.run, main)
    assert(not ok)
    if not tostring(err):find(pattern) then error(err, 0) end
  end)
end

add_failing("run whose task fails", "reason", function()
  local a, b = sockeye.socketpair()
  sockeye.spawn(a.recv, a, 1)
  sockeye.spawn(error, "reason")
  b:recv(1)
end)
add_failing("a deadlock", "deadlock", function()
  sockeye.channel():get()
end)
add("a loop that is stepped", function()
  local loop = sockeye.loop(function()
    local a, b = sockeye.socketpair()
    sockeye.spawn(function() b:send "x" end)
    return a:recv(1)
  end)
  return function()
    for _ = 1, 5 do
      if not loop:step(1) then break end
    end
  end, {}, { loop }
end)

-- Options.
for _, option in ipairs(sockeye.options()) do
  local raw = option.type == "filter"
  if option.readable and option.level == "SOL_SOCKET" and not raw then
    add("getsockopt of " .. option.name, function()
      local a, b = sockeye.socketpair()
      return pcall, { a.getsockopt, a, option.name }, { a, b }
    end)
  end
end
add_call("options", sockeye.options)
add("getsockopt of TCP_INFO", function()
  local l = listener()
  return l.getsockopt, { l, "TCP_INFO" }, { l }
end)
add("getsockopt of bytes", function()
  local l = listener()
  return l.getsockopt, { l, "IPPROTO_TCP", "TCP_INFO", 4096 }, { l }
end)
add("setsockopt and getsockopt of a filter", function()
  local s = sockeye.socket("inet", "dgram")
  return function()
    s:setsockopt("SO_ATTACH_FILTER", { { 6, 0, 0, 1 }, { 6, 0, 0, 0 } })
    s:setsockopt("SO_ATTACH_FILTER", "2\n6 0 0 1\n6 0 0 0\n")
    return s:getsockopt("SO_ATTACH_FILTER")
  end, {}, { s }
end)
add_call("setsockopt of no filter", function()
  local s <close> = sockeye.socket("inet", "dgram")
  return pcall(s.setsockopt, s, "SO_ATTACH_FILTER", "1\n6 0 0 nonsense")
end)
add("setsockopt", function()
  local s = datagram()
  return function()
    s:setsockopt("SO_REUSEADDR", true):setsockopt("SO_LINGER", 5)
    s:setsockopt("SO_RCVTIMEO", 1.5)
    s:setsockopt("SOL_SOCKET", "SO_RCVBUF", 10000)
    s:setsockopt("IP_MULTICAST_IF", "lo")
    s:setsockopt("IP_ADD_MEMBERSHIP",
                 { group = "239.1.2.3", interface = "lo" })
    s:setsockopt("IP_DROP_MEMBERSHIP",
                 { group = sockeye.inet("239.1.2.3"), interface = "lo" })
  end, {}, { s }
end)
add("a filter of multicast sources", function()
  local s = datagram()
  local of = { group = "239.1.2.4", interface = "127.0.0.1" }
  return function()
    s:setsockopt("MCAST_JOIN_GROUP", of)
    for _, name in ipairs { "MCAST_MSFILTER", "IP_MSFILTER" } do
      local filter = s:getsockopt(name, of)
      filter.sources = { "192.0.2.1", sockeye.inet("192.0.2.2") }
      s:setsockopt(name, filter)
      s:getsockopt(name, of)
    end
    s:setsockopt("MCAST_LEAVE_GROUP", of)
  end, {}, { s }
end)
add("a filter of ICMP", function()
  local s = datagram()
  return pcall, { s.setsockopt, s, "ICMP6_FILTER", { "nd_redirect", 7 } }, { s }
end)
add("what MPTCP tells", function()
  local ok, l = pcall(sockeye.socket, "inet", "stream", "mptcp")
  if not ok then l = sockeye.socket("inet", "stream") end
  l:bind("127.0.0.1:0"):listen()
  local c = sockeye.socket("inet", "stream", ok and "mptcp" or nil)
  c:connect(l:getsockname())
  return function()
    for _, name in ipairs { "MPTCP_INFO", "MPTCP_TCPINFO",
                            "MPTCP_SUBFLOW_ADDRS" } do
      local got, err = pcall(c.getsockopt, c, name)
      if not got and not sockeye.is_error(err) then error(err, 0) end
    end
  end, {}, { l, c }
end)
add_call("checksum", sockeye.checksum, "data", 0)
add("setsockopt of an unknown name", function()
  local s = datagram()
  return pcall, { s.setsockopt, s, "SO_REUSEADR", true }, { s }
end)

-- Streams.
local function add_stream(name, data, f)
  add("a stream: " .. name, function()
    local a, b = sockeye.socketpair()
    if data then b:sendall(data) end
    return function() return f(sockeye.stream(a:settimeout(0)), b) end, {},
      { a, b }
  end)
end

add_stream("made and printed", nil, function(conn)
  return tostring(conn), conn.socket, conn:fd(), conn:gettimeout()
end)
add_stream("read", "line\n12 rest of it", function(conn)
  return conn:read("L", "n", 3), conn:read_until " ", conn:read_some()
end)
add_stream("a line that is too long", ("x"):rep(70000), function(conn)
  return pcall(conn.read, conn)
end)
add_stream("lines", "1 one\n2 two\n", function(conn)
  local t = {}
  for n, line in conn:lines("n", "l") do
    if not n then return t end
    t[n] = line
  end
end)
add_stream("written", nil, function(conn)
  conn:write("one", 2, 3.5):setvbuf "full":write("four", ("x"):rep(100))
  return conn:flush():shutdown "wr":close()
end)
add_stream("more than the peer takes", nil, function(conn)
  conn:write(("x"):rep(1000000))
  return conn:write "more", pcall(conn.close, conn)
end)
add_stream("piped", "data", function(conn, b)
  local other <close>, far = sockeye.socketpair()
  local to <close> = sockeye.stream(far)
  b:shutdown "wr"
  return conn:pipe(to), other:recv(10)
end)
add_stream("with a file", nil, function(conn)
  return conn:setvbuf "full":write "data":sendfile "tools/specs"
end)
add_stream("in a task", "line\n", function(conn, b)
  conn:settimeout()
  sockeye.run(function()
    sockeye.spawn(function()
      local _ <close> = conn
      for line in conn:lines() do conn:write(line, "\n") end
    end)
    assert(b:recv(100) == "line\n")
    b:shutdown "wr"
  end)
end)

-- Names.
add_call("resolve of a number", sockeye.resolve, "127.0.0.1", "80")
add_call("resolve of a name", sockeye.resolve, "localhost", "http",
         { type = "stream", flags = "canonname" })
add_call("resolve that fails", pcall, sockeye.resolve, "nosuch", nil,
         { flags = "numerichost" })
add_call("nameinfo", sockeye.nameinfo, "127.0.0.1:80", "numerichost")
add_call("interfaces", sockeye.interfaces)
add_call("if_nametoindex", sockeye.if_nametoindex, "lo")
add_call("if_indextoname", sockeye.if_indextoname, 1)
add_call("if_nameindex", sockeye.if_nameindex)
add_call("getservbyname", sockeye.getservbyname, "domain", "udp")
add_call("getservbyport", sockeye.getservbyport, 53)
add_call("getprotobyname", sockeye.getprotobyname, "tcp")
add_call("getprotobynumber", sockeye.getprotobynumber, 6)

-- Processes.
add_call("pipe", sockeye.pipe)
add("dup2", function()
  local s = datagram()
  local t = datagram()
  return sockeye.dup2, { s, t:fd() }, { s, t }
end)
add_call("execve that fails", pcall, sockeye.execve, "/nosuch",
         { "nosuch", "argument" }, { NAME = "value", OTHER = "5" })
add_call("execvp that fails", pcall, sockeye.execvp, "/nosuch", { "nosuch" })
add_call("waitpid that fails", pcall, sockeye.waitpid, nil, "nohang")
add_call("kill, getpid and getppid", function()
  return sockeye.kill(sockeye.getpid(), 0), sockeye.getppid()
end)
add_call("signal", function()
  local before = sockeye.signal("SIGUSR1", print)
  sockeye.signal("SIGUSR1", before)
end)
add_call("a signal handler", function()
  local came
  sockeye.signal("SIGUSR2", function(name) came = name end)
  sockeye.kill(sockeye.getpid(), "SIGUSR2")
  sockeye.sleep(0)
  sockeye.signal("SIGUSR2", "ignore")
  return came
end)

-- Netlink.
local report = netlink.encode {
  type = netlink.NLMSG_ERROR, flags = netlink.NLM_F_ACK_TLVS,
  data = string.pack("=i4", -1) .. netlink.encode { type = 16, data = "data" }
    .. netlink.attribute(1, "a reason") .. netlink.attribute(3, "cookie"),
}
add_call("netlink.decode", netlink.decode, report .. report)
add_call("netlink.decode of a part", pcall, netlink.decode, report, 2)
add_call("netlink.encode", netlink.encode,
         { type = 16, seq = 1, data = ("x"):rep(2000) })
add_call("netlink.attributes", netlink.attributes,
         netlink.attribute(1, "one") .. netlink.attribute(2, "two", "nested"))
add_call("netlink.attribute", netlink.attribute, 1, ("x"):rep(2000))
add_call("netlink.links", netlink.links)

return M
