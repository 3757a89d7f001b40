-- Hands a listening socket to a running process over a Unix socket. Whoever
-- connects meanwhile waits in its queue: nobody is refused.
--
--   lua pass.lua serve PATH            serves every listener that it is handed
--   lua pass.lua hand PATH ENDPOINT    binds, listens, hands over, and exits
--
-- What is served is an echo of lines. The file has mode 0600: only the owner,
-- and root, can hand over.

local sockeye = require "sockeye"

local function usage()
  io.stderr:write("usage: lua pass.lua serve PATH\n",
                  "       lua pass.lua hand PATH ENDPOINT\n")
  os.exit(2)
end

local function echo(stream)
  for line in stream:lines() do stream:write(line, "\n") end
end

-- What came with a message, if it is all listening sockets. Others are closed
-- by the collector.
local function listeners_of(m)
  local list = m and m.control.rights or {}
  for _, s in ipairs(list) do
    local ok, listens = pcall(s.getsockopt, s, "SO_ACCEPTCONN")
    if not ok or not listens or m.flags.ctrunc then return {} end
  end
  return list
end

local function serve(path)
  local handed, stop = sockeye.channel(), sockeye.channel()
  sockeye.spawn(function()
    for l in handed:values() do
      print("serving " .. tostring(l:getsockname()))
      sockeye.spawn(sockeye.serve, l, echo, { stop = stop, signals = false })
    end
  end)
  local control <close> = sockeye.listen("unix:" .. path, { mode = "0600" })
  print("waiting at " .. path)
  sockeye.serve(control, function(stream)
    local list = listeners_of(stream.socket:recvmsg { iov = 1, control = true })
    for _, l in ipairs(list) do handed:put(l) end
    stream:write(#list > 0 and "ok\n" or "no listening socket\n")
  end)
  handed:close()
  stop:close()
end

local function hand(path, endpoint)
  local l <close> = sockeye.listen(endpoint)
  local server <close> = sockeye.connect("unix:" .. path)
  server.socket:sendmsg { iov = "l", control = { rights = { l } } }
  local answer = server:read()
  if answer ~= "ok" then error(answer or "the server has gone", 0) end
  print("handed over " .. tostring(l:getsockname()))
end

local commands = { serve = { serve, 2 }, hand = { hand, 3 } }
local command = commands[arg[1]]
if not command or #arg ~= command[2] then usage() end
io.stdout:setvbuf "line"
local ok, err = pcall(sockeye.run, command[1], table.unpack(arg, 2))
if not ok then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
