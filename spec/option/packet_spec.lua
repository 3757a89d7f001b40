-- Options of packet sockets: what they refuse, do and return.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local options = require "spec.support.options"
local sockets = require "spec.support.sockets"

describe("option of packet sockets", function()
  descriptors.guard()

  it("rejects values that its type cannot hold", function()
    options.refuse_all {
      packet_mreq = {
        {}, 1, "promisc", true, { interface = "lo" },
        { type = "promiscuous" }, { type = 65536 },
        { type = "promisc", interface = "nosuch0" },
        { type = "promisc", interface = -1 },
        { type = "promisc", device = "lo" },
        { type = "multicast", address = 5 },
        { type = "multicast", address = "01:00:5e:00:00:0g" },
        { type = "multicast", address = "01:02:03:04:05:06:07:08:09" },
      },
      fanout = {
        {}, 1, "hash", true, { id = 1 }, { type = "hash" },
        { id = -1, type = "hash" }, { id = 65536, type = "hash" },
        { id = 1.5, type = "hash" }, { id = 1, type = "hush" },
        { id = 1, type = 256 }, { id = 1, type = "hash", flags = "roll" },
        { id = 1, type = "hash", flags = 1 },
        { id = 1, type = "hash", flags = 0x10000 },
        { id = 1, type = "hash", max_num_members = 0 },
        { id = 1, type = "hash", max_num_members = 65537 },
        { id = 1, type = "hash", members = 2 },
      },
      packet_version = { "v4", "", true, -1 },
    }
  end)

  it("names what is wrong in a table", function()
    local s <close>, reason = sockets.packet("raw")
    if not s then return pending(reason) end
    local function rejected(pattern, name, value)
      errors.rejected("bad argument.*" .. pattern, s.setsockopt, s, name,
                      value)
    end
    rejected("field 'type': name expected", "PACKET_ADD_MEMBERSHIP", {})
    rejected("unknown kind of membership 'promis', did you mean 'promisc'",
             "PACKET_ADD_MEMBERSHIP", { type = "promis" })
    rejected("unknown field 'adress', did you mean 'address'",
             "PACKET_ADD_MEMBERSHIP", { type = "promisc", adress = "" })
    rejected("field 'address'", "PACKET_ADD_MEMBERSHIP",
             { type = "multicast", address = "nonsense!" })
    rejected("field 'interface'", "PACKET_ADD_MEMBERSHIP",
             { type = "promisc", interface = "nosuch0" })
    rejected("unknown kind of fanout 'hush', did you mean 'hash'",
             "PACKET_FANOUT", { id = 1, type = "hush" })
    rejected("unknown fanout flag 'defrags', did you mean 'defrag'",
             "PACKET_FANOUT", { id = 1, type = "hash", flags = "defrags" })
    rejected("field 'id': integer expected", "PACKET_FANOUT",
             { type = "hash" })
  end)

  it("checks the interface and the octets: PACKET_ADD_MEMBERSHIP", function()
    local s <close>, reason = sockets.packet("raw")
    if not s then return pending(reason) end
    local lo = sockeye.if_nametoindex("lo")
    for _, membership in ipairs {
      { type = "promisc", interface = "lo" },
      { type = "allmulti", interface = lo },
      { type = "multicast", interface = "127.0.0.1",
        address = "01:00:5e:00:00:fb" },
      { type = "PACKET_MR_MULTICAST", interface = "lo",
        address = "\x33\x33\0\0\0\1" },
    } do
      s:setsockopt("PACKET_ADD_MEMBERSHIP", membership)
      s:setsockopt("PACKET_DROP_MEMBERSHIP", membership)
    end
    errors.raised("ENODEV", "setsockopt", s.setsockopt, s,
                  "PACKET_ADD_MEMBERSHIP", { type = "promisc" })
    errors.raised("EINVAL", "setsockopt", s.setsockopt, s,
                  "PACKET_ADD_MEMBERSHIP",
                  { type = "multicast", interface = "lo", address = "1" })
  end)

  it("is read as the group that was joined: PACKET_FANOUT", function()
    local s <close>, reason = sockets.packet("raw")
    if not s then return pending(reason) end
    assert.same({ id = 0, type = "hash", flags = "" },
                s:getsockopt("PACKET_FANOUT"))
    errors.raised("EINVAL", "setsockopt", s.setsockopt, s, "PACKET_FANOUT",
                  { id = 1, type = "hash" }) -- it is not bound
    s:bind(sockeye.packet("lo", "arp"))
    s:setsockopt("PACKET_FANOUT", { id = 77, type = "lb", flags = "defrag" })
    assert.same({ id = 77, type = "lb", flags = "defrag" },
                s:getsockopt("PACKET_FANOUT"))
    errors.raised("EALREADY", "setsockopt", s.setsockopt, s, "PACKET_FANOUT",
                  { id = 77, type = "lb" })
  end)

  it("can have a number that the kernel chooses: PACKET_FANOUT", function()
    local groups = {}
    for i = 1, 2 do
      local s, reason = sockets.packet("raw")
      if not s then return pending(reason) end
      s:bind(sockeye.packet("lo", "arp"))
      s:setsockopt("PACKET_FANOUT", { type = "hash", flags = "uniqueid" })
      groups[i] = { s = s, id = s:getsockopt("PACKET_FANOUT").id }
    end
    assert.not_equal(groups[1].id, groups[2].id)
    for _, group in ipairs(groups) do group.s:close() end
  end)

  it("limits the members of a group: PACKET_FANOUT", function()
    local members = {}
    local reason
    for i = 1, 3 do
      members[i], reason = sockets.packet("raw")
      if not members[i] then return pending(reason) end
      members[i]:bind(sockeye.packet("lo", "arp"))
    end
    local group = { id = 78, type = "hash", max_num_members = 2 }
    local ok, err = pcall(members[1].setsockopt, members[1], "PACKET_FANOUT",
                          group)
    if ok then
      members[2]:setsockopt("PACKET_FANOUT", group)
      errors.raised("ENOSPC", "setsockopt", members[3].setsockopt, members[3],
                    "PACKET_FANOUT", group)
    end
    sockets.close(table.unpack(members))
    if not ok then
      assert.is_true(sockeye.is_error(err, "EINVAL"), err)
      return pending("this kernel does not limit groups")
    end
  end)
end)
