-- Callbacks: luv.lua echo|lines|once|sink|packets [PATH]

local uv = require "luv"

local work, path = ...
local handlers = {}

-- Each takes a connection and returns what is called with data, and with nil
-- at the end.

function handlers.echo(conn)
  return function(data)
    if data then conn:write(data) else conn:close() end
  end
end

function handlers.once(conn)
  return function(data)
    if data then conn:write(data) end
    conn:close()
  end
end

function handlers.sink(conn)
  local count = 0
  return function(data)
    if data then
      count = count + #data
    else
      conn:write(tostring(count), function() conn:close() end)
    end
  end
end

function handlers.lines(conn)
  local rest = ""
  return function(data)
    if not data then return conn:close() end
    data = rest .. data
    local from = 1
    while true do
      local to = data:find("\n", from, true)
      if not to then break end
      conn:write { data:sub(from, to - 1), "\n" }
      from = to + 1
    end
    rest = data:sub(from)
  end
end

local function serve()
  local server = path and uv.new_pipe(false) or uv.new_tcp()
  local handler = assert(handlers[work])
  if path then server:bind(path) else server:bind("127.0.0.1", 0) end
  server:listen(4096, function()
    local conn = path and uv.new_pipe(false) or uv.new_tcp()
    server:accept(conn)
    if not path then conn:nodelay(true) end
    local take = handler(conn)
    conn:read_start(function(err, data)
      if err then return conn:close() end
      take(data)
    end)
  end)
  print("ready " .. (path or server:getsockname().port))
end

local function packets()
  local socket = uv.new_udp()
  local count = 0
  socket:bind("127.0.0.1", 0)
  print("ready " .. socket:getsockname().port)
  socket:recv_start(function(_, data, from)
    if not data then return end
    if #data == 64 then
      count = count + 1
    else
      socket:try_send(tostring(count), from.ip, from.port)
    end
  end)
end

io.stdout:setvbuf "line"
if work == "packets" then packets() else serve() end
uv.run()
