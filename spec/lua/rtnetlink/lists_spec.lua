-- Links, addresses and routes as lists.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local kernel = require "spec.support.kernel"
local rtnetlink = require "spec.support.rtnetlink"
local worlds = require "spec.support.worlds"

local dump, find = rtnetlink.dump, rtnetlink.find
local attribute = netlink.attribute

describe("the links", function()
  descriptors.guard()

  worlds.it("are the interfaces, by number and name", function()
    local links = netlink.links()
    for _, entry in ipairs(sockeye.if_nameindex()) do
      assert.equal(entry.name, find(links, "ifindex", entry.index).ifname)
    end
    local lo = find(links, "ifname", "lo")
    assert.equal("loopback", lo.link_type)
    assert.is_true(lo.flags.LOOPBACK)
    assert.equal("LOOPBACK", lo.flags[1])
    assert.equal("00:00:00:00:00:00", lo.address)
    assert.equal("integer", math.type(lo.stats64.rx.bytes))
  end)
end)

describe("the addresses", function()
  descriptors.guard()

  worlds.it("are those of the interfaces", function()
    local addresses = netlink.addresses()
    for _, entry in ipairs(sockeye.interfaces()) do
      if entry.address then
        local found = find(addresses, "local", entry.address.host)
        assert.equal(entry.address.family, found.family)
        assert.equal(entry.prefix, found.prefixlen)
      end
    end
  end)

  it("are of one family if one is given", function()
    for _, address in ipairs(netlink.addresses { family = "inet" }) do
      assert.equal("inet", address.family)
    end
    assert.equal("127.0.0.1", find(netlink.addresses { family = "inet" },
                                   "ifname", "lo")["local"])
  end)

  it("reject an unknown option", function()
    errors.rejected("errors%.lua:%d+: .*unknown option 'famly'",
                    netlink.addresses, { famly = "inet" })
    errors.rejected("'inet' or 'inet6' expected", netlink.routes,
                    { family = "unix" })
  end)
end)

describe("the routes", function()
  descriptors.guard()

  worlds.it("are of one table if one is given", function()
    local routes = netlink.routes { table = "local", family = "inet" }
    local route = find(routes, "dst", "127.0.0.1")
    assert.equal("local", route.type)
    assert.equal("lo", route.dev)
    assert.equal("host", route.scope)
    assert.equal("kernel", route.protocol)
    for _, r in ipairs(routes) do
      assert.equal("local", r.table)
      assert.equal("inet", r.family)
    end
    assert.same(routes, netlink.routes { table = 255, family = "inet" })
  end)
end)

-- By a socket whose datagrams are made up.
describe("a list", function()
  it("is requested again when it was interrupted", function()
    local nl = kernel.answering(false, dump(1, 16, rtnetlink.link, 0x12), false,
                                dump(2, 16, rtnetlink.link, 0x12), false,
                                dump(3, 16, rtnetlink.link))
    local links = nl:links()
    assert.equal(1, #links)
    assert.is_nil(links.interrupted)
    assert.equal(3, #nl.socket.sent)
  end)

  it("is marked when every attempt was interrupted", function()
    local datagrams = {}
    for i = 1, 5 do
      datagrams[2 * i - 1] = false
      datagrams[2 * i] = dump(i, 16, rtnetlink.link, 0x12)
    end
    assert.is_true(kernel.answering(table.unpack(datagrams)):links()
      .interrupted)
  end)

  it("has digits for numbers without a name", function()
    local nl = kernel.answering(false, dump(1), false, dump(2, 24,
      string.pack("=I1I1I1I1I1I1I1I1I4", 2, 32, 0, 0x10, 77, 99, 7, 99, 0) ..
      attribute(1, "\10\0\0\1") .. attribute(4, "\7\0\0\0") ..
      attribute(99, "unknown")))
    local routes = nl:routes()
    assert.same({ { family = "inet", dst = "10.0.0.1", table = "77",
                    protocol = "openr", scope = "7", type = "99", dev = "if7",
                    tos = "0x10", flags = {} } }, routes)
  end)

  it("leaves out other families and kinds", function()
    assert.same({}, kernel.answering(false, dump(1, 16,
      string.pack("=I1xI2i4I4I4", 7, 1, 7, 0, 0))):links())
    assert.same({}, kernel.answering(false, dump(1), false, dump(2, 24,
      string.pack("=I1I1I1I1I1I1I1I1I4", 28, 0, 0, 0, 0, 0, 0, 0, 0)))
      :routes())
  end)
end)
