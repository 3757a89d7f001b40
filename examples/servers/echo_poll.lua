-- An echo server for many clients at once in one process, driven by poll(2).
--
--   lua echo_poll.lua 127.0.0.1:7777
--   lua echo_poll.lua unix:/tmp/echo.sock
--
-- It prints the address that it listens on, so that port 0 is useful. A client
-- that does not read is not read from either, and keeps nobody waiting.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"
local server = require "server"

local usage = program.usage "usage: lua echo_poll.lua HOST:PORT | unix:PATH"
local endpoint = table.unpack(arguments.words(arg, 1, 1, usage))
local listener <close> = server.listen(endpoint):settimeout(0)

local wanted = { [listener] = "r" } -- socket -> the event it waits for
local unsent = {} -- client -> the data it has not yet taken

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
    local ok, err = sockeye.pcall(socket == listener and accept or echo,
                                  socket)
    if not ok then failed(socket, err) end
  end
end
