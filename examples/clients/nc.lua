-- A client and server in the manner of nc(1): copies standard input to a socket
-- and the socket to standard output, until each direction has ended.
--
--   lua nc.lua [-u] [-w SECONDS] HOST PORT
--   lua nc.lua -U [-w SECONDS] PATH
--   lua nc.lua -l [-u] [-v] [HOST] PORT        lua nc.lua -l -U [-v] PATH
--
--   -u  UDP          -l  wait for a peer instead of calling one
--   -U  Unix socket  -v  print both addresses, on standard error
--   -w  give up connecting, or waiting for data, after so many seconds

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage(
  "usage: lua nc.lua [-l] [-u] [-v] [-w SECONDS] HOST PORT",
  "       lua nc.lua [-l] [-v] [-w SECONDS] -U PATH")
local options, words = arguments.parse(arg, {
  l = "flag", u = "flag", U = "flag", v = "flag", w = { 0, 1 << 31 },
}, usage)

local function say(...)
  if options.v then io.stderr:write(table.concat({ ... }, " "), "\n") end
end

-- The endpoint that the command line names.
local function endpoint()
  if options.U then
    if #words ~= 1 or options.u then usage() end
    return sockeye.unix(words[1])
  end
  local host, port = table.unpack(words)
  if options.l and not port then host, port = "*", host end
  if not port or #words > 2 then usage() end
  return (host:find(":") and "[%s]:%s" or "%s:%s"):format(host, port)
end

-- UDP has no connections to race or to accept.
local function udp_socket()
  local host, port = endpoint():match("^%[?(.-)%]?:([^:]*)$")
  local address = sockeye.resolve(host ~= "*" and host or nil, port, {
    type = "dgram", flags = options.l and "passive" or nil })[1].address
  return sockeye.socket(address.family, "dgram"), address
end

local function call_peer()
  if not options.u then
    return sockeye.connect(endpoint(), { timeout = options.w }):socket()
  end
  local s, address = udp_socket()
  return s:connect(address)
end

local function await_peer()
  if options.u then
    local s, address = udp_socket()
    say("listening on", tostring(s:bind(address):getsockname()))
    local _, peer = s:recvfrom(1, "peek")
    return s:connect(peer)
  end
  local l <close> = sockeye.listen(endpoint(), { backlog = 1 })
  say("listening on", tostring(l:getsockname()))
  return (l:accept())
end

-- Moves one direction's bytes: what was read from one end stays in `data` until
-- the other end takes it. A pipe that poll reports as writable takes this much
-- without blocking.
local pipe_takes <const> = 4096

local function move(flow)
  if not flow.data then
    local data = flow.from:read(65536)
    if data == nil then
      flow.ended = true
      flow.finish()
    elseif data and data ~= "" then
      flow.data = data
    end
    return
  end
  local n = flow.to:write(flow.data:sub(1, flow.takes)) or 0
  flow.data = n < #flow.data and flow.data:sub(n + 1) or nil
end

-- The end that a direction waits for, and "r" or "w".
local function need(flow)
  if flow.data then return flow.to, "w" end
  return flow.from, "r"
end

local function pump(flows)
  while true do
    local wanted, left = {}, 0
    for _, flow in ipairs(flows) do
      if not flow.ended then
        local socket, event = need(flow)
        wanted[socket] = (wanted[socket] or "") .. event
        left = left + 1
      end
    end
    if left == 0 then return end
    local ready = sockeye.poll(wanted, options.w)
    if not next(ready) then return end
    for _, flow in ipairs(flows) do
      local socket, event = need(flow)
      if not flow.ended and (ready[socket] or ""):find(event) then
        move(flow)
      end
    end
  end
end

local function talk()
  local peer <close> = options.l and await_peer() or call_peer()
  local input, output = sockeye.adopt(0), sockeye.adopt(1)
  say(tostring(peer))
  peer:settimeout(0)
  pump {
    { from = input, to = peer, finish = function()
      if not options.u then peer:shutdown("wr") end
    end },
    { from = peer, to = output, takes = pipe_takes, finish = function()
      output:close()
    end },
  }
end

program.run(talk)
