-- Makes each call that blocks, outside of tasks, while a signal comes whose
-- handler lets it end. Prints the call and how long it took until the handler
-- ran, in seconds; of several attempts the shortest.

local sockeye = require "sockeye"
local blocking = require "spec.support.blocking"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

local attempts <const> = 3
local soon <const> = 0.1
local big <const> = ("x"):rep(1 << 22)

local parent <const> = sockeye.getpid()

-- Reads what there is, until nothing has come for a while.
local function drain(s)
  local ok, data
  s:settimeout(0.02)
  repeat ok, data = pcall(s.read, s, 1 << 20) until not ok or not data
end

local function reading(call)
  return function()
    local a, b = sockeye.socketpair()
    return function() return call(a) end, function()
      b:send "hello"
      b:close()
    end
  end
end

local function writing(call)
  return function()
    local a, b = sockeye.socketpair()
    sockets.fill(a)
    a:settimeout(nil)
    return function() return pcall(call, a) end, function()
      drain(b)
      b:close()
    end
  end
end

local function file()
  local f = io.tmpfile()
  f:write(big)
  f:seek "set"
  return f
end

local function child()
  local r, w = sockeye.pipe()
  local pid = fork.child(function()
    w:close()
    r:read(1)
  end)
  return pid, function() w:write "x" end
end

-- By name: returns the call, and what lets it end.
local makers <const> = {
  ["recv of all"] = reading(function(s) return s:recv(10, "waitall") end),
  ["recvmany"] = reading(function(s) return s:recvmany(3, 10) end),
  ["stream's read"] = reading(function(s) return sockeye.stream(s):read(9) end),
  ["stream's lines"] = reading(function(s)
    return sockeye.stream(s):lines()()
  end),
  ["stream's pipe"] = reading(function(s)
    local c <close> = sockeye.socketpair()
    return sockeye.stream(s):pipe(sockeye.stream(c))
  end),
  ["splice"] = reading(function(s)
    local c <close> = sockeye.socketpair()
    return sockeye.splice(s, c)
  end),
  ["splice to a pipe"] = reading(function(s)
    local _, w <close> = sockeye.pipe()
    return sockeye.splice(s, w, 5)
  end),
  ["wait"] = reading(function(s) return sockeye.wait(s) end),
  ["poll without a limit"] = reading(function(s)
    return sockeye.poll { [s] = "r" }
  end),
  ["run"] = reading(function(s)
    return sockeye.run(function() return s:recv(1) end)
  end),
  ["loop's step"] = reading(function(s)
    local loop <close> = sockeye.loop(function() return s:recv(1) end)
    while loop:step(60) do end
  end),
  ["sendmany"] = writing(function(s) return s:sendmany { "x", "y" } end),
  ["sendall of much"] = writing(function(s) return s:sendall(big) end),
  ["sendfile"] = writing(function(s) return s:sendfile(file()) end),
  ["splice from a file"] = writing(function(s)
    return sockeye.splice(file(), s)
  end),
  ["stream's write"] = writing(function(s)
    return sockeye.stream(s):write(big):flush()
  end),
  ["stream's close"] = writing(function(s)
    return sockeye.stream(s):setvbuf("full"):write("x"):close()
  end),
  ["write of much to a pipe"] = function()
    local r, w = sockeye.pipe()
    return function()
      local sent = 0
      while sent < 1 << 17 do sent = sent + w:write(big) end
    end, function()
      fork.child(function()
        w:close()
        while r:read(1 << 16) do end
      end)
      r:close()
    end
  end,
  ["accept (unix)"] = function()
    local address = sockets.unix_name()
    local l = sockeye.socket("unix", "stream"):bind(address):listen()
    return function() return l:accept() end, function()
      sockeye.socket("unix", "stream"):connect(address)
    end
  end,
  ["waitpid of any"] = function()
    local _, finish = child()
    return function() return sockeye.waitpid() end, finish
  end,
  ["waitpid, untraced"] = function()
    local pid, finish = child()
    return function() return sockeye.waitpid(pid, "untraced") end, finish
  end,
  ["sleep for long"] = function()
    return function()
      return pcall(sockeye.sleep, 60)
    end, function() error "enough" end
  end,
}

for _, name in ipairs(blocking.names) do
  makers[name] = function()
    local case = blocking.make(name)
    return case.call, case.unblock
  end
end

-- Has a child send the signal as soon as this process sleeps. Returns a pipe
-- with the moment at which it does.
local function send_when_asleep()
  local r, w = sockeye.pipe()
  local pid = fork.child(function()
    fork.await(parent, "S")
    w:write(string.pack("n", sockeye.now()))
    sockeye.kill(parent, "USR1")
  end)
  w:close()
  return r, pid
end

-- Returns how long it took until the handler ran.
local function delay_of(make)
  local call, finish = make()
  local ran
  local before = sockeye.signal("USR1", function()
    if ran then return end
    ran = sockeye.now()
    finish()
  end)
  local r, pid = send_when_asleep()
  -- The child may be what is waited for.
  local ok, err = pcall(call)
  if not ran then error(("no handler has run: %s"):format(ok or err)) end
  sockeye.signal("USR1", before)
  pcall(sockeye.waitpid, pid)
  local sent = string.unpack("n", r:read(8))
  r:close()
  return ran - sent
end

local function shortest_of(make)
  local least = math.huge
  for _ = 1, attempts do
    least = math.min(least, delay_of(make))
    if least < soon then break end
  end
  return least
end

io.stdout:setvbuf "no"
local names <const> = {}
for name in pairs(makers) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  io.stdout:write(name, "\t")
  print(shortest_of(makers[name]))
  collectgarbage()
end
