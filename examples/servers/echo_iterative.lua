-- An iterative echo server: one client after another (RFC 862).
--
--   lua echo_iterative.lua 127.0.0.1:7777
--   lua echo_iterative.lua unix:/tmp/echo.sock
--
-- It prints the address that it listens on, so that port 0 is useful.

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"
local server = require "server"

local usage = program.usage(
  "usage: lua echo_iterative.lua HOST:PORT | unix:PATH")
local endpoint = table.unpack(arguments.words(arg, 1, 1, usage))
local listener <close> = server.listen(endpoint)

while true do
  local client <close> = listener:accept()
  local ok, err = pcall(server.echo, client)
  if not ok then io.stderr:write(tostring(err), "\n") end
end
