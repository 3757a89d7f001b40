local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"

local SOL_SOCKET <const>, SCM_RIGHTS <const> = sockeye.SOL_SOCKET, 1

describe("control messages", function()
  descriptors.guard()

  it("of unknown kinds are sent as bytes", function()
    local a, b = messages.asking("inet", "IP_RECVTTL", "IP_RECVTOS")
    a:connect(b:getsockname())
    a:sendmsg { iov = "x", control = {
      { level = sockeye.IPPROTO_IP, type = 2, data = string.pack("i4", 17) },
      { level = sockeye.IPPROTO_IP, type = 1, data = string.pack("i4", 40) },
    } }
    local m = b:recvmsg { iov = 9, control = true }
    assert.same({ ttl = 17, tos = 40 }, m.control)
    sockets.close(a, b)
  end)

  it("of known kinds can be sent as bytes, too", function()
    for kind, make in pairs(messages.unix) do
      local a, b = make()
      a:sendmsg { iov = "x", control = {
        { level = SOL_SOCKET, type = SCM_RIGHTS,
          data = string.pack("i4i4", a:fd(), b:fd()) },
      } }
      local m = b:recvmsg { iov = 9, control = true }
      assert.equal(2, #m.control.rights, kind)
      sockets.close(a, b, table.unpack(m.control.rights))
    end
  end)

  it("of descriptors are joined into one, as the system does", function()
    local a, b = sockets.unix()
    a:sendmsg { iov = "x", control = {
      rights = { a },
      { level = SOL_SOCKET, type = SCM_RIGHTS, data = string.pack("i4",
                                                                  b:fd()) },
      { level = SOL_SOCKET, type = SCM_RIGHTS, data = string.pack("i4",
                                                                  b:fd()) },
    } }
    local m = b:recvmsg { iov = 9, control = true }
    assert.equal(3, #m.control.rights)
    sockets.close(a, b, table.unpack(m.control.rights))
  end)

  it("of unknown kinds arrive as level, type and data", function()
    local a, b = sockets.tcp()
    -- What has no row: of SO_TIMESTAMP_OLD and SO_TIMESTAMP_NEW the one that is
    -- not SO_TIMESTAMP here.
    local is_64_bit = string.packsize "T" == 8
    local option, format = 29, "i4i4"
    if is_64_bit then option, format = 63, "i8i8" end
    b:setsockopt("SOL_SOCKET", option, 1)
    local list
    for _ = 1, 1000 do
      a:send "x"
      list = b:recvmsg({ iov = 9, control = true }).control
      if #list > 0 then break end
      sockeye.sleep(0.001)
    end
    assert.equal(1, #list)
    assert.same({ "socket", option, string.packsize(format) },
                { list[1].level, list[1].type, #list[1].data })
    local seconds = string.unpack(format, list[1].data)
    assert.is_true(seconds >= os.time() - 20)
    sockets.close(a, b)
  end)

  it("that are truncated arrive as far as they go", function()
    local a, b, name = messages.asking("inet", "IP_RECVTTL", "IP_PKTINFO")
    a:sendto("x", name)
    local m = b:recvmsg { iov = 9, control = messages.header + 4 }
    assert.is_true(m.flags.ctrunc)
    assert.same({ { level = "ip", type = 8, data = m.control[1].data } },
                m.control)
    assert.equal(4, #m.control[1].data)
    sockets.close(a, b)
  end)

  it("arrive all together", function()
    local a, b, name = messages.asking("inet6", "IPV6_RECVPKTINFO",
      "IPV6_RECVHOPLIMIT", "IPV6_RECVTCLASS", "SO_TIMESTAMPNS")
    a:sendmsg { iov = "x", name = name,
                control = { hoplimit = 9, tclass = 8 } }
    local control = b:recvmsg({ iov = 9, control = true }).control
    assert.same({ 9, 8, "::1" }, { control.hoplimit, control.tclass,
                                   control.pktinfo.address })
    assert.is_truthy(control.timestampns)
    sockets.close(a, b)
  end)
end)

describe("control data to send", function()
  descriptors.guard()

  local function nested(depth)
    return depth == 0 and {} or { nested(depth - 1) }
  end

  -- What it is, and what the argument error says.
  local wrong = {
    { "ttl", "'control'" },
    { { tll = 5 }, "unknown control message 'tll', did you mean 'ttl'" },
    { { credential = {} }, "did you mean 'credentials'" },
    { { ttl = "5x" }, "'ttl': integer expected" },
    { { ttl = 1.5 }, "'ttl': integer expected" },
    { { ttl = -1 }, "'ttl': out of range %(0 to 255%)" },
    { { ttl = 256 }, "'ttl': out of range" },
    { { hoplimit = -2 }, "'hoplimit': out of range %(%-1 to 255%)" },
    { { tos = 256 }, "'tos': out of range" },
    { { gso_size = 65536 }, "'gso_size': out of range" },
    { { flowinfo = 1 << 28 }, "'flowinfo': out of range" },
    { { mark = 1 << 32 }, "'mark': out of range" },
    { { txtime = -1 }, "'txtime': out of range" },
    { { hopopts = 5 }, "'hopopts': string expected" },
    { { timestamp = {} }, "'timestamp': can only be received" },
    { { recverr = {} }, "'recverr': can only be received" },
    { { gro_size = 5 }, "'gro_size': can only be received" },
    { { pidfd = 5 }, "'pidfd': can only be received" },
    { { rights = 5 }, "'rights': list of descriptors" },
    { { rights = { "x" } }, "'rights': sockets, files, descriptors" },
    { { rights = { 0, {} } }, "'rights': sockets, files, descriptors" },
    { { rights = { -1 } }, "'rights': sockets, files, descriptors" },
    { { credentials = 5 }, "table expected" },
    { { credentials = { pidd = 5 } }, "did you mean 'pid'" },
    { { credentials = { pid = -1 } }, "field 'pid': out of range" },
    { { credentials = { uid = 1 << 32 } }, "field 'uid': out of range" },
    { { credentials = { gid = "x" } }, "field 'gid': integer" },
    { { pktinfo = "lo" }, "table expected" },
    { { pktinfo = { adress = "" } }, "did you mean 'address'" },
    { { pktinfo = { address = "localhost" } }, "'address': IPv4 address" },
    { { pktinfo = { address = "::1" } }, "'address': IPv4 address" },
    { { pktinfo = { address = {} } }, "'address': IPv4 address" },
    { { pktinfo = { address = "127.0.0.1\0" } }, "'address': IPv4 address" },
    { { pktinfo = { ifindex = -1 } }, "'ifindex': out of range" },
    { { pktinfo = { interface = "nosuch" } },
      "no interface has this name: 'nosuch'" },
    { { pktinfo = { interface = ("x"):rep(16) } },
      "no interface has this name" },
    { { pktinfo = { interface = "lo\0" } }, "no interface has this name" },
    { { pktinfo = { interface = 1 } }, "'interface': string" },
    { { 5 }, "table expected" },
    { { {} }, "'level': integer expected" },
    { { { level = 0 } }, "'type': integer expected" },
    { { { level = "sockett", type = 0, data = "" } },
      "'level': unknown option level 'sockett', did you mean 'socket'" },
    { { { level = {}, type = 0, data = "" } }, "'level': integer" },
    { { { level = 0, type = 0 } }, "'data': string expected" },
    { { { level = 1 << 31, type = 0, data = "" } }, "'level': out of range" },
    { { { level = 0, type = "x", data = "" } }, "'type': integer" },
    { { { level = 0, type = 0, data = "", dat = 1 } }, "did you mean 'data'" },
    { nested(150), "only named fields" },
    { { [true] = 5 }, "table expected" },
  }
  for i, case in ipairs(wrong) do
    it(("is rejected if it is wrong (%d)"):format(i), function()
      local a, b = sockets.udp()
      errors.rejected("bad argument #1 to 'sendmsg' %(.*" .. case[2],
        function() a:sendmsg { iov = "x", control = case[1] } end)
      assert.is_false(b:recv(9, "dontwait"))
      sockets.close(a, b)
    end)
  end

  it("may be an empty table", function()
    for _, make in pairs(messages.all) do
      local a, b = make()
      a:sendmsg { iov = "x", control = {} }
      assert.same({}, b:recvmsg({ iov = 9, control = true }).control)
      sockets.close(a, b)
    end
  end)

  it("raises the system's error on a socket that lacks its kind", function()
    local a, b = sockets.unix()
    for _, control in ipairs { { ttl = 5 }, { pktinfo = {} },
                               { gso_size = 5 } } do
      local ok, err = pcall(a.sendmsg, a, { iov = "x", control = control })
      assert.is_true(ok or err.code == "EINVAL")
      if ok then b:recv(9) end
    end
    sockets.close(a, b)
    a, b = messages.udp "inet"
    errors.raised("EINVAL", "sendmsg", a.sendmsg, a,
                  { iov = "x", name = b:getsockname(),
                    control = { ttl = 0 } })
    sockets.close(a, b)
  end)
end)
