-- Sockets on which an option makes sense, for specs that go through the table
-- of options.

local sockeye = require "sockeye"
local errors = require "spec.support.errors"

local M = {}

local function connected(family, address, protocol)
  local l <close> = sockeye.socket(family, "stream", protocol)
  l:bind(address):listen()
  local c = sockeye.socket(family, "stream", protocol)
  c:connect(l:getsockname())
  return c, l:accept()
end

-- Each returns the socket, and the other end where there is one.
local makers = {
  udp4 = function() return sockeye.socket("inet", "dgram") end,
  udp6 = function() return sockeye.socket("inet6", "dgram") end,
  tcp4 = function() return sockeye.socket("inet", "stream") end,
  raw4 = function() return sockeye.socket("inet", "raw", "icmp") end,
  raw6 = function() return sockeye.socket("inet6", "raw", "udp") end,
  bare6 = function() return sockeye.socket("inet6", "raw", "raw") end,
  icmp6 = function() return sockeye.socket("inet6", "raw", "icmpv6") end,
  udplite = function() return sockeye.socket("inet", "dgram", "udplite") end,
  mptcp = function() return connected("inet", "127.0.0.1:0", "mptcp") end,
  vsock = function() return sockeye.socket("vsock", "stream") end,
  packet = function() return sockeye.socket("packet", "raw", "arp") end,
  unix = function() return sockeye.socketpair() end,
  netlink = function() return sockeye.socket("netlink", "raw", "route") end,
  connected4 = function() return connected("inet", "127.0.0.1:0") end,
  connected6 = function() return connected("inet6", "[::1]:0") end,
}

local of_level = {
  SOL_SOCKET = "udp4",
  IPPROTO_IP = "udp4",
  IPPROTO_IPV6 = "udp6",
  IPPROTO_TCP = "tcp4",
  IPPROTO_UDP = "udp4",
  SOL_NETLINK = "netlink",
  IPPROTO_UDPLITE = "udplite",
  IPPROTO_ICMPV6 = "icmp6",
  SOL_RAW = "raw4",
  SOL_MPTCP = "mptcp",
  AF_VSOCK = "vsock",
  SOL_PACKET = "packet",
}

local of_option = {
  SO_ACCEPTCONN = "tcp4",
  SO_PASSCRED = "unix",
  SO_PASSPIDFD = "unix",
  SO_PASSRIGHTS = "unix",
  SO_PASSSEC = "unix",
  SO_PEERCRED = "unix",
  SO_PEERGROUPS = "unix",
  SO_PEERSEC = "unix",
  SO_TXREHASH = "tcp4",
  SO_RCVLOWAT = "tcp4",
  SO_ORIGINAL_DST = "connected4",
  IP_HDRINCL = "raw4",
  IP_MTU = "connected4",
  IP_NODEFRAG = "raw4",
  IPV6_CHECKSUM = "raw6",
  IPV6_HDRINCL = "raw6",
  IPV6_MTU = "connected6",
  IPV6_PATHMTU = "connected6",
  IPV6_ROUTER_ALERT = "bare6",
  IP6T_SO_ORIGINAL_DST = "connected6",
}

--- Runs f with a socket that fits the option. False and the reason where
-- there is a privilege to be had first, or no IPv6.
function M.with_socket(option, f)
  local kind = of_option[option.name] or of_level[option.level]
  local made = table.pack(pcall(makers[kind]))
  if not made[1] then
    local code = type(made[2]) == "table" and made[2].code
    if code == "EPERM" or code == "EACCES" then
      return false, "raw sockets need a privilege"
    elseif code == "EAFNOSUPPORT" and kind == "vsock" then
      return false, "this kernel does not have vsock"
    elseif code == "EAFNOSUPPORT" or code == "EADDRNOTAVAIL" then
      return false, "IPv6 is unavailable here"
    elseif code == "EPROTONOSUPPORT" or code == "ENOPROTOOPT" then
      return false, "this kernel does not have " .. kind
    end
    error(made[2], 0)
  end
  local s <close> = made[2]
  local _ <close> = made[3]
  f(s)
  return true
end

--- Writes each value to every option of its type: rejected before any system
-- call. The values are in lists, by the name of the type.
function M.refuse_all(values_of_type)
  local s <close> = sockeye.socket("inet", "dgram")
  for _, option in ipairs(sockeye.options()) do
    local values = option.writable and values_of_type[option.type] or {}
    for _, value in ipairs(values) do
      errors.rejected("bad argument", s.setsockopt, s, option.name, value)
    end
  end
end

return M
