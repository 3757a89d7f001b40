-- What newcomers do wrong, and what the message has to contain. Each row has
-- the script, one line; the call that the message has to name; and texts that
-- it has to contain. One with `outside` is another mistake in a task. What the
-- script finds there is made by `world`.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"

local M = {}

-- What scripts may use beside the standard library, by name: each makes one,
-- and returns what is to be closed afterwards as well.
local makers <const> = {
  s = function() return sockeye.socket("inet", "stream") end,
  d = function() return sockeye.socket("inet", "dgram") end,
  a = function() return sockeye.socketpair() end,
  b = function() return sockeye.socketpair() end,
  closed = function()
    local s <const> = sockeye.socket("inet", "stream")
    s:close()
    return s
  end,
  unix = function() return sockeye.socket("unix", "stream") end,
  st = function()
    local s <const>, peer <const> = sockeye.socketpair()
    return sockeye.stream(s), peer
  end,
  closedst = function()
    local st <const> = sockeye.stream((sockeye.socketpair()))
    st:close()
    return st
  end,
  ch = function() return sockeye.channel(1) end,
  closedch = function()
    local ch <const> = sockeye.channel(1)
    ch:close()
    return ch
  end,
  nl = function() return netlink.open "route" end,
  err = function() return select(2, pcall(sockeye.adopt, 1 << 20)) end,
}

