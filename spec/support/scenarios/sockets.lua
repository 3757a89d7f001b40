-- Scenarios: addresses and sockets.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local add <const> = kit.add
local add_call <const> = kit.add_call
local listener <const> = kit.listener
local datagram <const> = kit.datagram

-- Addresses.
add_call("inet", sockeye.inet, "127.0.0.1", 80)
add_call("inet6", sockeye.inet6, "fe80::1%lo", 80, { flowinfo = 5 })
add_call("unix", sockeye.unix, "/" .. ("p"):rep(107))
add_call("address", sockeye.address, "[fe80::1%lo]:80")
add_call("address of no address", pcall, sockeye.address, "nonsense")
add_call("unpack", sockeye.unpack, sockeye.inet6():pack())
add_call("printing an inet6 address", tostring,
         sockeye.inet6("fe80::1%lo", 80))
add_call("printing a unix address", tostring,
         sockeye.unix("\0" .. ("n"):rep(107)))
add_call("printing another address", tostring,
         sockeye.unpack("\99\0" .. ("x"):rep(126)))
add_call("packet", sockeye.packet, "lo", "arp",
         { address = "02:42:ac:11:00:02", hatype = "ether" })
add_call("address of the link layer", sockeye.address,
         "packet:lo/arp/02:42:ac:11:00:02")
add_call("printing a packet address", tostring,
         sockeye.packet("lo", 0x1234, { address = "12345678", pkttype = 9 }))
add_call("an address of CAN", sockeye.can, "lo", { rx_id = 1, tx_id = 2 })
add_call("an address of an algorithm", sockeye.alg, "hash", "sha256")
add_call("an address of TIPC", sockeye.tipc, "name",
         { type = 18888, instance = 17 })
add_call("printing a vsock address", tostring, sockeye.vsock("any", 5))
add_call("fields", function(a)
  return a.family, a.host, a.port, a.path, a.bytes, a:pack(), a:key()
end, sockeye.inet6("1111:2222:3333:4444:5555:6666:7777:8888", 80))
add_call("unmap", function(a) return a:unmap() end,
         sockeye.inet6("::ffff:1.2.3.4"))

-- Sockets.
add_call("socket", sockeye.socket, "inet", "stream", "tcp")
add_call("socket that fails", pcall, sockeye.socket, "inet", "seqpacket", 99)
add_call("socket of an unknown name", pcall, sockeye.socket, "inett",
         "stream")
add_call("socketpair", sockeye.socketpair)
add("adopt", function()
  local s = sockeye.socket("inet", "stream")
  return function(fd) return sockeye.adopt(fd):detach() end, { s:fd() },
    { s }
end)
add("tostring", function()
  local a, b = sockeye.socketpair()
  local s = datagram()
  s:connect(s:getsockname())
  return function()
    return tostring(s), tostring(a)
  end, {}, { s, a, b }
end)
add("settimeout and gettimeout", function()
  local s = sockeye.socket("inet", "stream")
  return function() return s:settimeout(2):gettimeout() end, {}, { s }
end)
add("fcntl", function()
  local s = sockeye.socket("inet", "stream")
  return function()
    return s:fcntl("O_NONBLOCK", true):fcntl("O_NONBLOCK"), s:fd()
  end, {}, { s }
end)
add("close in a scope", function()
  return function()
    local s <close> = sockeye.socket("inet", "stream")
    local t <close> = sockeye.socket("inet", "stream")
    return s:fd(), t:fd()
  end, {}, {}
end)
add("bind, listen, getsockname", function()
  local s = sockeye.socket("inet", "stream")
  return function() return s:bind("127.0.0.1:0"):listen():getsockname() end,
    {}, { s }
end)
add("accept", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return l.accept, { l }, { l, c }
end)
add("accept of a unix connection, with a time-out", function()
  local l = listener("unix", sockeye.unix()):settimeout(1)
  local c = sockeye.socket("unix", "stream"):connect(l:getsockname())
  return l.accept, { l }, { l, c }
end)
add("accept that times out", function()
  local l = listener():settimeout(1e-9)
  return pcall, { l.accept, l }, { l }
end)
for _, seconds in ipairs { false, 1 } do
  add("connect with time-out " .. tostring(seconds), function()
    local l = listener()
    local c = sockeye.socket("inet", "stream"):settimeout(seconds or nil)
    return c.connect, { c, tostring(l:getsockname()) }, { l, c }
  end)
  add("refused connect with time-out " .. tostring(seconds), function()
    local l = listener()
    local name = tostring(l:getsockname())
    l:close()
    local c = sockeye.socket("inet", "stream"):settimeout(seconds or nil)
    return pcall, { c.connect, c, name }, { c }
  end)
end
add("getpeername, state, shutdown, disconnect", function()
  local s = datagram()
  return function()
    local peer = s:connect(s:getsockname()):getpeername()
    return peer, s:state(), s:shutdown("wr"), s:disconnect()
  end, {}, { s }
end)
kit.add_pair("dup", nil, "dup")
add("the bytes that wait of a socket", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return function() return c:inq() + c:outq() + c:outqnsd() end, {}, { l, c }
end)
add("sockets that are open", function()
  local s = datagram()
  return function()
    local before = sockeye.trace_sockets(true)
    local other <close> = sockeye.socket("inet", "stream")
    sockeye.trace_sockets(before)
    local list, counts = sockeye.sockets()
    return #list == counts.open, other:fd()
  end, {}, { s }
end)
add("an error that is raised and printed", function()
  local s = sockeye.socket("inet", "stream")
  return function()
    local ok, err = pcall(s.getpeername, s)
    assert(not ok)
    return tostring(err), sockeye.is_error(err, "ENOTCONN")
  end, {}, { s }
end)
