-- Hands a listening socket to a running process over a Unix socket. Whoever
-- connects meanwhile waits in its queue: nobody is refused.
--
--   lua pass.lua serve PATH            serves every listener that it is handed
--   lua pass.lua hand PATH ENDPOINT    binds, listens, hands over, and exits
--
-- What is served is an echo of lines. The file has mode 0600: only the owner,
-- and root, can hand over.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage("usage: lua pass.lua serve PATH",
                            "       lua pass.lua hand PATH ENDPOINT")

local function echo(stream)
  for line in stream:lines() do stream:write(line, "\n") end
end

-- The sockets that came with a message, if all of them listen; else none, and
-- the collector closes them.
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
    local s = stream:socket()
    local list = listeners_of(s:recvmsg { iov = 1, control = true })
    for _, l in ipairs(list) do handed:put(l) end
    stream:write(#list > 0 and "ok\n" or "no listening socket\n")
  end)
  handed:close()
  stop:close()
end

local function hand(path, endpoint)
  local l <close> = sockeye.listen(endpoint)
  local server <close> = sockeye.connect("unix:" .. path)
  server:socket():sendmsg { iov = "l", control = { rights = { l } } }
  local answer = server:read()
  if answer ~= "ok" then error(answer or "the server has gone", 0) end
  print("handed over " .. tostring(l:getsockname()))
end

local commands = { serve = { serve, 2 }, hand = { hand, 3 } }
local words = arguments.words(arg, 2, 3, usage)
local command = commands[words[1]]
if not command or #words ~= command[2] then usage() end
io.stdout:setvbuf "line"
program.run(function()
  sockeye.run(command[1], table.unpack(words, 2))
end)
