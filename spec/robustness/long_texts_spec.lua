-- What a script's own text does to errors. However long it is, and whatever
-- is in it, an error is a short line, and takes neither memory nor steps in
-- proportion to the text's square.

local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local public = require "spec.support.public"

local megabytes <const> = 10
local texts = {
  plain = ("a "):rep(megabytes << 19),
  controls = "\27]0;" .. ("\7\n\xff\t"):rep(megabytes << 18),
  bytes = ("\0"):rep(megabytes << 20),
}

local message_most <const> = 600 -- bytes: two texts escaped, and the rest
local copies_most <const> = 8 -- of the text, made on the way
local steps_most <const> = 10000 -- a thousand instructions of Lua each

-- Runs f, counting what it takes.
local function measured(f, ...)
  local steps = 0
  collectgarbage()
  collectgarbage("stop")
  local before = collectgarbage("count")
  debug.sethook(function() steps = steps + 1 end, "", 1000)
  local ok, err = pcall(f, ...)
  debug.sethook()
  local kilobytes = collectgarbage("count") - before
  collectgarbage("restart")
  return ok, err, kilobytes, steps
end

-- Returns whether f raised an error, as it may.
local function check(f, ...)
  local ok, err, kilobytes, steps = measured(f, ...)
  local text = ok and "" or tostring(err)
  assert.is_true(kilobytes < copies_most * megabytes * 1024,
                 text:sub(1, 200))
  assert.is_true(steps < steps_most, text:sub(1, 200))
  assert.is_true(#text <= message_most, text:sub(1, 200))
  assert.is_nil(text:find("[%z\1-\31\127\255]"), text)
  return not ok
end

-- Each gets a text, and has to raise an error.
local quoting = {
  socket = function(t) sockeye.socket(t) end,
  ["socket's type"] = function(t) sockeye.socket("inet", t) end,
  ["socket's protocol"] = function(t) sockeye.socket("inet", "raw", t) end,
  socketpair = function(t) sockeye.socketpair(t) end,
  inet = function(t) sockeye.inet(t) end,
  inet6 = function(t) sockeye.inet6(t) end,
  ["inet6's options"] = function(t) sockeye.inet6("::1", 0, { [t] = 1 }) end,
  ["inet6's scope"] = function(t) sockeye.inet6("::1", 0, { scope = t }) end,
  unix = function(t) sockeye.unix(t) end,
  address = function(t) sockeye.address(t) end,
  ["address with a port"] = function(t) sockeye.address(t .. ":80") end,
  ["address of a path"] = function(t) sockeye.address("unix:" .. t) end,
  ["address of an interface"] = function(t) sockeye.address("packet:" .. t) end,
  packet = function(t) sockeye.packet(t) end,
  ["packet's protocol"] = function(t) sockeye.packet("lo", t) end,
  vsock = function(t) sockeye.vsock(t, 1) end,
  ["vsock's port"] = function(t) sockeye.vsock(1, t) end,
  resolve = function(t) sockeye.resolve(t) end,
  ["resolve's service"] = function(t) sockeye.resolve("127.0.0.1", t) end,
  ["resolve's hints"] = function(t) sockeye.resolve("::1", 1, { [t] = 1 }) end,
  ["resolve's family"] = function(t)
    sockeye.resolve("::1", 1, { family = t })
  end,
  ["resolve in time"] = function(t)
    sockeye.run(function()
      sockeye.timeout(60, function() sockeye.resolve(t) end)
    end)
  end,
  nameinfo = function(t) sockeye.nameinfo(t) end,
  gethostbyaddr = function(t) sockeye.gethostbyaddr(t) end,
  idn = function(t) sockeye.idn(t .. "\xc3\xbc") end,
  endpoint = function(t) sockeye.endpoint(t) end,
  ["endpoint's default"] = function(t) sockeye.endpoint("x", t) end,
  ["endpoint's port"] = function(t) sockeye.endpoint("x", { port = t }) end,
  ["endpoint's URL"] = function(t) sockeye.endpoint("http://" .. t) end,
  ["connect's host"] = function(t) sockeye.connect { host = t, port = 1 } end,
  ["connect's port"] = function(t) sockeye.connect { host = "x", port = t } end,
  ["connect's second argument"] = function(t) sockeye.connect("x", t) end,
  ["nameinfo's flags"] = function(t) sockeye.nameinfo("127.0.0.1:1", t) end,
  if_nametoindex = function(t) sockeye.if_nametoindex(t) end,
  signal = function(t) sockeye.signal(t, print) end,
  ["signal's handler"] = function(t) sockeye.signal("SIGUSR1", t) end,
  kill = function(t) sockeye.kill(0x7fffffff, t) end,
  waitpid = function(t) sockeye.waitpid(-1, t) end,
  execv = function(t) sockeye.execv(t, { "a" }) end,
  execvp = function(t) sockeye.execvp(t, { "a" }) end,
  execve = function(t) sockeye.execve("/nosuch", { "a" }, { [t] = "\0" }) end,
  process = function(t) sockeye.process { t } end,
  ["process's option"] = function(t) sockeye.process { "a", [t] = 1 } end,
  ["process's stdin"] = function(t) sockeye.process { "a", stdin = t } end,
  ["process's folder"] = function(t) sockeye.process { "a", cwd = t } end,
  ["process's environment"] = function(t)
    sockeye.process { "/nosuch", env = { [t] = "\0" } }
  end,
  setuid = function(t) sockeye.setuid(t) end,
  setgroups = function(t) sockeye.setgroups { t } end,
  sethostname = function(t) sockeye.sethostname(t .. ("x"):rep(256)) end,
  chdir = function(t) sockeye.chdir(t) end,
  getrlimit = function(t) sockeye.getrlimit(t) end,
  poll = function(t) sockeye.poll { [io.stdout] = t } end,
  ["a poller"] = function(t) sockeye.run({ poller = t }, print) end,
  connect = function(t) sockeye.connect(t) end,
  ["connect to a host"] = function(t) sockeye.connect(t .. ":80") end,
  ["connect to a service"] = function(t) sockeye.connect("127.0.0.1:" .. t) end,
  ["connect's options"] = function(t)
    sockeye.connect("127.0.0.1:1", { [t] = 1 })
  end,
  ["connect's family"] = function(t)
    sockeye.connect("127.0.0.1:1", { family = t })
  end,
  ["connect's address"] = function(t)
    sockeye.connect("127.0.0.1:1", { bind = t })
  end,
  listen = function(t) sockeye.listen(t) end,
  ["listen's mode"] = function(t) sockeye.listen("unix:", { mode = t }) end,
  serve = function(t) sockeye.serve(t, print) end,
  ["serve's limit"] = function(t)
    sockeye.serve("*:0", print, { backlog = t })
  end,
  sleep = function(t) sockeye.sleep(t) end,
  timeout = function(t) sockeye.timeout(t, print) end,
  wait = function(t) sockeye.wait(io.stdout, t) end,
  signals = function(t) sockeye.signals(t) end,
  sendfile = function(t)
    local s <close> = sockeye.socket("unix", "stream")
    s:sendfile(t)
  end,
  ["a method on another value"] = function(t)
    sockeye.channel().put(setmetatable({}, { __name = t }))
  end,
  ["a netlink protocol"] = function(t) netlink.open(t) end,
  ["a netlink group"] = function(t) netlink.open("route", { t }) end,
  ["netlink.watch"] = function(t) netlink.watch { t } end,
  ["netlink.addresses"] = function(t) netlink.addresses { [t] = 1 } end,
}

local function with_socket(f)
  return function(t)
    local s <close> = sockeye.socket("inet", "dgram")
    f(s, t)
  end
end

local function with_netlink(f)
  return function(t)
    local nl <close> = netlink.open()
    f(nl, t)
  end
end

local methods = {
  bind = with_socket(function(s, t) s:bind(t) end),
  ["connect(2)"] = with_socket(function(s, t) s:connect(t) end),
  sendto = with_socket(function(s, t) s:sendto("x", t) end),
  send = with_socket(function(s, t) s:send("x", t) end),
  recv = with_socket(function(s, t) s:recv(1, t) end),
  shutdown = with_socket(function(s, t) s:shutdown(t) end),
  fcntl = with_socket(function(s, t) s:fcntl(t) end),
  getsockopt = with_socket(function(s, t) s:getsockopt(t) end),
  setsockopt = with_socket(function(s, t) s:setsockopt(t, 1) end),
  ["setsockopt's level"] = with_socket(function(s, t)
    s:setsockopt(t, 1, 1)
  end),
  ["an interface"] = with_socket(function(s, t)
    s:setsockopt("SO_BINDTODEVICE", t)
  end),
  ["a multicast group"] = with_socket(function(s, t)
    s:setsockopt("IP_ADD_MEMBERSHIP", { group = t })
  end),
  ["a filter"] = with_socket(function(s, t)
    s:setsockopt("SO_ATTACH_FILTER", "1\n" .. t)
  end),
  sendmsg = with_socket(function(s, t)
    s:sendmsg { iov = "x", control = { [t] = 1 } }
  end),
  ["sendmsg's fields"] = with_socket(function(s, t)
    s:sendmsg { iov = "x", [t] = 1 }
  end),
  ["sendmsg's address"] = with_socket(function(s, t)
    s:sendmsg { iov = "x", name = t }
  end),
  recvmsg = with_socket(function(s, t) s:recvmsg { iov = 1, flags = t } end),
  sendmany = with_socket(function(s, t) s:sendmany({ "x" }, t) end),
  setvbuf = with_socket(function(s, t) sockeye.stream(s):setvbuf(t) end),
  ["netlink's type"] = with_netlink(function(nl, t)
    nl:request { type = t }
  end),
  ["netlink's flags"] = with_netlink(function(nl, t)
    nl:request { type = 16, flags = t }
  end),
  ["a link's address"] = with_netlink(function(nl, t)
    nl:set_link { ifindex = 1, address = t }
  end),
  ["a route"] = with_netlink(function(nl, t) nl:add_route { dst = t } end),
  ["a route's table"] = with_netlink(function(nl, t)
    nl:add_route { dst = "10.0.0.0/8", table = t }
  end),
  ["an interface's name"] = with_netlink(function(nl, t)
    nl:set_link { ifname = t }
  end),
}

for name, f in pairs(methods) do quoting[name] = f end

describe("an error about a text of ten million bytes #slow", function()
  descriptors.guard()

  for name, f in pairs(quoting) do
    it("is a short line: " .. name, function()
      for kind, text in pairs(texts) do
        assert.is_true(check(f, text), kind)
      end
    end)
  end

  -- What ends, doubles or changes this process, takes its descriptors, or
  -- waits.
  local excluded = { _exit = true, adopt = true, fork = true, setgid = true,
                     setgroups = true, sethostname = true,
                     setrlimit = true, setsid = true, setuid = true,
                     stream = true, umask = true,
                     ["Netlink:receive"] = true, ["Socket:detach"] = true }

  local selves = {
    Address = function() return sockeye.inet() end,
    Channel = function() return sockeye.channel() end,
    Netlink = function() return netlink.open() end,
    Process = function() return sockeye.process { "true" } end,
    Socket = function()
      return sockeye.socket("unix", "dgram"):bind("unix:"):settimeout(0)
    end,
    Stream = function() return sockeye.stream((sockeye.socketpair())) end,
  }

  -- Calls f with the text in various places, as a method of `self` if there is
  -- one.
  local function sweep(f, text, self)
    local function try(...)
      if not self then return check(f, ...) end
      local object = self()
      check(f, object, ...)
      pcall(function() object:close() end)
    end
    try(text)
    try(text, text, text)
    try({ [text] = text })
    try({ text }, { text }, { text })
    try(1, text)
  end

  for name, f in pairs(public.functions()) do
    if not excluded[name] then
      it("is short in whatever argument it is: " .. name, function()
        sweep(f, texts.controls, selves[name:match("^(%u%w*):")])
      end)
    end
  end
end)
