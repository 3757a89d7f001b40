-- Runs calls that could go on for ever without waiting, since their peer always
-- gives or takes something at once, and prints how each was ended.
--
-- arg[1]: "outside" of tasks or "inside" of one, which waits by SOCKEYE_POLLER.
-- arg[2]: nil, or a pattern of the names of the calls to run.

local sockeye = require "sockeye"
local fork = require "spec.support.fork"

local limit <const> = 0.02
local endless <const> = 1 << 40
local piece <const> = ("x"):rep(1 << 20)
local inside <const> = arg[1] == "inside"

-- What a case opens and starts.
local opened, children

local function keep(...)
  for _, s in ipairs { ... } do opened[#opened + 1] = s end
  return ...
end

-- One end of a pair of sockets, the other end of which a child uses over and
-- over.
local function with_child(use, type)
  local a, b = keep(sockeye.socketpair("unix", type or "stream"))
  children[#children + 1] = fork.child(function()
    a:close()
    repeat until not pcall(use, b)
  end)
  b:close()
  return a
end

local function taken(type)
  return with_child(function(b) assert(b:recv(1 << 16)) end, type)
end

local function taken_slowly()
  return with_child(function(b) assert(b:recv(16)) end)
end

local function given(bytes)
  local text <const> = bytes:rep(1 << 16)
  return with_child(function(b) b:send(text) end)
end

local function adopted(path, mode)
  local file <close> = assert(io.open(path, mode))
  local fd <const> = sockeye.socket("unix", "stream"):detach()
  sockeye.dup2(file, fd)
  return keep(sockeye.adopt(fd))
end

local function zeros() return adopted("/dev/zero", "r") end
local function nowhere() return adopted("/dev/null", "w") end

local function stream(s) return sockeye.stream(s):setmax(endless) end

local function list(value, count)
  local values = {}
  for i = 1, count do values[i] = value end
  return values
end

local function forever(f, ...)
  while true do f(...) end
end

-- Calls that are one long one. Each gets what the function before it returns.
local long = {
  sendall = { taken, function(s)
    return s:sendall(table.unpack(list(piece, 200000)))
  end },
  ["sendall with flags"] = { taken, function(s)
    local strings = list(piece, 200000)
    strings[#strings + 1] = { flags = "nosignal" }
    return s:sendall(table.unpack(strings))
  end },
  recv = { function() return given "x" end, function(s)
    return s:recv(endless, "waitall")
  end },
  recvfrom = { function() return given "x" end, function(s)
    return s:recvfrom(endless, "waitall")
  end },
  recvmsg = { function() return given "x" end, function(s)
    return s:recvmsg { iov = endless, flags = "waitall" }
  end },
  ["sendmany on a stream"] = { taken, function(s)
    return s:sendmany(list(piece, 1000000))
  end },
  ["sendmany of datagrams"] = { function() return taken "dgram" end,
    function(s) return s:sendmany(list("x", 3000000)) end },
  ["sendmany of tables"] = { function() return taken "dgram" end,
    function(s) return s:sendmany(list({ iov = "x" }, 1000000)) end },
  ["read a"] = { function() return given "x" end, function(s)
    return stream(s):read "a"
  end },
  ["read a number of bytes"] = { function() return given "x" end, function(s)
    return stream(s):read(endless)
  end },
  ["read l"] = { function() return given "x" end, function(s)
    return stream(s):read "l"
  end },
  ["read n"] = { function() return given " " end, function(s)
    return stream(s):read "n"
  end },
  ["read several"] = { function() return given "\n" end, function(s)
    return stream(s):read("l", "L", "a")
  end },
  read_until = { function() return given "x" end, function(s)
    return stream(s):read_until "xy"
  end },
  ["read a of a device"] = { zeros, function(s) return stream(s):read "a" end },
  ["read l of a device"] = { zeros, function(s) return stream(s):read "l" end },
  ["read bytes of a device"] = { zeros, function(s)
    return stream(s):read(endless)
  end },
  ["read_until of a device"] = { zeros, function(s)
    return stream(s):read_until "x"
  end },
  write = { function() return taken_slowly(), piece:rep(32) end,
    function(s, text) return sockeye.stream(s):write(text):flush() end },
  flush = { function()
    local s = taken_slowly()
    local c = sockeye.stream(s):setvbuf("full", endless)
    local text = ("x"):rep(8192)
    for _ = 1, 4096 do c:write(text) end
    return s, c
  end, function(_, c) return c:flush() end },
}

-- Those whose time-out counts from the last byte that was moved.
local moving = {
  sendfile = { taken, function(s)
    return s:sendfile(zeros())
  end },
  ["sendfile of a stream"] = { taken, function(s)
    return sockeye.stream(s):write("x"):sendfile(zeros())
  end },
  splice = { function() return given "x", taken() end, function(s, to)
    return s:splice(to)
  end },
  ["splice of devices"] = { function() return zeros(), nowhere() end,
    function(s, to) return s:splice(to) end },
  pipe = { function() return given "x", taken() end, function(s, to)
    return sockeye.stream(s):pipe(sockeye.stream(to))
  end },
  ["pipe of a device"] = { function() return zeros(), taken() end,
    function(s, to) return sockeye.stream(s):pipe(sockeye.stream(to)) end },
}

-- Short calls, made over and over.
local short = {
  ["recv of a byte"] = { function() return given "x" end, function(s)
    forever(s.recv, s, 1)
  end },
  recvmany = { function() return given "x" end, function(s)
    forever(s.recvmany, s, 2, 1)
  end },
  ["recvmsg of a byte"] = { function() return given "x" end, function(s)
    forever(s.recvmsg, s, { iov = 1 })
  end },
  ["send of a byte"] = { taken, function(s) forever(s.send, s, "x") end },
  sendto = { taken, function(s) forever(s.sendto, s, "x") end },
  sendmsg = { taken, function(s) forever(s.sendmsg, s, { iov = "x" }) end },
  ["sendall of a byte"] = { taken, function(s)
    forever(s.sendall, s, "x")
  end },
  ["sendmany of two"] = { taken, function(s)
    forever(s.sendmany, s, { "x", "y" })
  end },
  ["read of a socket"] = { zeros, function(s) forever(s.read, s, 1) end },
  ["write of a socket"] = { nowhere, function(s) forever(s.write, s, "x") end },
  lines = { zeros, function(s)
    for _ in sockeye.stream(s):lines(1) do end
  end },
  read_some = { zeros, function(s)
    local c = sockeye.stream(s)
    forever(c.read_some, c, 1)
  end },
  ["writes of a stream"] = { nowhere, function(s)
    local c = sockeye.stream(s)
    forever(c.write, c, "x")
  end },
  ["sendfile of a byte"] = { taken, function(s)
    local file <close> = assert(io.open("/dev/zero"))
    forever(s.sendfile, s, file, nil, 1)
  end },
  poll = { zeros, function(s)
    forever(sockeye.poll, { [s] = "r" }, 0)
  end },
  wait = { zeros, function(s) forever(sockeye.wait, s, "r") end },
}

local function describe(ok, err)
  if ok then return "returned" end
  if type(err) ~= "table" then return tostring(err) end
  return err.timeout and "timed out" or err.code
end

local function run(f, ...)
  if inside then return pcall(sockeye.run, f, ...) end
  return pcall(f, ...)
end

local is_called = false

local function interrupted(call, ...)
  local parent <const> = sockeye.getpid()
  children[#children + 1] = fork.child(function()
    while sockeye.getppid() == parent do
      sockeye.sleep(0.005)
      sockeye.kill(parent, "SIGUSR1")
    end
  end)
  return describe(run(function(...)
    is_called = true
    return call(...)
  end, ...))
end

local ways = {
  ["its deadline"] = function(call, ...)
    return describe(run(sockeye.timeout, limit, call, ...))
  end,
  ["a handler's error"] = interrupted,
}

local function timed_out(call, s, ...)
  return describe(run(call, s:settimeout(limit), ...))
end

-- Another task that runs meanwhile, several times.
local function cancelled(call, ...)
  return describe(run(function(...)
    local task <const> = sockeye.spawn(call, ...)
    for _ = 1, 5 do sockeye.yield() end
    task:cancel()
    task:join()
  end, ...))
end

local function clean_up()
  for _, pid in ipairs(children) do
    sockeye.kill(pid, "SIGKILL")
    sockeye.waitpid(pid)
  end
  for _, s in ipairs(opened) do s:close() end
  collectgarbage()
end

local function try(name, way, under, make, call)
  if not name:find(arg[2] or "") then return end
  opened, children = {}, {}
  local how <const> = under(call, make())
  is_called = false
  clean_up()
  print(name .. "\t" .. way .. "\t" .. how)
end

local function try_all(calls)
  for name, case in pairs(calls) do
    local make <const>, call <const> = table.unpack(case)
    for way, under in pairs(ways) do try(name, way, under, make, call) end
    if inside then try(name, "another task", cancelled, make, call) end
    if calls == long then try(name, "its time-out", timed_out, make, call) end
  end
end

-- Raises once: the next signal may come when the call has ended.
sockeye.signal("SIGUSR1", function()
  if not is_called then return end
  is_called = false
  error("the handler's error", 0)
end)
io.stdout:setvbuf "no"
try_all(long)
try_all(moving)
try_all(short)