--- Returns a table of globals for a row's script, which makes what is used of
-- it, and a function that closes that.
function M.world()
  local made <const> = {}
  local function index(self, name)
    local make <const> = makers[name]
    if not make then return _G[name] end
    local values <const> = table.pack(make())
    table.move(values, 1, values.n, #made + 1, made)
    rawset(self, name, values[1])
    return values[1]
  end
  local globals <const> = setmetatable(
    { sockeye = sockeye, netlink = netlink }, { __index = index })
  return globals, function()
    for _, value in ipairs(made) do
      if type(value) == "userdata" then value:close() end
    end
  end
end

M.rows = {
  -- making sockets
  { [[sockeye.socket()]], "socket", "family expected, got no value" },
  { [[sockeye.socket("tcp")]], "socket", "unknown family 'tcp'",
    [[TCP is socket("inet", "stream")]] },
  { [[sockeye.socket("udp")]], "socket", [[UDP is socket("inet", "dgram")]] },
  { [[sockeye.socket("stream", "inet")]], "socket", "the family comes first" },
  { [[sockeye.socket("inet")]], "socket", "#2",
    "socket type expected, got no value" },
  { [[sockeye.socket("inet", "tcp")]], "socket", "did you mean 'stream'?" },
  { [[sockeye.socket("inet", "udp")]], "socket", "did you mean 'dgram'?" },
  { [[sockeye.socket("inet", "datagram")]], "socket", "mean 'dgram'?" },
  { [[sockeye.socket("inet", "x")]], "socket",
    "there are stream, dgram, raw, seqpacket, rdm" },
  { [[sockeye.socket("ipv4", "stream")]], "socket", "mean 'inet'?" },
  { [[sockeye.socket("ipv6", "stream")]], "socket", "mean 'inet6'?" },
  { [[sockeye.socket("AF_INTE", "stream")]], "socket", "mean 'AF_INET'?" },
  { [[sockeye.socket("inet", "stream", "tpc")]], "socket", "mean 'tcp'?" },
  { [[sockeye.socket("inet", "stream", "udp")]], "socket",
    "inet stream udp", "EPROTONOSUPPORT" },
  { [[sockeye.socket("inet", "stream", {})]], "socket",
    "protocol expected, got table" },
  { [[sockeye.socket(sockeye.AF_INET4, "stream")]], "socket",
    "family expected, got nil" },
  { [[sockeye.socket({ family = "inet" })]], "socket",
    "family expected, got table" },
  { [[sockeye.socketpair("stream")]], "socketpair", "the family comes first" },
  { [[sockeye.adopt("x")]], "adopt", "number expected, got string" },
  { [[sockeye.adopt(-1)]], "adopt", "descriptor out of range, got -1" },
  { [[sockeye.adopt(io.stdout)]], "adopt", "number expected, got FILE*" },

  -- addresses
  { [[s:bind()]], "bind", "Address or string expected, got no value" },
  { [[s:bind(8080)]], "bind", "string expected, got number" },
  { [[s:bind(":8080")]], "bind", "'*:8080'" },
  { [[s:bind("8080")]], "bind", "'*:8080'" },
  { [[s:bind("127.0.0.1", 8080)]], "bind", "'127.0.0.1:8080'" },
  { [[s:bind("*", 80)]], "bind", "mean '*:80'" },
  { [[s:bind("::1", 80)]], "bind", "mean '[::1]:80'" },
  { [[s:bind("localhost:80")]], "bind", "'localhost:80'", "sockeye.resolve" },
  { [[s:bind("127.0.0.1:65536")]], "bind", "'127.0.0.1:65536'", "65535" },
  { [[s:bind("::1:80")]], "bind", "'[::1]:80'" },
  { [[s:bind({ host = "127.0.0.1", port = 80 })]], "bind", "got table" },
  { [[s:bind("127.0.0.256:80")]], "bind", "127.0.0.256" },
  { [[s:bind("[::1]:0")]], "bind", "[::1]:0", "EAFNOSUPPORT" },
  { [[s:bind("unix:/tmp/x")]], "bind", "unix:/tmp/x", "EINVAL" },
  { [[unix:bind("unix:" .. ("x"):rep(200))]], "bind", "too long", "108" },
  { [[unix:connect("unix:/nosuch/s")]], "connect", "unix:/nosuch/s",
    "ENOENT" },
  { [[s:connect("127.0.0.1", 80)]], "connect", "'127.0.0.1:80'" },
  { [[s:connect(nil)]], "connect", "expected, got nil" },
  { [[s:connect("127.0.0.1:http")]], "connect", "'127.0.0.1:http'" },
  { [[s:connect("www.example.org:80")]], "connect", "sockeye.resolve" },
  { [[sockeye.address("localhost")]], "address", "not an address" },
  { [[sockeye.address({})]], "address", "string expected, got table" },
  { [[sockeye.inet("localhost", 80)]], "inet",
    "not a numeric IPv4 address: 'localhost'" },
  { [[sockeye.inet("::1", 80)]], "inet", "not a numeric IPv4 address: '::1'" },
  { [[sockeye.inet6("127.0.0.1", 80)]], "inet6", "not a numeric IPv6" },
  { [[sockeye.inet("127.0.0.1", 65536)]], "inet",
    "range (0 to 65535), got 65536" },
  { [[sockeye.inet6("::1", 80, 5)]], "inet6", "table expected, got number" },
  { [[sockeye.packet("nosuch0", "ip")]], "packet", "no interface" },
  { [[sockeye.packet("lo", "ipp")]], "packet", "did you mean 'ip'?" },

  -- listening and accepting
  { [[s:listen(5.5)]], "listen", "no integer representation, got 5.5" },
  { [[s:listen({})]], "listen", "number expected, got table" },
  { [[s:accept()]], "accept", "the socket does not listen (EINVAL)" },
  { [[d:accept()]], "accept", "EOPNOTSUPP" },
  { [[a:accept()]], "accept", "the socket does not listen" },
  { [[s:shutdown("write")]], "shutdown", "unknown end 'write'",
    "did you mean 'wr'?" },
  { [[s:shutdown("both")]], "shutdown", "did you mean 'rdwr'?" },
  { [[s:shutdown("send")]], "shutdown", "did you mean 'wr'?" },
  { [[s:shutdown("x")]], "shutdown", "there are rd, wr, rdwr" },
  { [[s:shutdown()]], "shutdown", "end expected, got no value" },
  { [[d:getpeername()]], "getpeername", "ENOTCONN" },

  -- sending
  { [[a:send()]], "send", "#1", "string expected, got no value" },
  { [[a:send(nil)]], "send", "#1", "string expected, got nil" },
  { [[a:send({ "data" })]], "send", "string expected, got table" },
  { [[a:send(b)]], "send", "string expected, got sockeye.Socket" },
  { [[a:send("data", 2)]], "send", "2 is no combination of MSG_ flags",
    "data:sub(2)" },
  { [[d:sendto("data", "127.0.0.1:9", 100)]], "sendto", "#3",
    "100 is no combination of MSG_ flags" },
  { [[d:sendmany({ "data" }, nil, 7)]], "sendmany",
    "7 is no combination of MSG_ flags" },
  { [[a:send("data", "MSG_NOWAIT")]], "send", "mean 'MSG_DONTWAIT'?" },
  { [[a:send("data", "nosignla")]], "send", "mean 'nosignal'?" },
  { [[a:send("data", true)]], "send", "expected, got boolean" },
  { [[a.send("data")]], "send", "sockeye.Socket expected, got string",
    "called with a colon: object:send(...)" },
  { [[a.recv(5)]], "recv", "called with a colon: object:recv(...)" },
  { [[s.settimeout(5)]], "settimeout", "object:settimeout(...)" },
  { [[pcall(a.send, a); error(select(2, pcall(a.send, a)), 0)]], "send",
    "#2", "string expected, got no value" },
  { [[error(select(2, pcall(a.send, "data")), 0)]], "send",
    "sockeye.Socket expected, got string" },
  { [[error(select(2, pcall(sockeye.socket, {})), 0)]], "sockeye.socket",
    "family expected, got table" },
  { [[table.sort({ 1, 2 }, function() a:send({}) end)]], "send",
    "string expected, got table" },
  { [[return setmetatable({}, { __index = a.send }).field]], "send",
    "sockeye.Socket expected, got table" },
  { [[coroutine.wrap(a.send)(a, {})]], "send", "expected, got table" },
  { [[local f = a.send; f(a, {})]], "f", "string expected, got table" },
  { [[a:write(nil)]], "write", "string expected, got nil" },
  { [[a:sendall(nil)]], "sendall", "string expected, got nil" },
  { [[a:sendall("x", { flag = "more" })]], "sendall", "mean 'flags'?" },
  { [[d:sendto("data")]], "sendto", "EDESTADDRREQ" },
  { [[d:sendto("127.0.0.1:9", "data")]], "sendto", "#2", "'data'" },
  { [[d:sendto("data", "localhost", 80)]], "sendto", "sockeye.resolve" },
  { [[d:sendto("data", "127.0.0.1", 80)]], "sendto", "'127.0.0.1:80'" },
  { [[d:sendto("data", 9)]], "sendto", "string expected, got number" },
  { [[d:sendto("data", "localhost:9")]], "sendto", "sockeye.resolve" },
  { [[a:sendmsg("data")]], "sendmsg", "table expected, got string" },
  { [[a:sendmsg({ data = "x" })]], "sendmsg", "unknown field 'data'",
    "there are iov, name, control, flags" },
  { [[a:sendmsg({ iov = "x", addr = 1 })]], "sendmsg",
    "unknown field 'addr'; there are iov, name, control, flags" },
  { [[a:sendmsg({ "x" })]], "sendmsg", "named fields expected, got a list" },
  { [[a:sendmsg({ iov = 5 })]], "sendmsg", "string or list of strings" },
  { [[a:sendmsg({ iov = "x", control = { tll = 5 } })]], "sendmsg",
    "did you mean 'ttl'?" },
  { [[a:sendmsg({ iov = "x", control = { ttl = 256 } })]], "sendmsg",
    "field 'ttl': out of range (0 to 255), got 256" },
  { [[a:sendmsg({ iov = "x", control = { rights = 1 } })]], "sendmsg",
    "field 'rights': list of descriptors expected" },
  { [[d:sendmany("x")]], "sendmany", "table expected, got string" },
  { [[d:sendmany({ 1 })]], "sendmany", "message 1: string or table" },

  -- receiving
  { [[a:recv()]], "recv", "number of bytes expected, got no value" },
  { [[a:recv("*l")]], "recv", "number of bytes expected, got string" },
  { [[a:recv("10k")]], "recv", "number of bytes expected, got string" },
  { [[a:recv(-1)]], "recv", "size must not be negative, got -1" },
  { [[a:recv(1.5)]], "recv", "no integer representation, got 1.5" },
  { [[a:recv(10, "MSG_PEAK")]], "recv", "did you mean 'MSG_PEEK'?" },
  { [[a:recv(10, 20)]], "recv", "20 is no combination of MSG_ flags" },
  { [[a:recvfrom("x")]], "recvfrom", "number of bytes expected" },
  { [[a:read()]], "read", "number of bytes expected, got no value" },
  { [[a:recvmsg(10)]], "recvmsg", "table expected, got number" },
  { [[a:recvmsg({})]], "recvmsg", "field 'iov': size or list of sizes" },
  { [[a:recvmsg({ size = 10 })]], "recvmsg",
    "unknown field 'size'; there are iov, control, flags, rights" },
  { [[a:recvmsg({ iov = "x" })]], "recvmsg",
    "field 'iov': integer expected, got string" },
  { [[a:recvmsg({ iov = 10, flag = "peek" })]], "recvmsg", "mean 'flags'?" },
  { [[d:recvmany("x")]], "recvmany", "number expected, got string" },
  { [[d:recvmany(-1)]], "recvmany", "must be positive, got -1" },

  -- options
  { [[s:setsockopt("SO_REUSEADR", true)]], "setsockopt",
    "mean 'SO_REUSEADDR'?" },
  { [[s:setsockopt("SO_RESUEADDR", true)]], "setsockopt",
    "mean 'SO_REUSEADDR'?" },
  { [[s:setsockopt("reuseaddr", true)]], "setsockopt", "'SO_REUSEADDR'?" },
  { [[s:setsockopt("keepalive", true)]], "setsockopt", "'SO_KEEPALIVE'?" },
  { [[s:setsockopt("tcp-nodelay", true)]], "setsockopt", "'TCP_NODELAY'?" },
  { [[s:setsockopt("SO_REUSEADDR", 1)]], "setsockopt",
    "boolean expected, got number" },
  { [[s:setsockopt("SO_REUSEADDR")]], "setsockopt",
    "boolean expected, got no value" },
  { [[s:setsockopt("SO_RCVBUF", "big")]], "setsockopt", "got string" },
  { [[s:setsockopt("SO_RCVTIMEO", -1)]], "setsockopt", "out of range",
    "got -1" },
  { [[s:setsockopt("SO_TYPE", 1)]], "setsockopt", "can only be read" },
  { [[s:setsockopt("IP_ADD_MEMBERSHIP", { interfac = "lo" })]], "setsockopt",
    "mean 'interface'?" },
  { [[s:getsockopt()]], "getsockopt", "expected, got no value" },
  { [[s:settimeout("x")]], "settimeout", "number expected, got string" },
  { [[s:settimeout(-1)]], "settimeout", "must not be negative, got -1" },
  { [[s:settimeout(0/0)]], "settimeout", "got nan" },
  { [[s:fcntl("O_NONBLOK", true)]], "fcntl", "mean 'O_NONBLOCK'?" },
  { [[s:fcntl("O_NONBLOCK", 1)]], "fcntl", "boolean expected, got number" },

  -- what is closed
  { [[closed:send("x")]], "send", "the socket is closed (EBADF)" },
  { [[closed:recv(1)]], "recv", "the socket is closed (EBADF)" },
  { [[closed:accept()]], "accept", "the socket is closed (EBADF)" },
  { [[closed:bind("127.0.0.1:0")]], "bind", "the socket is closed" },
  { [[closed:connect("127.0.0.1:1")]], "connect", "the socket is closed" },
  { [[closed:getsockname()]], "getsockname", "the socket is closed" },
  { [[closed:setsockopt("SO_REUSEADDR", true)]], "setsockopt",
    "the socket is closed" },
  { [[closed:sendto("x", "127.0.0.1:9")]], "sendto", "the socket is closed" },
  { [[closed:sendmsg({ iov = "x" })]], "sendmsg", "the socket is closed" },
  { [[closed:recvmsg({ iov = 1 })]], "recvmsg", "the socket is closed" },
  { [[closed:shutdown("wr")]], "shutdown", "the socket is closed" },
  { [[sockeye.wait(closed, "r")]], "wait", "the socket is closed" },
  { [[sockeye.poll({ [closed] = "r" })]], "poll", "the socket is closed" },
  { [[sockeye.dup2(closed, 5)]], "dup2", "the socket is closed" },
  { [[sockeye.stream(closed)]], "stream", "the socket is closed" },
  { [[closedst:read(1)]], "read", "the stream is closed (EBADF)" },
  { [[closedst:write("x")]], "write", "the stream is closed (EBADF)" },
  { [[closedch:put(1)]], "put", "the channel is closed (EPIPE)" },

  -- waiting
  { [[sockeye.poll(a)]], "poll", "table expected, got sockeye.Socket" },
  { [[sockeye.poll({ a, b })]], "poll", [[{[a] = "r", [b] = "rw"}]] },
  { [[sockeye.poll({ [a] = true })]], "poll", [["r", "w", "rw"]] },
  { [[sockeye.poll({ [a] = "read" })]], "poll", "'e' in 'read'", [["r"]] },
  { [[sockeye.poll({ a = "r" })]], "poll", "keys must be sockets" },
  { [[sockeye.poll({ [a] = "r" }, -1)]], "poll", "got -1" },
  { [[sockeye.wait()]], "wait", "value expected" },
  { [[sockeye.wait(a, "write")]], "wait", "'i' in 'write'" },
  { [[sockeye.wait(a, 5)]], "wait", "events must be" },
  { [[sockeye.wait({ a })]], "wait", "socket, file or descriptor expected" },
  { [[sockeye.wait(a, "r", "x")]], "wait", "#3", "number expected" },
  { [[sockeye.select({ a }, nil, 1)]], "select", "choice 1: channel, task" },
  { [[sockeye.select(a)]], "select", "table expected, got sockeye.Socket" },
  { [[sockeye.sleep()]], "sleep", "number expected, got no value" },
  { [[sockeye.sleep("x")]], "sleep", "number expected, got string" },
  { [[sockeye.sleep(-1)]], "sleep", "must not be negative, got -1" },

  -- tasks and what they share
  { [[sockeye.spawn()]], "spawn", "function expected, got no value" },
  { [[sockeye.spawn(print())]], "spawn", "function expected, got no value" },
  { [[sockeye.spawn("x")]], "spawn", "function expected, got string" },
  { [[sockeye.run("x")]], "run", "function expected, got string",
    outside = true },
  { [[sockeye.run({ pollr = "poll" }, print)]], "run", "mean 'poller'?",
    outside = true },
  { [[sockeye.group(5)]], "group", "function expected, got number" },
  { [[sockeye.timeout(1)]], "timeout", "#2", "function expected, got nil" },
  { [[sockeye.timeout(print, 1)]], "timeout", "#1",
    "number of seconds expected, got function" },
  { [[sockeye.timeout(-1, print)]], "timeout", "seconds expected, got -1" },
  { [[sockeye.wrap(5)]], "wrap", "function expected, got number" },
  { [[sockeye.resume(5)]], "resume", "coroutine expected, got number" },
  { [[sockeye.channel("x")]], "channel", "number expected, got string" },
  { [[sockeye.channel(-1)]], "channel", "not negative expected, got -1" },
  { [[sockeye.channel(1.5)]], "channel", "integer", "got 1.5" },
  { [[ch:put()]], "put", "value expected, got no value" },
  { [[ch:put(nil)]], "put", "value expected, got nil" },
  { [[ch.put(1)]], "put", "object:put(...)" },
  { [[ch:get("x")]], "get", "number expected, got string" },
  { [[ch:put(1, "x")]], "put", "#2", "number expected, got string" },
  { [[sockeye.mutex():unlock()]], "unlock", "the mutex is not locked" },
  { [[sockeye.semaphore(-1)]], "semaphore", "got -1" },
  { [[sockeye.semaphore(1).acquire()]], "acquire", "object:acquire(...)" },
  { [[sockeye.event():wait("x")]], "wait", "number expected, got string" },
  { [[sockeye.interval(0)]], "interval", "positive number", "got 0" },

  -- names, hosts, interfaces
  { [[sockeye.resolve("localhost", 80, { typ = "x" })]], "resolve",
    "did you mean 'type'?" },
  { [[sockeye.resolve("localhost", 80, { type = "tcp" })]], "resolve",
    "did you mean 'stream'?" },
  { [[sockeye.resolve("localhost", 80, "stream")]], "resolve",
    "table expected, got string" },
  { [[sockeye.nameinfo("127.0.0.1:80", "numerichots")]], "nameinfo",
    "did you mean 'numerichost'?" },
  { [[sockeye.getservbyname()]], "getservbyname", "got no value" },
  { [[sockeye.if_nametoindex("nosuch0")]], "if_nametoindex", "nosuch0",
    "ENODEV" },
  { [[sockeye.if_indextoname("lo")]], "if_indextoname", "got string" },
  { [[sockeye.if_indextoname(-1)]], "if_indextoname", "range, got -1" },

  -- signals and processes
  { [[sockeye.signal("SIGTREM", print)]], "signal",
    "unknown signal 'SIGTREM', did you mean 'SIGTERM'?" },
  { [[sockeye.signal("trem", print)]], "signal", "did you mean 'term'?" },
  { [[sockeye.signals("SIGITN")]], "signals", "did you mean 'SIGINT'?" },
  { [[sockeye.signal("SIGTERM", "ignor")]], "signal", "mean 'ignore'?" },
  { [[sockeye.signal("SIGTERM", "SIG_IGN")]], "signal", "mean 'ignore'?" },
  { [[sockeye.signal("SIGTERM", 5)]], "signal", "got number" },
  { [[sockeye.signal("SIGKILL", print)]], "signal", "SIGKILL", "EINVAL" },
  { [[sockeye.signal(print, "SIGTERM")]], "signal",
    "signal expected, got function" },
  { [[sockeye.kill("SIGTERM", 1)]], "kill", "number expected, got string" },
  { [[sockeye.kill(sockeye.getpid(), "SIGTREM")]], "kill", "'SIGTERM'?" },
  { [[sockeye.kill(1)]], "kill", "signal expected, got no value" },
  { [[sockeye.waitpid("x")]], "waitpid", "number expected, got string" },
  { [[sockeye.waitpid(-1, "nohagn")]], "waitpid", "mean 'nohang'?" },
  { [[sockeye.process("ls")]], "process", "table expected, got string" },
  { [[sockeye.process({})]], "process", "the program's name is missing" },
  { [[sockeye.execv("/nosuch")]], "execv", "table expected, got no value" },
  { [[sockeye.dup2(a)]], "dup2", "number expected, got no value" },
  { [[sockeye.dup2(a, -1)]], "dup2", "out of range, got -1" },
  { [[sockeye.checksum({})]], "checksum", "string expected, got table" },

  -- streams and files
  { [[sockeye.stream("x")]], "stream", "sockeye.Socket expected, got string" },
  { [[st:read(-1)]], "read", "count must not be negative, got -1" },
  { [[st:read("x")]], "read", "invalid format" },
  { [[st:read_until("")]], "read_until", "must not be empty" },
  { [[st:write({})]], "write", "string expected, got table" },
  { [[st.write("x")]], "write", "object:write(...)" },
  { [[a:sendfile("/nosuch")]], "sendfile", "/nosuch", "ENOENT" },
  { [[a:sendfile(5.5)]], "sendfile", "file or descriptor expected" },
  { [[a:sendfile(io.stdin, -1)]], "sendfile", "negative, got -1" },

  -- netlink
  { [[netlink.open("nosuch")]], "open", "unknown netlink protocol 'nosuch'" },
  { [[netlink.open("rotue")]], "open", "did you mean 'route'?" },
  { [[netlink.watch({ "links" })]], "watch", "did you mean 'link'?" },
  { [[netlink.watch({ "nosuch" })]], "watch", "link, address, route" },
  { [[netlink.watch("link")]], "watch", "table expected, got string" },
  { [[netlink.encode()]], "encode", "table expected, got no value" },
  { [[netlink.encode({ type = "x" })]], "encode", "integer expected, got" },
  { [[nl:request()]], "request", "table expected, got nil" },
  { [[nl:set_link({ ifname = 5 })]], "set_link", "field 'ifname'" },

  -- errors
  { [[err:match("refused")]], "err.code", "tostring(err):match(...)" },
  { [[err:find("refused")]], "err.code", "tostring(err):find(...)" },
  { [[if err:lower() == "x" then print() end]], "err.code",
    "tostring(err):lower(...)" },
  { [[sockeye.is_error(err, {})]], "is_error", "string expected, got table" },

  -- clients and servers
  { [[sockeye.connect("localhost", 80)]], "connect", [["localhost:80"]] },
  { [[sockeye.connect("localhost:80", { tiemout = 1 })]], "connect",
    "unknown option 'tiemout'", "timeout" },
  { [[sockeye.connect("localhost:80", { type = "udp" })]], "connect", "#2",
    "option 'type': ", [[expected, got 'udp'; did you mean "dgram"?]] },
  { [[sockeye.connect("localhost:80", { type = "raw" })]], "connect", "#2",
    [["stream", "dgram" or "seqpacket" expected, got 'raw')]] },
  { [[sockeye.connect("localhost:80", { type = true })]], "connect", "#2",
    [["stream", "dgram" or "seqpacket" expected, got boolean]] },
  { [[sockeye.connect("127.0.0.1:1", { bind = "[::1]:0" })]], "connect", "#2",
    "'bind': an address of the family inet expected, got [::1]:0" },
  { [[sockeye.connect("[::1]:1", { bind = "127.0.0.1:0" })]], "connect", "#2",
    "'bind': an address of the family inet6 expected, got 127.0.0.1:0" },
  { [[sockeye.connect("unix:/x", { bind = "*:0" })]], "connect", "#2",
    "'bind': an address of the family unix expected" },
  { [[sockeye.connect()]], "connect", "endpoint expected, got nil" },
  { [[sockeye.listen("8080")]], "listen", [["*:8080"]] },
  { [[sockeye.listen(":8080")]], "listen", [["*:8080"]] },
  { [[sockeye.listen("127.0.0.1:0", { backlogs = 5 })]], "listen",
    "unknown option 'backlogs'", "backlog" },
  { [[sockeye.serve("127.0.0.1:0")]], "serve", "function expected, got nil" },
  { [[sockeye.serve("*", 8080, print)]], "serve", "#2", [["*:8080"]] },
  { [[sockeye.serve(8080, print)]], "serve", [["*:8080"]] },
  { [[sockeye.serve("127.0.0.1:0", print, { signals = { "SIGTREM" } })]],
    "serve", "did you mean 'SIGTERM'?" },
  { [[sockeye.serve(d, print)]], "serve",
    "the socket has no connections to serve (EOPNOTSUPP)" },
  { [[sockeye.serve("127.0.0.1:0", print, { signals = "SIGTERM" })]],
    "serve", "list or false expected, got string",
    'did you mean { "SIGTERM" }?' },
  { [[sockeye.serve("127.0.0.1:0", print, { signals = "TREM" })]],
    "serve", "list or false expected, got string)" },
  { [[coroutine.wrap(sockeye.connect)("127.0.0.1")]], "connect",
    [["127.0.0.1:80"]] },
}

return M
