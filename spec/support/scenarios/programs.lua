-- Scenarios: loops, servers and clients, netlink, and what ends a process.

local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local add <const>, add_call <const> = kit.add, kit.add_call
local add_loops <const>, add_task <const> = kit.add_loops, kit.add_task

-- ---- tasks ----

add_task("tasks that are cancelled and printed", function()
  local task = sockeye.spawn(sockeye.sleep, 10)
  sockeye.yield()
  local trace, status = task:traceback(), task:status()
  task:cancel()
  local ok, err = pcall(task.join, task)
  assert(not ok)
  -- In a task that could not begin to wait, it is another error.
  if not sockeye.is_error(err) then error(err, 0) end
  return trace ~= nil, status, task:status()
end)
add_task("a group that is cancelled", function()
  local ended = 0
  sockeye.group(function(g)
    for _ = 1, 3 do
      g:spawn(function()
        local _ <close> = setmetatable({}, { __close = function()
          ended = ended + 1
        end })
        sockeye.sleep(10)
      end)
    end
    sockeye.yield()
    g:cancel()
  end)
  return ended
end)
add_task("a task that is killed", function()
  local closed, reports = 0, 0
  sockeye.on_error(function() reports = reports + 1 end)
  local task = sockeye.spawn(function()
    local _ <close> = setmetatable({}, { __close = function()
      closed = closed + 1
    end })
    sockeye.sleep(10)
  end)
  sockeye.yield()
  task:kill()
  local ok, err = pcall(task.join, task)
  assert(not ok)
  if not sockeye.is_error(err) then error(err, 0) end
  return closed, reports, task:status()
end)
add_task("daemons", function()
  local ended = 0
  local function wait()
    local _ <close> = setmetatable({}, { __close = function()
      ended = ended + 1
    end })
    sockeye.sleep(10)
  end
  sockeye.spawn_daemon(wait)
  sockeye.group(function(g)
    g:spawn_daemon(wait)
    g:spawn(sockeye.yield)
  end)
  return ended
end)

-- What code sees once its deadline has come.
local function see_deadline()
  assert(sockeye.deadline() == 0)
  local ok, err = pcall(sockeye.yield)
  assert(not ok)
  if not sockeye.is_canceled(err) then error(err, 0) end
  sockeye.shield(5, sockeye.sleep, 0.001)
  local function handler(problem) return problem end
  sockeye.pcall(sockeye.xpcall, sockeye.yield, handler)
  error "the cancellation has not passed"
end

add_task("a deadline that is no error", function()
  assert(not sockeye.within(0, see_deadline))
  return sockeye.within(5, sockeye.yield)
end)
add_loops("a loop that another loop waits for", function()
  local loop <close> = sockeye.loop(function()
    sockeye.sleep(0.001)
    return "done"
  end)
  while true do
    local going, result = loop:step(0)
    if not going then return result end
    local fd, events = loop:pollfd(), loop:events()
    local seconds = loop:timeout()
    if fd then sockeye.poll({ [fd] = events }, seconds) end
  end
end)
add_loops("a loop that is closed early", function()
  local closed = false
  local loop = sockeye.loop(function()
    local _ <close> = setmetatable({}, { __close = function()
      closed = true
    end })
    sockeye.sleep(10)
  end)
  loop:step(0)
  loop:close()
  return closed
end)
add("a socket in another loop", function()
  local a, b = sockeye.socketpair()
  a:settimeout(2)
  return function()
    return a:pollfd() == a:getfd(), a:events(), a:timeout(), a:dirty()
  end, {}, { a, b }
end)
add("wait", function()
  local a, b = sockeye.socketpair()
  b:send "data"
  return function() return sockeye.wait(a, "r", 5), sockeye.wait(b, "w") end,
    {}, { a, b }
end)
add("wait that times out", function()
  local a, b = sockeye.socketpair()
  return pcall, { sockeye.wait, a, "r", 0.001 }, { a, b }
end)

-- ---- clients and servers ----

