-- select(2) over all: luasocket.lua echo|lines|once|sink|packets [PATH]

local socket = require "socket"

local work, path = ...
local sockets, counts = {}, {}

local function add(s)
  s:settimeout(0)
  table.insert(sockets, s)
  sockets[s] = #sockets
end

local function remove(s)
  local place, last = sockets[s], table.remove(sockets)
  sockets[s], counts[s] = nil, nil
  if last ~= s then sockets[place], sockets[last] = last, place end
  s:close()
end

local function receive(s)
  local data, err, partial = s:receive(65536)
  data = data or partial
  return #data > 0 and data or nil, err == "closed"
end

local handlers = {}

function handlers.echo(s)
  local data, ended = receive(s)
  if data then s:send(data) end
  if ended then remove(s) end
end

function handlers.once(s)
  local data = receive(s)
  if data then s:send(data) end
  remove(s)
end

function handlers.sink(s)
  local data, ended = receive(s)
  counts[s] = (counts[s] or 0) + (data and #data or 0)
  if ended then
    s:send(tostring(counts[s]))
    remove(s)
  end
end

-- What belongs to a line that has not ended is given back, to be its prefix.
function handlers.lines(s)
  while true do
    local line, err, partial = s:receive("*l", counts[s])
    if not line then
      counts[s] = #partial > 0 and partial or nil
      if err == "closed" then remove(s) end
      return
    end
    counts[s] = nil
    s:send(line .. "\n")
  end
end

local function listen()
  if path then
    local server = assert(require "socket.unix".stream())
    assert(server:bind(path))
    assert(server:listen(4096))
    return server, path
  end
  local server = assert(socket.tcp())
  assert(server:bind("127.0.0.1", 0))
  assert(server:listen(4096))
  server:setoption("tcp-nodelay", true)
  return server, (select(2, server:getsockname()))
end

local function serve()
  local server, where = listen()
  local handler = assert(handlers[work])
  add(server)
  print("ready " .. where)
  while true do
    for _, s in ipairs((socket.select(sockets))) do
      if s ~= server then
        handler(s)
      else
        local conn = server:accept()
        while conn do
          add(conn)
          conn = server:accept()
        end
      end
    end
  end
end

local function packets()
  local s = assert(socket.udp())
  assert(s:setsockname("127.0.0.1", 0))
  print("ready " .. select(2, s:getsockname()))
  local _, host, port = s:receivefrom(2048)
  s:setpeername(host, port)
  s:send "0"
  s:settimeout(0)
  local list, count = { s }, 0
  while true do
    local data = s:receive(2048)
    if not data then
      socket.select(list)
    elseif #data == 64 then
      count = count + 1
    else
      s:send(tostring(count))
    end
  end
end

io.stdout:setvbuf "line"
if work == "packets" then packets() else serve() end
