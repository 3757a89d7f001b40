-- A concurrent echo server: the parent accepts, a child serves each client.
--
--   lua echo_fork.lua 127.0.0.1:7777
--   lua echo_fork.lua unix:/tmp/echo.sock
--
-- Its first line is the address that it listens on, so that port 0 will do.

local sockeye = require "sockeye"

if #arg ~= 1 or arg[1]:find "^%-" then
  io.stderr:write("usage: lua echo_fork.lua HOST:PORT | unix:PATH\n")
  os.exit(2)
end

-- Children end in any order, and one signal may stand for several.
sockeye.signal("SIGCHLD", function()
  local ok, pid
  repeat ok, pid = pcall(sockeye.waitpid, -1, "nohang") until not (ok and pid)
end)
sockeye.signal("SIGINT", "default")

local listener <close> = sockeye.listen(arg[1])
io.stdout:setvbuf("line")
print(listener:getsockname())

local function echo(client)
  local data = client:recv(65536)
  while data do
    client:sendall(data)
    data = client:recv(65536)
  end
end

while true do
  local client <close> = listener:accept()
  if sockeye.fork() == 0 then
    listener:close()
    local ok, err = pcall(echo, client)
    if not ok then io.stderr:write(tostring(err), "\n") end
    sockeye._exit(ok and 0 or 1)
  end
end
