-- A coroutine for each connection: cqueues.lua echo|lines|once|sink [PATH]

local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local work, path = ...
local loop = cqueues.new()
local handlers = {}

function handlers.echo(conn)
  while true do
    local data = conn:read(-65536)
    if not data then return end
    conn:write(data)
  end
end

function handlers.once(conn)
  local data = conn:read(-65536)
  if data then conn:write(data) end
end

function handlers.sink(conn)
  local count = 0
  while true do
    local data = conn:read(-65536)
    if not data then break end
    count = count + #data
  end
  conn:write(tostring(count))
end

function handlers.lines(conn)
  for line in conn:lines() do conn:write(line, "\n") end
end

local function listen()
  if path then return socket.listen { path = path }, path end
  local server = socket.listen { host = "127.0.0.1", port = 0, nodelay = true }
  server:listen()
  return server, (select(3, server:localname()))
end

loop:wrap(function()
  local server, where = listen()
  local handler = assert(handlers[work])
  server:listen()
  io.stdout:setvbuf "line"
  print("ready " .. where)
  for conn in server:clients() do
    loop:wrap(function()
      if work == "lines" then
        conn:setmode("bl", "bl")
      else
        conn:setmode("bn", "bn")
      end
      conn:onerror(function(_, _, why) return why end)
      handler(conn)
      conn:close()
    end)
  end
end)
assert(loop:loop())
