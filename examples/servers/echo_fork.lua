-- A concurrent echo server: the parent accepts, a child serves each client.
--
--   lua echo_fork.lua 127.0.0.1:7777
--   lua echo_fork.lua unix:/tmp/echo.sock
--
-- It prints the address that it listens on, so that port 0 is useful.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"
local server = require "server"

local usage = program.usage "usage: lua echo_fork.lua HOST:PORT | unix:PATH"
local endpoint = table.unpack(arguments.words(arg, 1, 1, usage))
server.reap_children()
local listener <close> = server.listen(endpoint)

while true do
  local client <close> = listener:accept()
  if sockeye.fork() == 0 then
    listener:close()
    local ok, err = pcall(server.echo, client)
    if not ok then io.stderr:write(tostring(err), "\n") end
    sockeye._exit(ok and 0 or 1)
  end
end
