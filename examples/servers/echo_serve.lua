-- An echo server for many clients at once: a task for each.
--
--   lua echo_serve.lua 127.0.0.1:7777
--   lua echo_serve.lua '*:7777' unix:/tmp/echo.sock
--
-- It prints the addresses that it listens on, so that port 0 is useful. A
-- client that does not read is not read from either, and keeps nobody waiting.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"
local server = require "server"

local usage = program.usage "usage: lua echo_serve.lua HOST:PORT | unix:PATH …"
local listeners = {}
for i, endpoint in ipairs(arguments.words(arg, 1, 100, usage)) do
  listeners[i] = server.listen(endpoint)
end

-- From here on, Ctrl-C lets the clients finish; a second one does not.
sockeye.serve(listeners, function(stream)
  for data in function() return stream:read_some() end do
    stream:write(data)
  end
end)
