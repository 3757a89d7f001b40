local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local libc = require "spec.support.libc"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"

describe("control messages to send", function()
  descriptors.guard()

  it("can number in the thousands", function()
    local can, reason = libc.is_glibc(libc.control_limit)
    if not can then return pending(reason) end
    local a, b = sockets.udp()
    b:setsockopt("IP_RECVTTL", true)
    local list = {}
    for i = 1, 500 do
      list[i] = { level = 0, type = 2, data = string.pack("i4", i % 200 + 1) }
    end
    a:sendmsg { iov = "x", control = list }
    assert.equal(101, b:recvmsg({ iov = 9, control = true }).control.ttl)
    sockets.close(a, b)
  end)

  it("longer than the system allows raise its error", function()
    local a, b = sockets.udp()
    local ok, err = pcall(a.sendmsg, a, { iov = "x", control = {
      { level = 0, type = 2, data = ("x"):rep(1 << 24) } } })
    assert.is_false(ok)
    local codes = { ENOBUFS = true, EINVAL = true, ENOMEM = true }
    assert.is_true(codes[err.code])
    sockets.close(a, b)
  end)
end)

describe("numbers that go with one message", function()
  descriptors.guard()

  -- The family, the kind, the options that let it come, the values.
  local kinds = {
    { "inet", "ttl", { 1, 64, 255 }, "IP_RECVTTL" },
    { "inet", "tos", { 0, 4, 252 }, "IP_RECVTOS" },
    { "inet6", "hoplimit", { 0, 1, 255 }, "IPV6_RECVHOPLIMIT" },
    { "inet6", "tclass", { 0, 4, 252 }, "IPV6_RECVTCLASS" },
  }
  for _, row in ipairs(kinds) do
    local family, kind, values, option = table.unpack(row)
    it(("arrive: %s"):format(kind), function()
      local a, b, name = messages.asking(family, option)
      for _, value in ipairs(values) do
        a:sendmsg { iov = "x", name = name, control = { [kind] = value } }
        assert.same({ [kind] = value },
                    b:recvmsg({ iov = 9, control = true }).control)
      end
      a:sendto("x", name)
      local before = b:recvmsg({ iov = 9, control = true }).control[kind]
      assert.is_true(before == 64 or before == 0)
      sockets.close(a, b)
    end)

    it("can be sent back as they arrived: " .. kind, function()
      local a, b, name = messages.asking(family, option)
      a:setsockopt(option, true)
      a:sendmsg { iov = "x", name = name, control = { [kind] = values[2] } }
      local m = b:recvmsg { iov = 9, control = true }
      b:sendmsg { iov = m.data, name = m.from, control = m.control }
      assert.same(m.control, a:recvmsg({ iov = 9, control = true }).control)
      sockets.close(a, b)
    end)
  end

  it("of -1 stand for the socket's own value", function()
    local a, b, name = messages.asking("inet6", "IPV6_RECVHOPLIMIT")
    a:setsockopt("IPV6_UNICAST_HOPS", 7)
    a:sendmsg { iov = "x", name = name, control = { hoplimit = -1 } }
    assert.equal(7, b:recvmsg({ iov = 9, control = true }).control.hoplimit)
    sockets.close(a, b)
  end)

  it("of IPv4 arrive on a socket of both families", function()
    local b = sockeye.socket("inet6", "dgram"):settimeout(20)
    b:setsockopt("IPV6_V6ONLY", false):bind(sockeye.inet6())
    b:setsockopt("IP_RECVTTL", true):setsockopt("IP_PKTINFO", true)
    local a = sockets.bound("127.0.0.1:0", "dgram")
    a:sendmsg { iov = "x", control = { ttl = 33 },
                name = sockeye.inet("127.0.0.1", b:getsockname().port) }
    local m = b:recvmsg { iov = 9, control = true }
    assert.equal(33, m.control.ttl)
    assert.equal("::ffff:127.0.0.1", m.from.host)
    sockets.close(a, b)
  end)

  it("report how much data TCP still holds", function()
    local a, b = sockets.tcp()
    b:setsockopt("TCP_INQ", true)
    a:sendall "hello, world"
    sockets.arrived(b, 12)
    for _, row in ipairs { { 5, 7 }, { 2, 5 }, { 5, 0 } } do
      local m = b:recvmsg { iov = row[1], control = true }
      assert.equal(row[2], m.control.inq)
    end
    a:sendall "abc"
    a:sendall "def"
    sockets.arrived(b, 18)
    local m = b:recvmsg { iov = 6, control = true, flags = "waitall" }
    assert.same({ "abcdef", { inq = 0 } }, { m.data, m.control })
    sockets.close(a, b)
  end)
end)

describe("segmentation offload", function()
  descriptors.guard()

  for _, family in ipairs { "inet", "inet6" } do
    it("sends many datagrams by one call: " .. family, function()
      local a, b = messages.udp(family)
      local data = examples.bytes(10000)
      local ok, err = pcall(a.sendmsg, a, {
        iov = { data:sub(1, 999), data:sub(1000) }, name = b:getsockname(),
        control = { gso_size = 1200 },
      })
      if not ok then
        assert.is_true(err.code == "EINVAL" or err.code == "EIO")
        sockets.close(a, b)
        return pending "this kernel does not segment"
      end
      for at = 1, #data, 1200 do
        assert.is_true(b:recv(65535) == data:sub(at, at + 1199))
      end
      assert.is_false(b:recv(1, "dontwait"))
      errors.raised("EINVAL", "sendmsg", a.sendmsg, a, {
        iov = data, name = b:getsockname(), control = { gso_size = 1 },
      })
      sockets.close(a, b)
    end)

    it("receives many datagrams by one call: " .. family, function()
      local a, b = messages.asking(family)
      local data = examples.bytes(10000)
      b:setsockopt("UDP_GRO", true)
      if not pcall(a.sendmsg, a, { iov = data, name = b:getsockname(),
                                   control = { gso_size = 1200 } }) then
        sockets.close(a, b)
        return pending "this kernel does not segment"
      end
      local got = {}
      while #table.concat(got) < #data do
        local m = b:recvmsg { iov = 65535, control = true }
        if #m.data > 1200 then assert.equal(1200, m.control.gro_size) end
        got[#got + 1] = m.data
      end
      assert.is_true(data == table.concat(got))
      a:sendto("x", b:getsockname())
      assert.same({}, b:recvmsg({ iov = 9, control = true }).control)
      sockets.close(a, b)
    end)
  end
end)
