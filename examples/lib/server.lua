-- Functions that the servers share.

local sockeye = require "sockeye"

local M = {}

--- Listens at an endpoint and prints the address. Ctrl-C ends the program.
function M.listen(endpoint)
  sockeye.signal("SIGINT", "default")
  local listener = sockeye.listen(endpoint)
  io.stdout:setvbuf "line"
  print(listener:getsockname())
  return listener
end

--- Waits for each child when it has ended. Children end in any order, and one
-- signal may stand for several.
function M.reap_children()
  sockeye.signal("SIGCHLD", function()
    local ok, pid
    repeat ok, pid = pcall(sockeye.waitpid, -1, "nohang")
    until not (ok and pid)
  end)
end

--- Sends back what comes, until the client has sent all.
function M.echo(client)
  local data = client:recv(65536)
  while data do
    client:sendall(data)
    data = client:recv(65536)
  end
end

return M
