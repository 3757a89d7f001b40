-- Two ends of every kind of socket that carries messages, each connected to the
-- other; and what makes the specs of control data short.

local sockeye = require "sockeye"

local sockets = require "spec.support.sockets"

local M = {}

local function bound(family, type)
  return sockets.bound(family == "inet" and "127.0.0.1:0" or "[::1]:0", type)
end

--- The bytes of a control message before its data: a size and two ints.
M.header = string.packsize "!Tii"

--- Two UDP sockets without a peer, of "inet" or "inet6".
function M.udp(family)
  return bound(family, "dgram"), bound(family, "dgram")
end

local function connected(a, b)
  return a:connect(b:getsockname()), b:connect(a:getsockname())
end

local function tcp6() return sockets.tcp "[::1]:0" end

--- What makes two ends, by the name of their kind.
M.streams = { tcp = sockets.tcp, ["tcp v6"] = tcp6, unix = sockets.unix }

M.datagrams = {
  udp = sockets.udp,
  ["udp v6"] = function() return connected(M.udp "inet6") end,
  ["unix dgram"] = function() return sockets.unix "dgram" end,
}

M.packets = { ["unix seqpacket"] = function()
  return sockets.unix "seqpacket"
end }

--- Those of Unix sockets alone.
M.unix = {
  ["unix stream"] = sockets.unix,
  ["unix dgram"] = M.datagrams["unix dgram"],
  ["unix seqpacket"] = M.packets["unix seqpacket"],
}

--- All of these.
M.all = {}
for _, kinds in ipairs { M.streams, M.datagrams, M.packets } do
  for name, make in pairs(kinds) do M.all[name] = make end
end

--- A pair of UDP sockets without a peer, b with these options on; and where b
-- is.
function M.asking(family, ...)
  local a, b = M.udp(family)
  for _, option in ipairs { ... } do b:setsockopt(option, true) end
  return a, b, b:getsockname()
end

--- The next message of the error queue, which may take a moment to come.
function M.queued(s, options)
  options = options or { iov = 2000, control = true }
  options.flags = "errqueue"
  for _ = 1, 200 do
    local m = s:recvmsg(options)
    if m then return m end
    sockeye.poll({ [s] = "p" }, 0.1)
  end
  error("nothing has come to the error queue", 2)
end

return M