add_call("listen and connect", function()
  local listener <close> = sockeye.listen "127.0.0.1:0"
  local client <close> = sockeye.connect(tostring(listener:getsockname()))
  local s <close> = listener:accept()
  s:sendall "line\n"
  return client:setmax(100):read()
end)
add_call("connect to a name", function()
  local listener <close> = sockeye.listen "127.0.0.1:0"
  local port = listener:getsockname().port
  local client <close> = sockeye.connect(("localhost:%d"):format(port))
  return client:fd() > 0
end)
add_call("connect that is refused", function()
  local listener = sockeye.listen "127.0.0.1:0"
  local name = tostring(listener:getsockname())
  listener:close()
  local ok, err = pcall(sockeye.connect, name)
  assert(not ok)
  if not sockeye.is_error(err, "ECONNREFUSED") then error(err, 0) end
end)
add_call("listen at a path", function()
  local path = os.tmpname()
  os.remove(path)
  local listener <close> = sockeye.listen("unix:" .. path)
  local _ <close> = setmetatable({}, { __close = function()
    os.remove(path)
  end })
  local client <close> = sockeye.connect("unix:" .. path)
  return client:fd() > 0, listener:getsockname().family
end)

local function exchange(name)
  local client <close> = sockeye.connect(name):settimeout(2)
  client:write "line\n"
  return client:read()
end

-- A server that ends after its second connection, in which errors of a
-- connection are counted.
local function echo_twice(listener)
  local stop = sockeye.channel()
  local count, failed = 0, 0
  sockeye.spawn(function()
    local name = tostring(listener:getsockname())
    for _ = 1, 2 do
      local ok, line = pcall(exchange, name)
      if ok and line then
        count = count + 1
      elseif not ok and not sockeye.is_error(line, "ECONNRESET") then
        error(line, 0)
      end
    end
    stop:close()
  end)
  sockeye.serve(listener, function(stream)
    for line in stream:lines() do stream:write(line, "\n") end
  end, { signals = false, stop = stop, grace = 1, on_error = function()
    failed = failed + 1
  end })
  return count, failed
end

add_task("serve", function()
  local listener <close> = sockeye.listen "127.0.0.1:0"
  return echo_twice(listener)
end)
add_loops("serve that a signal ends", function()
  local listener <close> = sockeye.listen "127.0.0.1:0"
  -- The signal may come when the server has failed.
  sockeye.signal("SIGUSR2", function() end)
  local ok, result = pcall(sockeye.run, function()
    sockeye.spawn(function()
      sockeye.sleep(0.001)
      sockeye.kill(sockeye.getpid(), "SIGUSR2")
    end)
    return sockeye.serve(listener, function() end, { signals = { "SIGUSR2" } })
  end)
  sockeye.signal("SIGUSR2", "default")
  return ok and result or error(result, 0)
end)
add_loops("signals", function()
  return sockeye.run(function()
    local names = sockeye.signals "SIGUSR2"
    sockeye.kill(sockeye.getpid(), "SIGUSR2")
    return (names())
  end)
end)

-- ---- addresses ----

add_call("what an address is", function()
  local a = sockeye.inet6("::ffff:1.2.3.4", 80)
  return a:is_any(), a:is_link_local(), a:is_loopback(), a:is_multicast(),
    a:is_private(), a:is_v4mapped(), sockeye.vsock("any", 5)
end)

-- ---- netlink ----

add_call("netlink.addresses and netlink.routes", function()
  return #netlink.addresses() > 0, netlink.routes() ~= nil
end)
add_call("a netlink socket", function()
  local nl <close> = netlink.open "route"
  nl:settimeout(5)
  return #nl:links() > 0, nl:addresses() ~= nil, nl:routes() ~= nil
end)
add_call("netlink.watch that is closed", function()
  local next_event, state, first, closing = netlink.watch { "link" }
  local _ <close> = closing
  return next_event ~= nil, state, first
end)
add_call("netlink that is closed", function()
  return netlink.open():close()
end)

