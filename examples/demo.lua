-- A chat and echo server over TCP, a Unix socket and UDP, in one process, and a
-- thousand clients in another, which hold it to every line. It ends by itself.
--
--   lua demo.lua           lua demo.lua 50      for ten times as long

local sockeye = require "sockeye"

local rounds <const> = math.tointeger(tonumber(arg[1] or 5))
if not rounds or rounds < 1 then
  io.stderr:write("usage: lua demo.lua [ROUNDS]\n")
  os.exit(2)
end

local clients <const> = { tcp = 700, unix = 250, udp = 50 }
local room_size <const> = 10
local echoes <const>, says <const> = 20 * rounds, 4 * rounds

-- ---- the server: a task for each client, and one that writes to it ----

local figures = { connected = 0, most = 0, lines = 0, sent = 0, datagrams = 0 }
local rooms = {}

local function say(room, text)
  for inbox in pairs(room.members) do inbox:put(text) end
end

-- "/join ROOM", then "/say TEXT"; any other line is echoed.
local function obey(line, inbox, room)
  local verb, rest = line:match("^/(%a+) (.*)$")
  if verb == "join" then
    room = rooms[rest] or { members = {}, count = 0 }
    rooms[rest] = room
    room.members[inbox] = true
    room.count = room.count + 1
    if room.count == room_size then say(room, "* all are here") end
  elseif verb == "say" then
    say(room, rest)
  else
    inbox:put(line)
  end
  return room
end

local function chat(stream)
  local inbox = sockeye.channel(100)
  sockeye.spawn(function()
    for text in inbox:values() do
      stream:write(text, "\n")
      figures.sent = figures.sent + 1
    end
  end)
  figures.connected = figures.connected + 1
  figures.most = math.max(figures.most, figures.connected)
  local room
  for line in stream:lines() do
    figures.lines = figures.lines + 1
    room = obey(line, inbox, room)
  end
  if room then room.members[inbox] = nil end
  figures.connected = figures.connected - 1
end

local function echo_datagrams(socket)
  while true do
    local data, from = socket:recvfrom(65535)
    socket:sendto(data, from)
    figures.datagrams = figures.datagrams + 1
  end
end

-- ---- the clients ----

local function check(wanted, got)
  if got ~= wanted then
    error(("%q came back as %q"):format(wanted, tostring(got)), 0)
  end
end

-- Sends texts and compares what comes back; notes how long each takes.
local function exchange(number, times, send, receive)
  for i = 1, echoes do
    local text = ("client %d, line %d %s"):format(number, i, ("."):rep(i))
    local start = sockeye.now()
    send(text)
    check(text, receive())
    times[#times + 1] = sockeye.now() - start
  end
end

-- Each member of a room receives all messages, in each sender's order.
local function talk(conn, number, shared)
  conn:write("/join ", number // room_size, "\n")
  check("* all are here", conn:read("l"))
  for i = 1, says do conn:write("/say ", number, ": ", i, "\n") end
  local said = {}
  for _ = 1, says * room_size do
    local who, i = conn:read("l"):match("^(%d+): (%d+)$")
    said[who] = (said[who] or 0) + 1
    check(tostring(said[who]), i)
    shared.heard = shared.heard + 1
  end
end

-- Nobody leaves before everybody has come.
local function meet(shared)
  shared.met = shared.met + 1
  if shared.met == clients.tcp + clients.unix then shared.gate:close() end
  shared.gate:get()
end

local function call(endpoint, number, times, shared)
  local conn <close> = sockeye.connect(endpoint, { timeout = 10 })
  exchange(number, times, function(text) conn:write(text, "\n") end,
           function() return conn:read("l") end)
  meet(shared)
  talk(conn, number, shared)
end

-- A datagram may be lost: then it is sent once more.
local function ping(address, number, times)
  local socket <close> = sockeye.socket("inet", "dgram")
  socket:connect(address):settimeout(1)
  local sent
  exchange(number, times, function(text)
    sent = text
    socket:send(text)
  end, function()
    for _ = 1, 5 do
      local ok, data = sockeye.pcall(socket.recv, socket, 65535)
      if ok and data == sent then return data end
      if not ok and not data.timeout then error(data, 0) end
      if not ok then socket:send(sent) end
    end
  end)
end

local function percentile(times, share)
  return times[math.max(1, math.ceil(#times * share))] * 1000
end

-- Runs all of them at once. Returns a summary.
local function run_clients(places)
  local times, number = {}, -1
  local shared = { heard = 0, met = 0, gate = sockeye.channel() }
  sockeye.group(function(g)
    for kind, f in pairs { tcp = call, unix = call, udp = ping } do
      for _ = 1, clients[kind] do
        if kind ~= "udp" then number = number + 1 end
        g:spawn(f, places[kind], number, times, shared)
      end
    end
  end)
  table.sort(times)
  return ("%d echoes and %d chat lines, each as it was sent.\nAn echo took " ..
          "%.1f ms (median), %.1f ms (99th percentile)"):format(
    #times, shared.heard, percentile(times, 0.5), percentile(times, 0.99))
end

-- ---- both ----

-- On a terminal, each line of figures replaces the one before.
local is_terminal <const> = os.execute("test -t 1") == true

local function show(start)
  io.write(is_terminal and "\r" or "",
           ("%5.1f s  %4d connected  %6d lines in  %6d out  %5d datagrams"):
           format(sockeye.now() - start, figures.connected, figures.lines,
                  figures.sent, figures.datagrams), is_terminal and "" or "\n")
  io.flush()
end

-- Forks the process of the clients: its id, and the pipe that it writes to. The
-- task goes on in both.
local function start_clients(places, ours)
  local r, w = sockeye.pipe()
  io.flush()
  local pid = sockeye.fork()
  if pid > 0 then
    w:close()
    return pid, r
  end
  for _, socket in ipairs(ours) do socket:close() end
  local ok, outcome = pcall(run_clients, places)
  w:write(tostring(outcome))
  sockeye._exit(ok and 0 or 1)
end

local function main()
  local tcp = sockeye.listen("127.0.0.1:0")
  local unix = sockeye.listen("unix:@sockeye-demo-" .. sockeye.getpid())
  local udp <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
  local places = { tcp = tcp:getsockname(), unix = unix:getsockname(),
                   udp = udp:getsockname() }
  print(("serving %s, %s and, over UDP, %s"):format(places.tcp, places.unix,
                                                    places.udp))
  local start = sockeye.now()
  local pid, report <close> = start_clients(places, { tcp, unix, udp })
  local stop = sockeye.channel()
  local helpers = {
    sockeye.spawn(echo_datagrams, udp),
    sockeye.spawn(function()
      while true do
        show(start)
        sockeye.sleep(is_terminal and 0.1 or 0.5)
      end
    end),
  }
  local server = sockeye.spawn(sockeye.serve, { tcp, unix }, chat,
                               { stop = stop })
  local outcome = report:read(4096)
  local _, how, status = sockeye.waitpid(pid)
  local seconds = sockeye.now() - start
  stop:close()
  server:join()
  for _, task in ipairs(helpers) do task:cancel() end
  show(start)
  print(("%s%d clients over TCP, %d over a Unix socket, %d over UDP:\n%s."):
    format(is_terminal and "\n" or "", clients.tcp, clients.unix, clients.udp,
           outcome))
  print(("%d connections at once. %.1f s, of which the server's processor " ..
         "worked %.1f s."):format(figures.most, seconds, os.clock()))
  return how == "exit" and status == 0
end

os.exit(sockeye.run(main), true)
