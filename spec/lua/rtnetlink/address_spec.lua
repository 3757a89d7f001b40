-- Addresses of interfaces: read from messages, and changed.

local netlink = require "sockeye.netlink"
local rtnetlink = require "spec.support.rtnetlink"

local on_host = rtnetlink.on_host
local attribute = netlink.attribute

describe("an address", function()
  rtnetlink.refuses {
    { "an address that is cut", "addresses", 20,
      rtnetlink.address .. attribute(1, "abc"), "3 bytes, at least 4" },
    { "an address whose times are cut", "addresses", 20,
      rtnetlink.address .. attribute(6, "abcd"), "4 bytes, at least 8" },
  }

  it("is added and deleted #namespace", function()
    local output = on_host [[
      local function show(text)
        local a = find(netlink.addresses(), "local", text)
        print(a.ifname, a["local"], a.address, a.prefixlen, a.broadcast,
              a.label, a.scope, a.nodad)
      end
      local function try(name, t)
        t.ifname = "wire1"
        return code(nl[name], nl, t)
      end
      print(try("add_address", { ["local"] = "10.9.0.1/20", metric = 7,
                                 broadcast = "10.9.15.255",
                                 label = "wire1:x", scope = "link" }))
      show "10.9.0.1"
      print(try("add_address", { ["local"] = "10.9.0.1/20" }))
      print(try("add_address", { ["local"] = "10.8.0.1",
                                 address = "10.8.0.2" }))
      show "10.8.0.1"
      print(try("add_address", { ["local"] = "fd09::1", prefixlen = 64,
                                 nodad = true }))
      show "fd09::1"
      print(try("delete_address", { ["local"] = "10.9.0.1/20" }))
      show "10.9.0.1"
      print(try("delete_address", { ["local"] = "10.9.0.1/20" }))
    ]]
    assert.equal("ok\n" ..
      "wire1\t10.9.0.1\tnil\t20\t10.9.15.255\twire1:x\tlink\tnil\n" ..
      "EEXIST RTM_NEWADDR\nok\n" ..
      "wire1\t10.8.0.1\t10.8.0.2\t32\tnil\twire1\tglobal\tnil\nok\n" ..
      "wire1\tfd09::1\tnil\t64\tnil\tnil\tglobal\ttrue\nok\n" ..
      "nil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n" ..
      "EADDRNOTAVAIL RTM_DELADDR\n", output)
  end)

  rtnetlink.rejects {
    { "add_address", { ifname = "lo" }, "'local': numeric address expected" },
    { "add_address", { ["local"] = "127.0.0.1" }, "ifname" },
    { "add_address", { ifname = "lo", ["local"] = "127.0.0" }, "local" },
    { "add_address", { ifname = "lo", ["local"] = "::1/129" }, "local" },
    { "add_address", { ifname = "lo", ["local"] = "::1", prefixlen = 129 },
      "prefixlen" },
    { "add_address", { ifname = "lo", ["local"] = "10.0.0.1/" ..
      ("9"):rep(20) }, "local" },
    { "add_address", { ifname = "lo", ["local"] = "10.0.0.1",
                       address = "::1" }, "address" },
    { "add_address", { ifname = 1, ["local"] = "::1" }, "ifname" },
    { "add_address", { ifindex = 1 << 31, ["local"] = "::1" }, "ifindex" },
    { "add_address", { ifname = "lo", ["local"] = "::1", scope = "far" },
      "scope" },
    { "add_address", { ifname = "lo", ["local"] = "::1", broadcast = "*" },
      "broadcast" },
  }
end)
