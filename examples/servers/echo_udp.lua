-- An echo server for datagrams: as many as have come are received by one
-- system call, and sent back by another.
--
--   lua echo_udp.lua 127.0.0.1:7777
--   lua echo_udp.lua '[::1]:7777' unix:/tmp/echo.sock
--
-- It prints the addresses that it is bound to, so that port 0 is useful. A
-- datagram that cannot be sent back is dropped, as the network would.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local batch <const>, largest <const> = 64, 65535

local usage = program.usage "usage: lua echo_udp.lua ADDRESS:PORT | unix:PATH …"
local words = arguments.words(arg, 1, 100, usage)

sockeye.signal("SIGINT", "default")

-- Sends datagrams back. One that cannot be sent, now or ever, is left out.
local function send_back(s, data, from)
  while #data > 0 do
    local ok, all, sent = sockeye.pcall(s.sendmany, s, data, from,
                                        "dontwait")
    if ok and all then return end
    if not ok then
      sent = sockeye.is_error(all) and all.sent or error(all, 0)
    end
    data = table.move(data, sent + 2, #data, 1, {})
    from = table.move(from, sent + 2, #from, 1, {})
  end
end

local function echo(s)
  while true do send_back(s, s:recvmany(batch, largest)) end
end

io.stdout:setvbuf("line")
local sockets = {}
for i, text in ipairs(words) do
  local address = sockeye.address(text)
  sockets[i] = sockeye.socket(address.family, "dgram"):bind(address)
  print(sockets[i]:getsockname())
end

sockeye.run(function()
  for _, s in ipairs(sockets) do sockeye.spawn(echo, s) end
end)
