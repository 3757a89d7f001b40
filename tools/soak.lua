-- Mixed traffic for a number of seconds, the first argument: connections that
-- echo and check every byte, over TCP, Unix and UDP sockets, bare, as streams
-- and by servers, with random cancellations, closes, time-outs, forks and
-- collections, in loops that come and go, with both pollers. Memory must not
-- grow: at the end it is at most 2 % above that of the first minute (or of the
-- first half of a shorter run). All descriptors must be closed.

local lfs = require "lfs"
local sockeye = require "sockeye"

local allocated <const> = assert(package.loadlib("./build/spec/allocated.so",
                                                 "luaopen_allocated"))()

local seconds <const> = tonumber(arg[1]) or 600
local start <const> = sockeye.now()
local warm_up <const> = math.min(60, seconds / 2)
local random <const> = math.random

-- Errors that are raised on purpose, or after what another task did on purpose.
local expected <const> = {
  ECANCELED = true, ETIMEDOUT = true, EPIPE = true, ECONNRESET = true,
  EBADF = true, ENOTCONN = true, EBUSY = true, ECONNREFUSED = true,
}

local counts <const> = {
  bytes = 0, lines = 0, connections = 0, served = 0, cancelled = 0, closed = 0,
  timed_out = 0, forked = 0, loops = 0, errors = 0,
}

local function check(ok, err, ...)
  if ok then return err, ... end
  if not (sockeye.is_error(err) and expected[err.code]) then error(err, 0) end
  if err.timeout then counts.timed_out = counts.timed_out + 1 end
  counts.errors = counts.errors + 1
end

local function attempt(f, ...) return check(pcall(f, ...)) end

-- ---- traffic ----

local function echo(s)
  local conn <close> = s
  for data in function() return conn:recv(random(1, 20000)) end do
    conn:sendall(data)
  end
end

local function echo_stream(conn)
  if random() < 0.3 then
    conn:pipe(conn)
    return
  end
  for data in function() return conn:read_some(random(1, 20000)) end do
    conn:write(data)
  end
end

local function echo_by_stream(s)
  local conn <close> = sockeye.stream(s)
  echo_stream(conn)
end

