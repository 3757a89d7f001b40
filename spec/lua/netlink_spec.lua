-- Netlink sockets: what they are asked, and what they answer.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local kernel = require "spec.support.kernel"
local unprivileged = require "spec.support.unprivileged"
local worlds = require "spec.support.worlds"

local ifinfomsg = ("\0"):rep(16)

-- The request of an interface's link by its number.
local function link_request(index)
  return { type = "RTM_GETLINK",
           data = string.pack("=I4i4I4I4", 0, index, 0, 0) }
end

describe("a netlink socket", function()
  descriptors.guard()

  it("has the protocol named, and is closed by its variable", function()
    local kept
    do
      local nl <close> = netlink.open "usersock"
      kept = nl.socket
      assert.equal("usersock", kept:getsockopt "SO_PROTOCOL")
      assert.matches("^netlink%(socket%(netlink raw", tostring(nl))
    end
    assert.equal("socket(closed)", tostring(kept))
  end)

  it("joins the groups that are given", function()
    local nl <close> = netlink.open("route", { 1, 9 })
    assert.same({ 1, 9 }, nl.socket:getsockopt "NETLINK_LIST_MEMBERSHIPS")
  end)

  it("is closed again when it cannot be set up", function()
    errors.raised("EINVAL", "setsockopt", netlink.open, "route", { 1, 1 << 20 })
    errors.raised("EPROTONOSUPPORT", "socket", netlink.open, 31)
    errors.rejected("errors%.lua:%d+: bad argument #1 to 'open' .*'nosuch'",
                    netlink.open, "nosuch")
    errors.rejected("errors%.lua:%d+: bad argument #2 to 'open'", netlink.open,
                    "route", { "link" })
    errors.rejected("#2 to 'open'.*table expected", netlink.open, "route", 1)
  end)

  worlds.it("waits until its time-out or a deadline", function()
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

  worlds.it("is answered with what it asks for", function()
    local nl <close> = netlink.open()
    local index = sockeye.if_nametoindex "lo"
    for _ = 1, 3 do
      local answer = nl:request(link_request(index))
      assert.equal(1, #answer)
      assert.equal(netlink.RTM_NEWLINK, answer[1].type)
      assert.equal(index, (string.unpack("=i4", answer[1].data, 5)))
    end
  end)

  worlds.it("of a dump is answered with the whole list", function()
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

  it("raises the kernel's error, named after the request", function()
    local nl <close> = netlink.open()
    errors.raised("ENODEV", "RTM_GETLINK", nl.request, nl,
                  link_request(0x7ffffffe))
    errors.raised("EOPNOTSUPP", "request", nl.request, nl,
                  { type = 98, data = "\0" })
    assert.equal(1, #nl:request(link_request(1)))
  end)

  worlds.it("names the method in errors of the socket", function()
    for _, name in ipairs { "receive", "request", "links", "events" } do
      local nl <const> = netlink.open "route"
      local method <const> = name == "events" and nl:events() or nl[name]
      nl:close()
      local err <const> = errors.raised("EBADF", "recvfrom", method, nl,
                                        name == "request" and { type = 18 })
      assert.equal(name, err.caller)
      assert.matches(name .. ": the socket is closed", tostring(err))
    end
  end)

  it("raises the kernel's reason", function()
    local nl <close> = netlink.open()
    nl.socket:setsockopt("NETLINK_GET_STRICT_CHK", true)
    local request = { type = "RTM_GETLINK", flags = "dump", data = "short" }
    local err = errors.raised("EINVAL", "RTM_GETLINK", nl.request, nl, request)
    assert.is_string(err.extack)
    assert.truthy(err.message:find(err.extack, 1, true))
    assert.truthy(tostring(err):find(err.extack, 1, true))
  end)

  it("rejects wrong arguments", function()
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

  it("that changes something requires a privilege", function()
    local result, reason = unprivileged.lua [[
      local netlink = require "sockeye.netlink"
      local nl <close> = netlink.open()
      local _, err = pcall(nl.set_link, nl, { ifname = "lo", mtu = 1500 })
      print(err.code, err.call)
    ]]
    if not result then return pending(reason) end
    assert.equal("EPERM\tRTM_SETLINK\n", result.stdout)
  end)

  it("raises ENOBUFS for lost messages, and goes on", function()
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

  it("is the kernel's messages with the request's number", function()
    local answer = ask(link(99) .. link(1), { link(1), from = 77 },
                       kernel.message { type = 1, seq = 1 },
                       link(1) .. done(99), link(1) .. done(1) .. link(1))
    assert.equal(3, #answer)
    assert.is_nil(answer.interrupted)
  end)

  it("is marked when it was interrupted", function()
    assert.is_true(ask(link(1) .. link(1, 0x12), done(1)).interrupted)
    assert.is_true(ask(link(1), kernel.message {
      type = 3, flags = 0x12, seq = 1, data = "\0\0\0\0" }).interrupted)
  end)

  it("may end with an error", function()
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
    it("raises EBADMSG for " .. case[1], function()
      local err = errors.raised("EBADMSG", "recv", ask, case[2])
      assert.truthy(err.message:find(case[3], 1, true), err.message)
    end)
  end

  it("to an earlier request is ignored", function()
    local nl = kernel.answering(false, link(1), "\0", link(1), link(1) ..
                                done(1), false, link(2) .. done(2))
    errors.raised("EBADMSG", nil, nl.request, nl, { type = 18 })
    assert.equal(1, #nl:request { type = 18 })
  end)
end)
