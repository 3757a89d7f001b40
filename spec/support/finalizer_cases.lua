-- Calls during which a finalizer does what is least welcome. Each case is a
-- name and a function that returns the call, what the finalizer does, and a
-- check of what pcall returned for the call.

local sockeye = require "sockeye"

local cases = {}

local function case(name, prepare)
  cases[#cases + 1] = { name, prepare }
end

local function close_all(...)
  for _, s in ipairs { ... } do s:close() end
end

local function is_closed(err)
  return sockeye.is_error(err, "ECANCELED") or sockeye.is_error(err, "EBADF")
end

-- A stream of numbered lines that has received all of them.
local function stream_with(data)
  local a, b = sockeye.socketpair()
  a:send(data)
  local conn = sockeye.stream(b):settimeout(0)
  assert(conn:read(#data + 1) == false)
  return a, conn
end

local numbers = {}
for i = 1, 2000 do numbers[i] = ("%06d\n"):format(i) end
local lines <const> = table.concat(numbers)

-- What was read, in order, must be the whole: nothing twice, nothing lost.
case("a finalizer reads from the stream that is read", function()
  local a, conn = stream_with(lines)
  local inner = ""
  return function() return conn:read(7 * 400, "L", 7 * 300, "L", "L") end,
    function() inner = table.concat { conn:read(7 * 100, "L") } end,
    function(ok, ...)
      assert(ok, (...))
      local outer = table.concat { ... }
      local rest = conn:read_some(1 << 20)
      assert(inner .. outer .. rest == lines or outer .. inner .. rest == lines)
      close_all(a, conn)
    end
end)

case("a finalizer fills the stream that is read", function()
  local a, conn = stream_with(lines)
  return function() return conn:read(7 * 400, "L", 7 * 300, "L", "L") end,
    function()
      a:send(("y"):rep(100000))
      assert(conn:read(1 << 20) == false)
    end,
    function(ok, ...)
      assert(ok, (...))
      local outer = table.concat { ... }
      assert(outer == lines:sub(1, #outer) and #outer == 7 * 703)
      assert(conn:read_some(#lines - #outer) == lines:sub(#outer + 1))
      close_all(a, conn)
    end
end)

for _, reader in ipairs { "read", "read_until", "read_some" } do
  case("a finalizer closes the stream: " .. reader, function()
    local a, conn = stream_with(lines)
    return function() return conn[reader](conn, reader == "read" and "L" or
                                          reader == "read_until" and "9\n" or
                                          9000) end,
      function() conn:close() end,
      function(ok, data)
        if ok then
          assert(data == lines:sub(1, #data))
        else
          assert(is_closed(data), data)
        end
        close_all(a, conn)
      end
  end)
end

case("a finalizer closes the stream between two formats", function()
  local a, conn = stream_with(lines)
  return function() return conn:read(5000, 5000) end,
    function() conn:close() end,
    function(ok, one, two)
      if ok then
        assert(one .. two == lines:sub(1, 10000))
      else
        assert(is_closed(one), one)
      end
      close_all(a, conn)
    end
end)

case("a finalizer receives while a message is made", function()
  local a, b = sockeye.socketpair()
  local c, d = sockeye.socketpair()
  a:sendmsg { iov = ("A"):rep(70000), control = { rights = { a } } }
  c:send(("B"):rep(70000))
  return function() return b:recvmsg { iov = 200000, control = true } end,
    function() d:recv(200000, "dontwait") end,
    function(ok, m)
      assert(ok, m)
      assert(m.data == ("A"):rep(#m.data))
      close_all(a, b, c, d, table.unpack(m.control.rights))
    end
end)

case("a finalizer changes the sizes of a message", function()
  local a, b = sockeye.socketpair()
  local options = { iov = { 10, 20, 30 } }
  a:send(("A"):rep(60))
  return function() return b:recvmsg(options) end,
    function() options.iov = {} end,
    function(ok, m)
      if ok then assert(table.concat(m.iov) == m.data) end
      close_all(a, b)
    end
end)

case("a finalizer changes the sizes of many messages", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  local options = { iov = { 10, 20, 30 } }
  for _ = 1, 5 do a:send(("A"):rep(60)) end
  return function() return b:recvmany(5, options) end,
    function() options.iov = 7 end,
    function(ok, list)
      local iov = ok and list[1].iov
      assert(not iov or table.concat(iov) == list[1].data)
      close_all(a, b)
    end
end)

-- A number that has been closed may be another file's by the time of the
-- system call.
local function steal(victim)
  local opened
  return function()
    victim:close()
    opened = sockeye.socket("unix", "dgram")
  end, function() return opened end
end

for name, send in pairs {
  sendmsg = function(a, m) return a:sendmsg(m) end,
  sendmany = function(a, m) return a:sendmany { "first", m } end,
  zerocopy = function(a, m) m.flags = "zerocopy" return a:sendmsg(m) end,
} do
  case("a finalizer closes a descriptor that is passed: " .. name, function()
    local a, b = sockeye.socketpair("unix", "dgram")
    local victim = sockeye.socket("inet", "dgram")
    local act, opened = steal(victim)
    return function()
        return send(a, { iov = { "x", "y" },
                         control = { rights = { victim } } })
      end,
      act,
      function(ok, err)
        if not ok then assert(sockeye.is_error(err, "EBADF"), err) end
        if ok and name == "sendmany" then b:recv(10) end
        if ok then
          local m = b:recvmsg { iov = 9, control = true }
          local got <close> = m.control.rights[1]
          assert(got:getsockopt "SO_DOMAIN" == "inet")
        end
        close_all(a, b, victim, opened())
      end
  end)
end

local function poll_in_task(...)
  return sockeye.run(sockeye.poll, ...)
end

for name, poll in pairs { outside = sockeye.poll, inside = poll_in_task } do
  case("a finalizer closes a descriptor that is polled: " .. name, function()
    local a, b = sockeye.socketpair()
    local victim = sockeye.socket("unix", "dgram")
    local act, opened = steal(victim)
    local conn = sockeye.stream(b)
    return function()
        return poll({ [victim] = "r", [conn] = "r", [a] = "r" }, 0.001)
      end,
      act,
      function(ok, ready)
        assert(ok and next(ready) == nil or not ok and is_closed(ready), ready)
        close_all(a, b, victim, opened())
      end
  end)
end

case("a finalizer closes the socket whose option is read", function()
  local s = sockeye.socket("inet", "dgram")
  local group = { group = "239.1.2.3", interface = "127.0.0.1" }
  s:setsockopt("IP_ADD_MEMBERSHIP", group)
  local act, opened = steal(s)
  return function() return s:getsockopt("IP_MSFILTER", group) end, act,
    function(ok, err)
      if not ok then assert(sockeye.is_error(err, "EBADF"), err) end
      close_all(s, opened())
    end
end)

case("a finalizer changes the list of strings of an exec", function()
  local argv = { "sh" }
  for i = 1, 20 do argv[i + 1] = ("argument %d of a program"):format(i) end
  local env = {}
  for i = 1, 40 do env["NAME" .. i] = ("value %d"):format(i) end
  return function() return sockeye.execve("/nonexistent/sh", argv, env) end,
    function() for i = 1, #argv do argv[i] = i .. "" end end,
    function(ok, err)
      assert(not ok and sockeye.is_error(err, "ENOENT"), err)
    end
end)

case("a finalizer sends from the socket that sends without copying", function()
  local l <close> = sockeye.listen("127.0.0.1:0")
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  local s = l:accept()
  return function() return s:send(("x"):rep(5000), "zerocopy") end,
    function() s:send("inner", "zerocopy") end,
    function(ok, n)
      assert(ok and n == 5000, n)
      close_all(s, c)
    end
end)

case("a finalizer closes the socket that sends without copying", function()
  local l <close> = sockeye.listen("127.0.0.1:0")
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  local s = l:accept()
  return function()
      return s:sendmsg { iov = { "a", ("x"):rep(5000) }, flags = "zerocopy" }
    end,
    function() s:close() end,
    function(ok, n)
      assert(ok and n == 5001 or sockeye.is_error(n, "EBADF"), n)
      close_all(s, c)
    end
end)

-- The C library makes the texts of unknown numbers in one place.
case("a finalizer fails, too, while an error is made", function()
  local fault <const> = require("sockeye.core").primitives.netlink.fault
  local text <const> = fault("alone", 4001).message
  return function() return fault("outer", 4001) end,
    function() fault("inner", 40020) end,
    function(ok, err)
      assert(ok and err.errno == 4001 and err.message == text, tostring(err))
    end
end)

-- In the child, only the task that runs is left.
case("a finalizer forks while the tasks are listed", function()
  local pid, ok, tasks
  local loop = sockeye.loop(function()
    for _ = 1, 60 do sockeye.spawn(sockeye.sleep, 60) end
    sockeye.yield()
    ok, tasks = pcall(sockeye.tasks)
    local is_whole = ok and (#tasks == 61 or #tasks == 1)
    if pid == 0 then sockeye._exit(is_whole and 0 or 1) end
  end)
  loop:step()
  return function() loop:step() end,
    function() pid = sockeye.fork() end,
    function()
      if pid == 0 then sockeye._exit(0) end
      assert(ok and #tasks == 61, tasks)
      loop:close()
      if not pid then return end
      local _, _, status = sockeye.waitpid(pid)
      assert(status == 0, "the child failed")
    end
end)

-- The group belongs to another loop than the task that spawns.
case("a finalizer ends the loop of a group that gets a task", function()
  local group
  local loop = sockeye.loop(function()
    sockeye.group(function(g)
      group = g
      sockeye.sleep(60)
    end)
  end)
  loop:step()
  local spawns, has_ended = false, false
  return function()
      sockeye.run(function()
        spawns = true
        group:spawn(error)
        spawns = false
      end)
    end,
    function()
      has_ended = spawns
      if spawns then loop:close() end
    end,
    function(ok, err)
      assert(ok ~= has_ended, err)
      assert(ok or err:find "spawn: the group has ended", err)
      loop:close()
    end
end)

-- Calls that create a descriptor before a task waits: the call, what makes it
-- end, and what cleans up.
local waits <const> = {}

function waits.waitpid()
  local from, to = sockeye.pipe()
  local pid = sockeye.fork()
  if pid == 0 then
    to:close()
    from:read(1)
    sockeye._exit(0)
  end
  from:close()
  return function() return sockeye.waitpid(pid) end,
    function() to:close() end,
    function()
      to:close()
      pcall(sockeye.waitpid, pid)
    end
end

function waits.poll()
  local a, b = sockeye.socketpair()
  local c, d = sockeye.socketpair()
  return function() return sockeye.poll { [a] = "r", [c] = "r" } end,
    function() b:send "x" end,
    function() close_all(a, b, c, d) end
end

for name, prepare in pairs(waits) do
  case("a finalizer cancels a task before it waits: " .. name, function()
    local wait, release, clean_up = prepare()
    local cancelled, ok, err
    local task
    local loop = sockeye.loop(function()
      task = sockeye.tasks()[1].task
      ok, err = pcall(function()
        sockeye.yield()
        return wait()
      end)
    end)
    loop:step()
    return function() loop:step() end,
      function()
        cancelled = true
        task:cancel()
      end,
      function(stepped, problem)
        assert(stepped, problem)
        if not cancelled then release() end
        for _ = 1, 3 do
          if ok == nil then loop:step(cancelled and 0 or 5) end
        end
        loop:close()
        clean_up()
        assert(ok == not cancelled, "it was not cancelled")
        assert(ok or sockeye.is_error(err, "ECANCELED"), err)
      end
  end)
end

return cases
