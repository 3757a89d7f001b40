-- An echo server for many clients at once: a task for each.
--
--   lua echo_serve.lua 127.0.0.1:7777
--   lua echo_serve.lua '*:7777' unix:/tmp/echo.sock
--
-- Its first lines are the addresses that it listens on, so that port 0 will do.
-- A client that does not read is not read from either, and keeps nobody
-- waiting.

local sockeye = require "sockeye"

if #arg == 0 or arg[1]:find "^%-" then
  io.stderr:write("usage: lua echo_serve.lua HOST:PORT | unix:PATH …\n")
  os.exit(2)
end

sockeye.signal("SIGINT", "default")

local listeners = {}
io.stdout:setvbuf("line")
for i, endpoint in ipairs(arg) do
  listeners[i] = sockeye.listen(endpoint)
  print(listeners[i]:getsockname())
end

-- From here on, Ctrl-C lets the clients finish; a second one does not.
sockeye.serve(listeners, function(stream)
  for data in function() return stream:read_some() end do
    stream:write(data)
  end
end)
