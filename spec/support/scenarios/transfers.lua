-- Scenarios: bytes that are sent and received, files, batches.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local add <const> = kit.add
local add_call <const> = kit.add_call
local add_pair <const> = kit.add_pair
local listener <const> = kit.listener
local datagram <const> = kit.datagram

-- Transfer.
add_pair("recv of little", "data", "recv", 100)
add_pair("recv of little, much asked for", "data", "recv", 1 << 30)
add_pair("recv of much", ("x"):rep(100000), "recv", 100000)
add_pair("recv with flags", ("x"):rep(100), "recv", 100, "peek dontwait")
add_pair("recv of all", ("x"):rep(100000), "recv", 100000, "waitall")
add("recv of all that times out", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  a:settimeout(1e-3)
  return pcall, { a.recv, a, 100000, "waitall" }, { a, b }
end)
add("recv of all in several pieces", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  b:close()
  return a.recv, { a, 100000, "waitall" }, { a }
end)
add_pair("recv that would wait", nil, "recv", 1, "dontwait")
add_pair("recvfrom", "data", "recvfrom", 100)
add_pair("read", "data", "read", 100)
add_pair("read of much", ("x"):rep(100000), "read", 100000)
add_pair("write", nil, "write", "data")
add_pair("send", nil, "send", "data", "more")
add_pair("sendall", nil, "sendall", "data", "more", 5, ("x"):rep(10000))
add("sendall of many", function()
  local a, b = sockeye.socketpair()
  local strings = { a }
  for i = 1, 300 do strings[i + 1] = "string " .. i end
  return a.sendall, strings, { a, b }
end)
add("sendall of a datagram", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  return a.sendall, { a, "data", 5, ("x"):rep(1000) }, { a, b }
end)
add("sendall that fails midway", function()
  local a, b = sockeye.socketpair()
  b:close()
  return pcall, { a.sendall, a, "data", "more" }, { a }
end)
add("sendall that would wait", function()
  local a, b = sockeye.socketpair()
  return a.settimeout(a, 0).sendall, { a, ("x"):rep(1 << 20) }, { a, b }
end)
add("sendto and recvfrom", function()
  local s = datagram()
  return function(name)
    s:sendto("data", name)
    return s:recvfrom(100)
  end, { tostring(s:getsockname()) }, { s }
end)
add("a datagram that is cut", function()
  local s = datagram()
  s:sendto(("x"):rep(20000), s:getsockname())
  return s.recvfrom, { s, 10000 }, { s }
end)
add("sendfile of a path", function()
  local a, b = sockeye.socketpair()
  return a.sendfile, { a, "/proc/version" }, { a, b }
end)
add("sendfile of a Lua file", function()
  local a, b = sockeye.socketpair()
  local file = io.open "tools/specs"
  return a.sendfile, { a, file, 10, 100 }, { a, b, file }
end)
add("sendfile that would wait", function()
  local a, b = sockeye.socketpair()
  local large = package.searchpath("sockeye.core", package.cpath)
  return a.settimeout(a, 0).sendfile, { a, large }, { a, b }
end)
add("sendfile that fails", function()
  local a, b = sockeye.socketpair()
  b:close()
  return pcall, { a.sendfile, a, "tools/specs" }, { a }
end)
add("splice", function()
  local a, b = sockeye.socketpair()
  local c, d = sockeye.socketpair()
  b:sendall "data"
  b:close()
  return a.splice, { a, c }, { a, c, d }
end)
add("splice that would wait, with what it holds", function()
  local a, b = sockeye.socketpair()
  local c, d = sockeye.socketpair()
  b:sendall(("x"):rep(100000))
  repeat until not c:send(("x"):rep(10000), "dontwait")
  return a.splice, { a:settimeout(0), c:settimeout(0) }, { a, b, c, d }
end)
add_call("splice of files", function()
  local from <close> = assert(io.open "tools/specs")
  local to <close> = assert(io.tmpfile())
  return sockeye.splice(from, to, nil, { offset_in = 3 })
end)
add("sendmany and recvmany", function()
  local s = datagram()
  return function(name)
    s:sendmany({ "one", { iov = { "two", "" }, name = name }, "three",
                 { iov = ("x"):rep(20000), control = { ttl = 5 } } }, name)
    s:sendmany({ "four", "five" }, { name, s:getsockname() })
    return s:recvmany(64, 10)
  end, { tostring(s:getsockname()) }, { s }
end)
add("recvmany of control data and descriptors", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  local list = {}
  for i = 1, 4 do list[i] = { iov = "x", control = { rights = { a, b } } } end
  a:sendmany(list)
  return function()
    for _, m in ipairs(b:recvmany(8, { iov = { 1, 1 }, control = true })) do
      for _, s in ipairs(m.control.rights) do s:close() end
    end
  end, {}, { a, b }
end)
add("recvmany of descriptors as numbers", function()
  local a, b = sockeye.socketpair("unix", "dgram")
  local list = {}
  for i = 1, 4 do list[i] = { iov = "x", control = { rights = { a, b } } } end
  a:sendmany(list)
  local request = { iov = 1, control = true, rights = "numbers" }
  local messages = {}
  local function close()
    for _, m in ipairs(messages) do
      for _, fd in ipairs(m.control.rights) do sockeye.adopt(fd):close() end
    end
  end
  return function() messages = b:recvmany(8, request) end, {},
    { a, b, { close = close } }
end)
add("sendmany that fails midway", function()
  local s = datagram()
  return pcall, { s.sendmany, s, { "one", { iov = ("x"):rep(70000) } },
                  tostring(s:getsockname()) }, { s }
end)
add("recvmany that would wait", function()
  local s = datagram()
  return s.recvmany, { s, 100, 100000, "dontwait" }, { s }
end)
add("send without copies", function()
  local l = listener()
  local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
  return function()
    c:send("data", "zerocopy")
    c:sendmsg { iov = { "more", "data" }, flags = "zerocopy" }
    return c:zerocopy_wait "dontwait"
  end, {}, { c, l }
end)
