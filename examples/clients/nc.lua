-- A client and server in the manner of nc: standard input to a socket and the
-- socket to standard output, each direction to its own end.
--
--   lua nc.lua [-u] [-w SECONDS] HOST PORT
--   lua nc.lua -U [-w SECONDS] PATH
--   lua nc.lua -l [-u] [-v] [HOST] PORT        lua nc.lua -l -U [-v] PATH
--
--   -u  UDP          -l  wait for a peer in place of calling one
--   -U  Unix socket  -v  tell, on standard error, who talks to whom
--   -w  give up a connection, or silence, after so many seconds

local sockeye = require "sockeye"

local function usage()
  io.stderr:write("usage: lua nc.lua [-l] [-u] [-v] [-w SECONDS] HOST PORT\n",
                  "       lua nc.lua [-l] [-v] [-w SECONDS] -U PATH\n")
  os.exit(2)
end

local function arguments(list)
  local options, words, i = {}, {}, 1
  while list[i] do
    local letters = list[i]:match("^%-([luUv]*w?)$")
    if letters and letters ~= "" then
      for letter in letters:gmatch(".") do options[letter] = true end
      if options.w == true then
        i = i + 1
        options.w = tonumber(list[i]) or usage()
      end
    elseif list[i]:sub(1, 1) == "-" then
      usage()
    else
      words[#words + 1] = list[i]
    end
    i = i + 1
  end
  return options, words
end

local options, words = arguments(arg)

local function say(...)
  if options.v then io.stderr:write(table.concat({ ... }, " "), "\n") end
end

-- The endpoint that the words on the command line stand for.
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
    return sockeye.connect(endpoint(), { timeout = options.w }).socket
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

-- A direction: what is read from one end waits in `data` until the other takes
-- it. A pipe takes this much without blocking when poll says that it can.
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

-- What a direction waits for: an end and "r" or "w".
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

local ok, err = pcall(talk)
if not ok then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
