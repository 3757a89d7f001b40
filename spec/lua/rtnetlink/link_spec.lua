-- Links: read from messages, and changed.

local netlink = require "sockeye.netlink"
local link = require "sockeye.rtnetlink.link"
local rtnetlink = require "spec.support.rtnetlink"

local on_host = rtnetlink.on_host
local attribute = netlink.attribute

describe("a link", function()
  it("has its hardware type by the name that ip has for it", function()
    local types = {
      [1] = "ether", [32] = "infiniband", [512] = "ppp", [519] = "rawip",
      [768] = "ipip", [769] = "tunnel6", [772] = "loopback", [776] = "sit",
      [778] = "gre", [783] = "irda", [801] = "ieee802.11",
      [802] = "ieee802.11/prism", [803] = "ieee802.11/radiotap",
      [804] = "ieee802.15.4", [823] = "gre6", [824] = "netlink",
      [825] = "6lowpan", [826] = "vsockmon", [0xfffe] = "none",
      [0xffff] = "void", [9999] = "[9999]",
    }
    for number, name in pairs(types) do
      local data = string.pack("=I1xI2i4I4I4", 0, number, 7, 0, 0)
      assert.equal(name, link.read(data).link_type)
    end
  end)

  rtnetlink.refuses {
    { "a link without its structure", "links", 16, "\0", "header at byte 1" },
    { "a link whose attribute has no length", "links", 16,
      rtnetlink.link .. "\0\0\0\0", "attribute at byte 17" },
    { "a link whose attribute is too long", "links", 16,
      rtnetlink.link .. string.pack("=I2I2", 9, 3) .. "lo\0\0",
      "attribute at byte 17" },
    { "a link whose number is cut", "links", 16,
      rtnetlink.link .. attribute(4, "\1\2"), "attribute at byte 1" },
    { "a link whose state is empty", "links", 16,
      rtnetlink.link .. attribute(16, ""), "attribute at byte 1" },
    { "a link whose properties go beyond their end", "links", 16,
      rtnetlink.link .. attribute(52, string.pack("=I2I2", 20, 53)),
      "attribute at byte 1" },
    { "a link whose statistics are cut", "links", 16,
      rtnetlink.link .. attribute(23, ("\0"):rep(95)), "95 bytes" },
  }

  it("is changed as its fields say #namespace", function()
    local output = on_host [[
      nl:set_link { ifname = "wire1", up = false }
      local link = find(netlink.links(), "ifname", "wire1")
      print(link.flags.UP, link.operstate)
      nl:set_link { ifindex = link.ifindex, mtu = 1400, txqlen = 77,
                    address = "02:00:00:00:be:ef", ifalias = "a wire",
                    name = "wire9" }
      nl:set_link { ifname = "wire9", up = true }
      link = find(netlink.links(), "ifname", "wire9")
      print(link.flags.UP, link.mtu, link.txqlen, link.address, link.ifalias)
      print(code(nl.set_link, nl, { ifname = "nosuch", up = true }))
      print(code(nl.set_link, nl, { ifindex = 0x7ffffffe, up = true }))
      print(code(nl.set_link, nl, { ifname = "wire9", mtu = 1 }))
    ]]
    assert.equal("nil\tDOWN\n" ..
                 "true\t1400\t77\t02:00:00:00:be:ef\ta wire\n" ..
                 "ENODEV if_nametoindex\nENODEV RTM_SETLINK\n" ..
                 "EINVAL RTM_SETLINK\n", output)
  end)

  rtnetlink.rejects {
    { "set_link", nil, "ifname" },
    { "set_link", {}, "ifname" },
    { "set_link", { ifindex = 1 << 40 }, "ifindex" },
    { "set_link", { ifname = "lo", up = 1 }, "up" },
    { "set_link", { ifname = "lo", upp = true }, "unknown option 'upp'" },
    { "set_link", { ifname = "lo", mtu = -1 }, "mtu" },
    { "set_link", { ifname = "lo", address = "02:0" }, "address" },
    { "set_link", { ifname = "lo", address = "02:00:" }, "address" },
    { "set_link", { ifname = "lo", name = "a\0b" }, "name" },
  }
end)
