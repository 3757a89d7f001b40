-- Scenarios: options, and the checksum.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local add <const> = kit.add
local add_call <const> = kit.add_call
local listener <const> = kit.listener
local datagram <const> = kit.datagram

for _, option in ipairs(sockeye.options()) do
  local raw = option.type == "filter"
  if option.readable and option.level == "SOL_SOCKET" and not raw then
    add("getsockopt of " .. option.name, function()
      local a, b = sockeye.socketpair()
      return pcall, { a.getsockopt, a, option.name }, { a, b }
    end)
  end
end
add_call("options", sockeye.options)
add_call("supports, of a family", sockeye.supports, "inet")
add_call("supports, of a protocol", sockeye.supports, "udplite")
add_call("supports, of an option", sockeye.supports, "TCP_INFO")
add("getsockopt of TCP_INFO", function()
  local l = listener()
  return l.getsockopt, { l, "TCP_INFO" }, { l }
end)
add("getsockopt of bytes", function()
  local l = listener()
  return l.getsockopt, { l, "IPPROTO_TCP", "TCP_INFO", 4096 }, { l }
end)
add("setsockopt and getsockopt of a filter", function()
  local s = sockeye.socket("inet", "dgram")
  return function()
    s:setsockopt("SO_ATTACH_FILTER", { { 6, 0, 0, 1 }, { 6, 0, 0, 0 } })
    s:setsockopt("SO_ATTACH_FILTER", "2\n6 0 0 1\n6 0 0 0\n")
    return s:getsockopt("SO_ATTACH_FILTER")
  end, {}, { s }
end)
add_call("setsockopt of no filter", function()
  local s <close> = sockeye.socket("inet", "dgram")
  return pcall(s.setsockopt, s, "SO_ATTACH_FILTER", "1\n6 0 0 nonsense")
end)
add("setsockopt", function()
  local s = datagram()
  return function()
    s:setsockopt("SO_REUSEADDR", true):setsockopt("SO_LINGER", 5)
    s:setsockopt("SO_RCVTIMEO", 1.5)
    s:setsockopt("SOL_SOCKET", "SO_RCVBUF", 10000)
    s:setsockopt("IP_MULTICAST_IF", "lo")
    s:setsockopt("IP_ADD_MEMBERSHIP",
                 { group = "239.1.2.3", interface = "lo" })
    s:setsockopt("IP_DROP_MEMBERSHIP",
                 { group = sockeye.inet("239.1.2.3"), interface = "lo" })
  end, {}, { s }
end)
add("a filter of multicast sources", function()
  local s = datagram()
  local of = { group = "239.1.2.4", interface = "127.0.0.1" }
  return function()
    s:setsockopt("MCAST_JOIN_GROUP", of)
    for _, name in ipairs { "MCAST_MSFILTER", "IP_MSFILTER" } do
      local filter = s:getsockopt(name, of)
      filter.sources = { "192.0.2.1", sockeye.inet("192.0.2.2") }
      s:setsockopt(name, filter)
      s:getsockopt(name, of)
    end
    s:setsockopt("MCAST_LEAVE_GROUP", of)
  end, {}, { s }
end)
add("a filter of ICMP", function()
  local s = datagram()
  return pcall, { s.setsockopt, s, "ICMP6_FILTER", { "nd_redirect", 7 } }, { s }
end)
add("what MPTCP reports", function()
  local ok, l = pcall(sockeye.socket, "inet", "stream", "mptcp")
  if not ok then l = sockeye.socket("inet", "stream") end
  l:bind("127.0.0.1:0"):listen()
  local c = sockeye.socket("inet", "stream", ok and "mptcp" or nil)
  c:connect(l:getsockname())
  return function()
    for _, name in ipairs { "MPTCP_INFO", "MPTCP_TCPINFO",
                            "MPTCP_SUBFLOW_ADDRS" } do
      local got, err = pcall(c.getsockopt, c, name)
      if not got and not sockeye.is_error(err) then error(err, 0) end
    end
  end, {}, { l, c }
end)
add_call("checksum", sockeye.checksum, "data", 0)
add("setsockopt of an unknown name", function()
  local s = datagram()
  return pcall, { s.setsockopt, s, "SO_REUSEADR", true }, { s }
end)