-- Changes of an interface that is not there: each is refused.
local changes <const> = {
  set_link = { ifindex = 0x7fffffff, up = true },
  add_address = { ifindex = 0x7fffffff, ["local"] = "192.0.2.1/24" },
  delete_address = { ifindex = 0x7fffffff, ["local"] = "192.0.2.1/24" },
  add_route = { dst = "192.0.2.0/24", dev = "nosuch" },
  delete_route = { dst = "192.0.2.0/24", dev = "nosuch" },
}

local names = {}
for name in pairs(changes) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  add(name .. " without its interface", function()
    local nl = netlink.open "route"
    return pcall, { nl[name], nl, changes[name] }, { nl }
  end)
end
add_call("events of netlink", function()
  local nl <close> = netlink.open("route", { 1 })
  nl:settimeout(0.001)
  local ok, err = pcall(nl:events())
  if not ok and not sockeye.is_error(err, "ETIMEDOUT") then error(err, 0) end
end)

-- ---- processes ----

local function in_child(f, ...)
  local pid = sockeye.fork()
  if pid == 0 then
    pcall(f, ...)
    sockeye._exit(3)
  end
  return select(2, sockeye.waitpid(pid))
end

add_call("a child that exits", in_child, sockeye._exit, 3)
add_call("a child that becomes another program", function()
  return in_child(sockeye.execv, "/bin/true", { "true" }),
    in_child(sockeye.execvp, "true", { "true" })
end)
add_call("execv that fails", pcall, sockeye.execv, "/nosuch", { "nosuch" })
add_call("a handler that is taken back", function()
  local before = sockeye.signal("SIGUSR2", function() end)
  return sockeye.signal("SIGUSR2", before) ~= nil
end)

-- ---- programs in child processes ----

add_call("a process", function()
  local p = sockeye.process { "/bin/cat", stdin = "pipe", stdout = "pipe",
                              stderr = "stdout", cwd = "/", pdeath = "KILL",
                              env = { NAME = "value" } }
  local _ <close> = p
  p.stdin:write "data":close()
  local text = p.stdout:read "a"
  local how, number = p:wait()
  return text, how, number
end)
-- The second line and the end come while nobody waits for them.
add_call("a process that is read when it has ended", function()
  local p <close> = sockeye.process {
    "/bin/sh", "-c", "echo one; sleep 0.005; echo two", stdout = "pipe" }
  local line = p.stdout:read "l"
  sockeye.sleep(0.03)
  return line, p.stdout:read "a", p:wait()
end)
add_call("a process that is ended", function()
  local p <close> = sockeye.process { "/bin/cat", stdin = "pipe" }
  p:kill "TERM"
  p:close()
  return p:kill "KILL"
end)
add_call("a process that does not exist", pcall, function()
  local _ <close> = sockeye.process {
    "/nosuch", stdin = "null", stdout = "pipe", stderr = "null" }
end)
kit.add("a stream of a Lua file", function()
  local file = assert(io.open("/dev/zero", "r"))
  return function()
    local s <close> = sockeye.stream(file)
    return #s:read(10)
  end, { n = 0 }, {}
end)

-- ---- what a process is ----

add_call("limits", function()
  local soft, hard = sockeye.getrlimit "core"
  sockeye.setrlimit("core", soft, hard)
  return soft, hard
end)
add_call("a folder and a mask", function()
  sockeye.chdir "."
  sockeye.umask(sockeye.umask(18))
end)
add_call("the time of day", function() return sockeye.time() > 0 end)
-- The name stays as it is.
add_call("the name of the host", function()
  return pcall(sockeye.sethostname, sockeye.gethostname())
end)
add_call("a child that begins a session", function()
  return in_child(sockeye.setsid)
end)
add_call("a name of a group that does not exist", pcall, sockeye.setgid,
         "nosuch")
add_call("a name of a user that does not exist", pcall, sockeye.setuid,
         "nosuch")
add_call("a list of groups that do not exist", pcall, sockeye.setgroups,
         { 0, "nosuch" })
add_call("setsid of a process that leads a group", pcall, sockeye.setsid)
add_call("a child with other users and groups", function()
  return in_child(sockeye.setgroups, { "root", 0 }),
    in_child(sockeye.setgid, "root"), in_child(sockeye.setuid, "root")
end)
