-- Collects sockets where C functions are nested as deep as Lua allows: there it
-- can collect garbage, and cannot call the finalizers of what it frees. Prints
-- how many other objects stand then where a socket was, and how many of them
-- are not rejected as a socket.

local sockeye = require "sockeye"

local send
do
  local s <close> = sockeye.socket("unix", "stream")
  send = s.send
end

local function collect()
  if not pcall(collect) then
    collectgarbage()
    collectgarbage()
  end
end

local kept, successors, accepted = {}, 0, 0
for _ = 1, 30 do
  local addresses = {}
  for _ = 1, 20 do
    for _, s in ipairs { sockeye.socketpair() } do
      addresses[("%p"):format(s)] = true
      s:close()
    end
  end
  collect()
  for port = 1, 2000 do
    local other <const> = sockeye.inet("127.0.0.1", port)
    kept[#kept + 1] = other
    if addresses[("%p"):format(other)] then
      local _, err <const> = pcall(send, other, "x")
      successors = successors + 1
      if not tostring(err):find "bad argument #1.*sockeye.Socket expected" then
        accepted = accepted + 1
      end
    end
  end
end
print(successors, accepted, #kept)
