-- A task for each connection: sockeye.lua echo|lines|once|sink|packets [PATH]

local sockeye = require "sockeye"

local work, path = ...
local handlers = {}

function handlers.echo(socket)
  local conn <close> = socket
  while true do
    local data = conn:recv(65536)
    if not data then return end
    conn:sendall(data)
  end
end

function handlers.once(socket)
  local conn <close> = socket
  local data = conn:recv(65536)
  if data then conn:sendall(data) end
end

function handlers.sink(socket)
  local conn <close> = socket
  local count = 0
  while true do
    local data = conn:recv(65536)
    if not data then break end
    count = count + #data
  end
  conn:sendall(tostring(count))
end

function handlers.lines(socket)
  local conn <close> = sockeye.stream(socket)
  for line in conn:lines() do conn:write(line, "\n") end
end

local function listen()
  local server
  if path then
    server = sockeye.socket("unix", "stream")
    server:bind("unix:" .. path)
  else
    server = sockeye.socket("inet", "stream")
    server:bind "127.0.0.1:0"
    server:setsockopt("TCP_NODELAY", true)
  end
  server:listen(4096)
  return server, path or server:getsockname().port
end

local function accept()
  local server, where = listen()
  local handler = assert(handlers[work])
  print("ready " .. where)
  while true do sockeye.spawn(handler, (server:accept())) end
end

-- The sender of the first packet gets the answers.
local function packets()
  local socket = sockeye.socket("inet", "dgram")
  socket:bind "127.0.0.1:0"
  print("ready " .. socket:getsockname().port)
  local _, from = socket:recvfrom(2048)
  socket:connect(from)
  socket:send "0"
  local count = 0
  while true do
    if #socket:recv(2048) == 64 then
      count = count + 1
    else
      socket:send(tostring(count))
    end
  end
end

io.stdout:setvbuf "line"
sockeye.run(work == "packets" and packets or accept)
