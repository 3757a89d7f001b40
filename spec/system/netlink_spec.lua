-- Netlink messages written and read, and requests by them.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local kernel = require "spec.support.kernel"
local unprivileged = require "spec.support.unprivileged"
local worlds = require "spec.support.worlds"

describe("a netlink message", function()
  it("is read as it was written", function()
    local message = { type = 0xffff, flags = 0x301, seq = 0xffffffff,
                      pid = 0xfffffffe, data = "some data" }
    local bytes = netlink.encode(message)
    assert.equal(28, #bytes)
    assert.equal(25, (string.unpack("=I4", bytes)))
    assert.same({ message, message }, netlink.decode(bytes .. bytes))
  end)

  it("has nothing but a type at least", function()
    assert.same({ { type = 3, flags = 0, seq = 0, pid = 0, data = "",
                    errno = 0 } },
                netlink.decode(netlink.encode { type = netlink.NLMSG_DONE }))
  end)

  it("is none in no bytes", function()
    assert.same({}, netlink.decode "")
    assert.same({}, netlink.attributes "")
  end)

  local wrong = {
    { "type", nil }, { "type", -1 }, { "type", 65536 }, { "type", 1.5 },
    { "type", "getlink" }, { "flags", 65536 }, { "seq", -1 },
    { "seq", 1 << 32 }, { "pid", 1 << 32 }, { "data", 5 }, { "data", {} },
    { "date", "misspelt" },
  }
  for _, case in ipairs(wrong) do
    it(("takes no %s of %s"):format(case[1], tostring(case[2])), function()
      local message = { type = 16 }
      message[case[1]] = case[2]
      errors.rejected("bad argument #1.*" .. case[1], netlink.encode, message)
    end)
  end

  it("takes no positions out of the string", function()
    for _, read in ipairs { netlink.decode, netlink.attributes } do
      for _, positions in ipairs { { 0 }, { 6 }, { -1 }, { 1, 5 }, { 3, 1 },
                                   { math.maxinteger }, { 1, math.mininteger },
                                   { 1.5 } } do
        errors.rejected("bad argument #[23]", read, "\0\0\0\0",
                        table.unpack(positions))
      end
    end
  end)
end)

describe("a netlink error", function()
  local request = netlink.encode { type = 20, flags = 5, seq = 9,
                                   data = "address" }

  local function report(type, flags, data)
    return netlink.decode(netlink.encode { type = type, flags = flags,
                                           seq = 9, data = data })[1]
  end

  it("tells its number and the request", function()
    local told = report(2, 0, string.pack("=i4", -19) .. request)
    assert.equal(19, told.errno)
    assert.same({ type = 20, flags = 5, seq = 9, pid = 0, data = "address" },
                told.request)
    assert.is_nil(told.message)
  end)

  it("tells what an extended acknowledgement says", function()
    local said = netlink.attribute(1, "no such address\0") ..
      netlink.attribute(2, string.pack("=I4", 24)) ..
      netlink.attribute(3, "cookie") ..
      netlink.attribute(4, netlink.attribute(1, "policy"), "nested") ..
      netlink.attribute(5, string.pack("=I4", 7)) ..
      netlink.attribute(6, string.pack("=I4", 32)) ..
      netlink.attribute(99, "unknown")
    local whole = report(2, netlink.NLM_F_ACK_TLVS,
                         string.pack("=i4", -22) .. request .. said)
    local capped = report(2, netlink.NLM_F_ACK_TLVS | netlink.NLM_F_CAPPED,
                          string.pack("=i4", -22) .. request:sub(1, 16) ..
                          said)
    local done = report(3, netlink.NLM_F_ACK_TLVS,
                        string.pack("=i4", -22) .. said)
    for _, told in ipairs { whole, capped, done } do
      assert.equal(22, told.errno)
      assert.equal("no such address", told.message)
      assert.equal(24, told.offset)
      assert.equal("cookie", told.cookie)
      assert.equal(7, told.missing_type)
      assert.equal(32, told.missing_nest)
    end
    assert.equal("address", whole.request.data)
    assert.equal("", capped.request.data)
    assert.is_nil(done.request)
  end)

  it("passes over numbers of another size", function()
    local told = report(3, netlink.NLM_F_ACK_TLVS,
                        "\0\0\0\0" .. netlink.attribute(2, "12345"))
    assert.is_nil(told.offset)
  end)
end)

describe("a netlink attribute", function()
  it("is read as it was written, and its bits are told apart", function()
    for flags, bits in pairs {
      [""] = {}, nested = { true }, net_byteorder = { false, true },
      ["NLA_F_NESTED NLA_F_NET_BYTEORDER"] = { true, true },
    } do
      local bytes = netlink.attribute(0x3fff, "value", flags)
      assert.equal(12, #bytes)
      assert.same({ { type = 0x3fff, data = "value", nested = bits[1] or false,
                      net_byteorder = bits[2] or false } },
                  netlink.attributes(bytes))
    end
  end)

  it("holds at most what its length can say", function()
    local most = ("x"):rep(65531)
    assert.equal(most, netlink.attributes(netlink.attribute(1, most))[1].data)
    errors.rejected("#2.*at most 65531", netlink.attribute, 1, most .. "x")
  end)

  it("takes no wrong arguments", function()
    errors.rejected("#1.*out of range", netlink.attribute, 0x4000, "")
    errors.rejected("#1.*out of range", netlink.attribute, -1, "")
    errors.rejected("#2", netlink.attribute, 1)
    errors.rejected("#2", netlink.attribute, 1, {})
    errors.rejected("#3.*did you mean 'nested'", netlink.attribute, 1, "",
                    "nestd")
    errors.rejected("#3", netlink.attribute, 1, "", 1)
  end)
end)

local ifinfomsg = ("\0"):rep(16)

-- The request of an interface's link by its number.
local function link_request(index)
  return { type = "RTM_GETLINK",
           data = string.pack("=I4i4I4I4", 0, index, 0, 0) }
end

describe("a netlink socket", function()
  descriptors.guard()

  it("is of the protocol that is named, and closed by its variable", function()
    local kept
    do
      local nl <close> = netlink.open "usersock"
      kept = nl.socket
      assert.equal("usersock", kept:getsockopt "SO_PROTOCOL")
      assert.matches("^netlink%(socket%(netlink raw", tostring(nl))
    end
    assert.equal("socket(closed)", tostring(kept))
  end)

  it("joins the groups that it is told", function()
    local nl <close> = netlink.open("route", { 1, 9 })
    assert.same({ 1, 9 }, nl.socket:getsockopt "NETLINK_LIST_MEMBERSHIPS")
  end)

  it("is left open by no error", function()
    errors.raised("EINVAL", "setsockopt", netlink.open, "route", { 1, 1 << 20 })
    errors.raised("EPROTONOSUPPORT", "socket", netlink.open, 31)
    errors.rejected("errors%.lua:%d+: bad argument #1 to 'open' .*'nosuch'",
                    netlink.open, "nosuch")
    errors.rejected("errors%.lua:%d+: bad argument #2 to 'open'", netlink.open,
                    "route", { "link" })
    errors.rejected("#2 to 'open'.*table expected", netlink.open, "route", 1)
  end)

  worlds.it("waits as long as it may, and no longer", function()
    local nl <close> = netlink.open("route", { 1 })
    nl:settimeout(0.01)
    assert.is_true(errors.raised("ETIMEDOUT", "recvfrom", nl.receive,
                                 nl).timeout)
    nl:settimeout(nil)
    local err = errors.raised("ETIMEDOUT", "recvfrom", sockeye.timeout, 0.01,
                              nl.receive, nl)
    assert.is_true(err.timeout)
    assert.is_false(nl:settimeout(0):receive())
  end)
end)

describe("a netlink request", function()
  descriptors.guard()

  worlds.it("is answered by what was asked for", function()
    local nl <close> = netlink.open()
    local index = sockeye.if_nametoindex "lo"
    for _ = 1, 3 do
      local answer = nl:request(link_request(index))
      assert.equal(1, #answer)
      assert.equal(netlink.RTM_NEWLINK, answer[1].type)
      assert.equal(index, (string.unpack("=i4", answer[1].data, 5)))
    end
  end)

  worlds.it("of a dump is answered by all of it", function()
    local nl <close> = netlink.open()
    local names = {}
    for _, message in ipairs(nl:request { type = "getlink", flags = "dump",
                                          data = ifinfomsg }) do
      for _, a in ipairs(netlink.attributes(message.data, 17)) do
        if a.type == 3 then names[string.unpack("z", a.data)] = true end
      end
    end
    for _, entry in ipairs(sockeye.if_nameindex()) do
      assert.is_true(names[entry.name])
    end
  end)

  it("raises what the kernel answers, by the request's name", function()
    local nl <close> = netlink.open()
    errors.raised("ENODEV", "RTM_GETLINK", nl.request, nl,
                  link_request(0x7ffffffe))
    errors.raised("EOPNOTSUPP", "request", nl.request, nl,
                  { type = 98, data = "\0" })
    assert.equal(1, #nl:request(link_request(1)))
  end)

  it("tells the kernel's reason", function()
    local nl <close> = netlink.open()
    nl.socket:setsockopt("NETLINK_GET_STRICT_CHK", true)
    local request = { type = "RTM_GETLINK", flags = "dump", data = "short" }
    local err = errors.raised("EINVAL", "RTM_GETLINK", nl.request, nl, request)
    assert.is_string(err.extack)
    assert.truthy(err.message:find(err.extack, 1, true))
    assert.truthy(tostring(err):find(err.extack, 1, true))
  end)

  it("takes no wrong arguments", function()
    local nl <close> = netlink.open()
    errors.rejected("#1.*table expected", nl.request, nl)
    errors.rejected("'type': number or name expected", nl.request, nl, {})
    errors.rejected("'type'.*'getlinkk'", nl.request, nl, { type = "getlinkk" })
    errors.rejected("'flags'.*'dumb'", nl.request, nl,
                    { type = 18, flags = "ack dumb" })
    errors.rejected("'flags'", nl.request, nl, { type = 18, flags = {} })
    errors.rejected("'flags'", nl.request, nl, { type = 18, flags = 1 << 16 })
    errors.rejected("'data'", nl.request, nl, { type = 18, data = 5 })
  end)

  it("that changes something wants a privilege", function()
    local result, reason = unprivileged.lua [[
      local netlink = require "sockeye.netlink"
      local nl <close> = netlink.open()
      local _, err = pcall(nl.set_link, nl, { ifname = "lo", mtu = 1500 })
      print(err.code, err.call)
    ]]
    if not result then return pending(reason) end
    assert.equal("EPERM\tRTM_SETLINK\n", result.stdout)
  end)

  it("tells of messages that were lost, and goes on", function()
    local nl <close> = netlink.open()
    nl.socket:setsockopt("SO_RCVBUF", 1)
    local request = netlink.encode { type = netlink.RTM_GETLINK,
                                     flags = netlink.NLM_F_REQUEST,
                                     data = link_request(1).data }
    for _ = 1, 100 do nl.socket:send(request) end
    errors.raised("ENOBUFS", "recvfrom", function()
      for _ = 1, 100 do nl:receive() end
    end)
    nl.socket:setsockopt("SO_RCVBUF", 65536)
    assert.equal(1, #nl:request(link_request(1)))
  end)
end)

-- By a socket whose datagrams are made up.
describe("an answer", function()
  local function done(seq)
    return kernel.message { type = 3, flags = 2, seq = seq, data = "\0\0\0\0" }
  end

  local function link(seq, flags)
    return kernel.message { type = 16, flags = flags or 2, seq = seq,
                            data = ifinfomsg }
  end

  local function ask(...)
    return kernel.answering(false, ...):request { type = 18, flags = "dump" }
  end

  it("is what bears its number, from the kernel alone", function()
    local answer = ask(link(99) .. link(1), { link(1), from = 77 },
                       kernel.message { type = 1, seq = 1 },
                       link(1) .. done(99), link(1) .. done(1) .. link(1))
    assert.equal(3, #answer)
    assert.is_nil(answer.interrupted)
  end)

  it("tells that it was interrupted", function()
    assert.is_true(ask(link(1) .. link(1, 0x12), done(1)).interrupted)
    assert.is_true(ask(link(1), kernel.message {
      type = 3, flags = 0x12, seq = 1, data = "\0\0\0\0" }).interrupted)
  end)

  it("may end by an error", function()
    errors.raised("EBUSY", "RTM_GETLINK", ask, link(1), kernel.message {
      type = 3, flags = 2, seq = 1, data = string.pack("=i4", -16) })
    errors.raised("ENOBUFS", "RTM_GETLINK", ask,
                  kernel.message { type = 4, seq = 1 })
    errors.raised("EAGAIN", "recv", ask, link(1))
  end)

  local malformed = {
    { "a datagram that is cut", link(1):sub(1, 20), "message at byte 1" },
    { "a second message that is cut", link(1) .. done(1):sub(1, 18),
      "message at byte 33" },
    { "no message at all", "\0\0\0", "message at byte 1" },
    { "an error without its number", kernel.message { type = 2, seq = 1 },
      "report at byte 17" },
  }
  for _, case in ipairs(malformed) do
    it("is refused: " .. case[1], function()
      local err = errors.raised("EBADMSG", "recv", ask, case[2])
      assert.truthy(err.message:find(case[3], 1, true), err.message)
    end)
  end

  it("that was left is passed over", function()
    local nl = kernel.answering(false, link(1), "\0", link(1), link(1) ..
                                done(1), false, link(2) .. done(2))
    errors.raised("EBADMSG", nil, nl.request, nl, { type = 18 })
    assert.equal(1, #nl:request { type = 18 })
  end)
end)
