-- An iterative echo server: one client after another (RFC 862).
--
--   lua echo_iterative.lua 127.0.0.1:7777
--   lua echo_iterative.lua unix:/tmp/echo.sock
--
-- Its first line is the address that it listens on, so that port 0 will do.

local sockeye = require "sockeye"

if #arg ~= 1 or arg[1]:find "^%-" then
  io.stderr:write("usage: lua echo_iterative.lua HOST:PORT | unix:PATH\n")
  os.exit(2)
end

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
  local ok, err = pcall(echo, client)
  if not ok then io.stderr:write(tostring(err), "\n") end
end