local function talk(conn)
  for _ = 1, random(1, 20) do
    local data <const> = string.char(random(0, 255)):rep(random(1, 30000))
    conn:settimeout(random() < 0.1 and random() / 200 or nil)
    local sender <const> = sockeye.spawn(function()
      attempt(conn.sendall, conn, data)
    end)
    local got = 0
    while got < #data do
      local part <const> = conn:recv(#data - got)
      if not part then break end
      assert(part == data:sub(got + 1, got + #part), "other bytes came back")
      got = got + #part
    end
    sender:join()
    counts.bytes = counts.bytes + got
    if got < #data then return end
  end
end

-- A line without an end is the last of a connection that was closed.
local function talk_in_lines(conn)
  for _ = 1, random(1, 20) do
    local line <const> =
      string.char(random(32, 255)):rep(random(0, 500)) .. "\n"
    local number <const> = random(1, 50)
    conn:settimeout(random() < 0.1 and random() / 200 or nil)
    for _ = 1, number do conn:write(line) end
    for _ = 1, number do
      local got <const> = conn:read("L")
      if not got or got:sub(-1) ~= "\n" then return end
      assert(got == line, "another line came back")
      counts.lines = counts.lines + 1
    end
  end
end

local function listener()
  if random() < 0.5 then
    return sockeye.socket("inet", "stream"):bind("127.0.0.1:0"):listen()
  end
  return sockeye.socket("unix", "stream"):bind("unix:@soak-" ..
    sockeye.getpid() .. "-" .. random(1 << 40)):listen()
end

local function client(address)
  local conn <close> = sockeye.socket(address.family, "stream")
  conn:connect(address)
  counts.connections = counts.connections + 1
  if random() < 0.2 then
    sockeye.timeout(random() / 50, talk, conn)
  else
    talk(conn)
  end
end

local function stream_client(address)
  local conn <close> = sockeye.connect(address)
  counts.connections = counts.connections + 1
  if random() < 0.2 then
    sockeye.timeout(random() / 50, talk_in_lines, conn)
  else
    talk_in_lines(conn)
  end
end

local function serve()
  local l <const> = listener()
  local address <const> = l:getsockname()
  local stop <const> = sockeye.channel(1)
  sockeye.group(function(g)
    g:spawn(sockeye.serve, l, function(conn)
      counts.served = counts.served + 1
      echo_stream(conn)
    end, {
      stop = stop, signals = false, grace = random() / 100,
      connections = random(1, 5), idle_timeout = random() / 10,
      on_error = function(err) check(false, err) end,
    })
    for _ = 1, 10 do g:spawn(attempt, stream_client, address) end
    sockeye.sleep(random() / 50)
    stop:put(true)
  end)
end

local function datagrams()
  local u <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  local name <const> = u:getsockname()
  for i = 1, random(1, 200) do
    u:sendto(tostring(i), name)
    assert(u:recv(100) == tostring(i), "another datagram")
  end
end

local function pass_on()
  local ch <const> = sockeye.channel(random(0, 5))
  sockeye.group(function(g)
    for _ = 1, 3 do
      g:spawn(function() for i = 1, 50 do ch:put(i) end end)
    end
    for _ = 1, 150 do ch:get() end
  end)
end

local function fork()
  local pid <const> = sockeye.fork()
  if pid == 0 then
    local ok, err = pcall(function()
      local a <close>, b = sockeye.socketpair()
      local _ <close> = b
      local t <const> = sockeye.spawn(a.recv, a, 10)
      sockeye.sleep(0)
      b:send "child"
      assert(t:join() == "child")
      assert(#sockeye.tasks() == 1)
    end)
    if not ok then io.stderr:write(tostring(err), "\n") end
    sockeye._exit(ok and 0 or 1)
  end
  counts.forked = counts.forked + 1
  local _, how, number = sockeye.waitpid(pid)
  assert(how == "exit" and number == 0, "a child failed")
end

local function abandoned()
  local a, b = sockeye.socketpair()
  local loop <const> = sockeye.loop(function()
    sockeye.spawn(b.recv, b, 1)
    a:recv(1)
  end)
  loop:step()
end

-- ---- one loop ----

local works <const> = { datagrams, pass_on, abandoned, serve }

local function life()
  local l <close> = listener()
  local address <const> = l:getsockname()
  local served <const> = {}
  local acceptor <const> = sockeye.spawn(function()
    while true do
      local c <const> = l:accept()
      served[#served + 1] = c
      sockeye.spawn(attempt, random() < 0.5 and echo or echo_by_stream, c)
    end
  end)
  local tasks <const> = {}
  for _ = 1, 30 do
    local each <const> = random() < 0.5 and client or stream_client
    tasks[#tasks + 1] = sockeye.spawn(attempt, each, address)
    tasks[#tasks + 1] = sockeye.spawn(attempt, works[random(#works)])
  end
  for _ = 1, 5 do
    sockeye.sleep(random() / 100)
    local dice <const> = random()
    if dice < 0.3 then
      tasks[random(#tasks)]:cancel()
      counts.cancelled = counts.cancelled + 1
    elseif dice < 0.6 and #served > 0 then
      served[random(#served)]:close()
      counts.closed = counts.closed + 1
    elseif dice < 0.7 then
      fork()
    elseif dice < 0.8 then
      collectgarbage()
    end
  end
  for _, t in ipairs(tasks) do attempt(t.join, t) end
  acceptor:cancel()
  attempt(acceptor.join, acceptor)
  for _, c in ipairs(served) do c:close() end
end

-- ---- measuring ----

local function descriptors()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
  return count
end

-- KiB: of Lua, and of the process. Under the address sanitizer the second is
-- what is allocated, since the process grows by the sanitizer's own memory.
local function memory()
  collectgarbage()
  collectgarbage()
  local lua <const> = collectgarbage "count"
  local bytes <const> = allocated()
  if bytes then return { lua, bytes / 1024 } end
  local file <close> = assert(io.open "/proc/self/statm")
  local _, pages = file:read("n", "n")
  return { lua, pages * 4 }
end

-- The pool keeps a number of buffers that streams have returned: fill it at the
-- beginning, so that it does not look like growth.
local function fill_pool()
  local ends <const> = {}
  for i = 1, 50 do
    local a, b = sockeye.socketpair()
    b:send "xy"
    local conn <const> = sockeye.stream(a)
    conn:read(1)
    ends[i] = { conn, b }
  end
  for _, pair in ipairs(ends) do
    pair[1]:close()
    pair[2]:close()
  end
end

local function flat(name, first, last)
  local growth <const> = (last / first - 1) * 100
  print(("%s: at most %.0f KiB in the first %d s, at the end %.0f KiB " ..
         "(%+.2f %%)"):format(name, first, warm_up, last, growth))
  return growth <= 2
end

math.randomseed(tonumber(arg[2]) or os.time())
io.stdout:setvbuf "line"
local opened <const> = descriptors()
fill_pool()
local base <const> = { 0, 0 }
while sockeye.now() - start < seconds do
  counts.loops = counts.loops + 1
  sockeye.run({ poller = counts.loops % 3 == 0 and "poll" or "epoll" }, life)
  if sockeye.now() - start < warm_up then
    local now <const> = memory()
    for i = 1, 2 do base[i] = math.max(base[i], now[i]) end
  end
end

local names <const> = {}
for name in pairs(counts) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do print(name, counts[name]) end
local last <const> = memory()
assert(descriptors() == opened, "descriptors are left open")
local lua_flat <const> = flat("Lua's memory", base[1], last[1])
local all_flat <const> = flat("all memory", base[2], last[2])
assert(lua_flat and all_flat, "memory has grown")
