-- An echo server for many clients at once in one process, driven by poll(2).
--
--   lua echo_poll.lua 127.0.0.1:7777
--   lua echo_poll.lua unix:/tmp/echo.sock
--
-- Its first line is the address that it listens on, so that port 0 will do. A
-- client that does not read is not read from either, and keeps nobody waiting.

local sockeye = require "sockeye"

if #arg ~= 1 or arg[1]:find "^%-" then
  io.stderr:write("usage: lua echo_poll.lua HOST:PORT | unix:PATH\n")
  os.exit(2)
end

sockeye.signal("SIGINT", "default")

local listener <close> = sockeye.listen(arg[1]):settimeout(0)
io.stdout:setvbuf("line")
print(listener:getsockname())

local wanted = { [listener] = "r" } -- socket -> what it waits for
local unsent = {} -- client -> what it has not yet taken

local function accept()
  local client = listener:accept()
  if client then wanted[client:settimeout(0)] = "r" end
end

local function drop(client)
  wanted[client], unsent[client] = nil, nil
  wanted[listener] = "r"
  client:close()
end

local function echo(client)
  local data = unsent[client] or client:recv(65536)
  if not data then
    if data == nil then drop(client) end
    return
  end
  local sent = client:send(data) or 0
  local complete = sent == #data
  unsent[client] = not complete and data:sub(sent + 1) or nil
  wanted[client] = complete and "r" or "w"
end

local function failed(socket, err)
  io.stderr:write(tostring(err), "\n")
  if socket ~= listener then
    drop(socket)
  elseif not sockeye.is_error(err, "ECONNABORTED") then
    wanted[listener] = nil -- out of descriptors: until a client leaves
  end
end

while true do
  for socket in pairs(sockeye.poll(wanted)) do
    local ok, err = pcall(socket == listener and accept or echo, socket)
    if not ok then failed(socket, err) end
  end
end
