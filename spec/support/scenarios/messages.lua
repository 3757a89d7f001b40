-- Scenarios: messages and control data.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"
local libc = require "spec.support.libc"

local add <const>, datagram <const> = kit.add, kit.datagram

-- Two ends of a Unix stream; what comes is f's to close.
local function add_message(name, control, f, option)
  add(name, function()
    local a, b = sockeye.socketpair()
    if option then b:setsockopt(option, true) end
    a:sendmsg { iov = { "da", "ta" }, control = control(a, b) }
    return function() return f(b, a) end, {}, { a, b }
  end)
end

local function rights(a, b) return { rights = { a, b, a:fd(), io.stdout } } end

add_message("sendmsg of descriptors", rights, function(b)
  return b:sendmsg { iov = { "data", ("x"):rep(9999) }, control = rights(b, b) }
end)
add_message("sendmsg of much control data", rights, function(b)
  local list = { credentials = {} }
  for i = 1, libc.is_musl() and 50 or 100 do
    list[i] = { level = sockeye.SOL_SOCKET, type = 1, data = "" }
  end
  return b:sendmsg { iov = "data", control = list }
end)
add("sendmsg of other control data, to a name", function()
  local s = datagram()
  return s.sendmsg, { s, {
    iov = { "data", "more" }, name = tostring(s:getsockname()),
    control = { ttl = 5, pktinfo = { interface = "lo",
                                     address = "127.0.0.1" } },
  } }, { s }
end)
add("sendmsg of a wrong kind", function()
  local s = datagram()
  return pcall, { s.sendmsg, s, { iov = "data", control = { tll = 5 } } },
    { s }
end)
for _, room in ipairs { true, 20, 5000 } do
  add_message("recvmsg of descriptors, room " .. tostring(room), rights,
              function(b)
    return b:recvmsg { iov = { 1, 1, 9 }, control = room }
  end)
end
add_message("recvmsg of descriptors that are peeked at", rights, function(b)
  b:recvmsg { iov = 9, control = true, flags = "peek" }
  return b:recvmsg { iov = 9, control = true }
end)
add_message("recvmsg of descriptors, all of them to come", rights, function(b)
  return b:settimeout(0):recvmsg { iov = 9, control = true, flags = "waitall" }
end)
add("recvmsg of descriptors as numbers", function()
  local a, b = sockeye.socketpair()
  a:sendmsg { iov = "x", control = rights(a, b) }
  local request = { iov = { 1 }, control = true, rights = "numbers" }
  local message
  local function close()
    for _, fd in ipairs(message and message.control.rights or {}) do
      sockeye.adopt(fd):close()
    end
  end
  return function() message = b:recvmsg(request) end, {},
    { a, b, { close = close } }
end)
add_message("recvmsg of credentials and descriptors", rights, function(b)
  return b:recvmsg { iov = 9, control = true }
end, "SO_PASSCRED")
add("recvmsg of a datagram's control data", function()
  local s = datagram()
  for _, option in ipairs { "IP_PKTINFO", "IP_RECVTTL", "SO_TIMESTAMPNS",
                            "IP_RECVORIGDSTADDR" } do
    s:setsockopt(option, true)
  end
  s:sendto(("x"):rep(100000 // 2), s:getsockname())
  return s.recvmsg, { s, { iov = { 100000, 1 }, control = true } }, { s }
end)
add("recvmsg from the error queue", function()
  local s, gone = datagram(), datagram()
  local name = gone:getsockname()
  gone:close()
  s:setsockopt("IP_RECVERR", true):sendto("data", name)
  sockeye.poll({ [s] = "p" }, 20)
  return s.recvmsg, { s, { iov = 9, control = true, flags = "errqueue" } },
    { s }
end)
add("recvmsg of all that times out", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  a:settimeout(1e-3)
  return pcall, { a.recvmsg, a, { iov = { 100000 }, flags = "waitall" } },
    { a, b }
end)
add("recvmsg of all in several pieces", function()
  local a, b = sockeye.socketpair()
  b:send(("x"):rep(3000))
  b:close()
  return a.recvmsg, { a, { iov = 100000, flags = "waitall" } }, { a }
end)
