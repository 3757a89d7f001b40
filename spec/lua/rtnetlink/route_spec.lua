-- Routes: read from messages, and changed.

local netlink = require "sockeye.netlink"
local rtnetlink = require "spec.support.rtnetlink"

local on_host = rtnetlink.on_host
local attribute = netlink.attribute

describe("a route", function()
  local function hop(length, rest)
    local bytes = string.pack("=I2I1I1i4", length, 0, 0, 7) .. (rest or "")
    return rtnetlink.route .. attribute(9, bytes)
  end

  rtnetlink.refuses {
    { "a route without its structure", "routes", 24, rtnetlink.route:sub(1, 11),
      "header at byte 1" },
    { "a route whose gateway is cut", "routes", 24,
      rtnetlink.route .. attribute(5, ""), "0 bytes, at least 4" },
    { "a route by another family that is cut", "routes", 24,
      rtnetlink.route .. attribute(18, "\10\0abc"), "3 bytes, at least 16" },
    { "a next hop of no length", "routes", 24, hop(0), "next hop at byte 1" },
    { "a next hop beyond the end", "routes", 24, hop(9), "next hop at byte 1" },
    { "a rest after the next hops", "routes", 24, hop(8, "abcd"),
      "next hop at byte 9" },
    { "a next hop whose attribute is too long", "routes", 24,
      hop(12, string.pack("=I2I2", 8, 5)), "attribute at byte 1" },
  }

  it("is added and deleted #namespace", function()
    local output = on_host [[
      local function show(text)
        local r = find(netlink.routes(), "dst", text)
        print(r.family, r.gateway, r.dev, r.type, r.table, r.protocol,
              r.scope, r.metric, r.prefsrc)
      end
      local function add(t) print(code(nl.add_route, nl, t)) show(t.dst) end
      add { dst = "default", gateway = "10.77.0.2" }
      add { dst = "10.9.0.0/16", dev = "wire1", metric = 5, table = 77,
            protocol = "static", prefsrc = "10.77.0.1" }
      add { dst = "10.8.0.0/16", type = "blackhole" }
      add { dst = "fd09::/64", gateway = "fd00:77::2", dev = "wire1" }
      print(code(nl.add_route, nl, { dst = "10.8.0.0/16",
                                     type = "blackhole" }))
      print(code(nl.add_route, nl, { dst = "10.7.0.0/16",
                                     gateway = "192.0.2.1" }))
      for _, dst in ipairs { "default", "10.8.0.0/16", "fd09::/64" } do
        print(code(nl.delete_route, nl, { dst = dst }))
      end
      print(code(nl.delete_route, nl, { dst = "10.9.0.0/16", table = "77" }))
      print(code(nl.delete_route, nl, { dst = "10.9.0.0/16", table = "77" }))
      print(#netlink.routes { table = 77 })
    ]]
    assert.equal("ok\n" ..
      "inet\t10.77.0.2\twire1\tunicast\tmain\tboot\tglobal\tnil\tnil\nok\n" ..
      "inet\tnil\twire1\tunicast\t77\tstatic\tlink\t5\t10.77.0.1\nok\n" ..
      "inet\tnil\tnil\tblackhole\tmain\tboot\tglobal\tnil\tnil\nok\n" ..
      "inet6\tfd00:77::2\twire1\tunicast\tmain\tboot\tglobal\t1024\tnil\n" ..
      "EEXIST RTM_NEWROUTE\nENETUNREACH RTM_NEWROUTE\nok\nok\nok\nok\n" ..
      "ESRCH RTM_DELROUTE\n0\n", output)
  end)

  rtnetlink.rejects {
    { "add_route", {}, "dst" },
    { "add_route", { dst = "10.0.0.0/33" }, "dst" },
    { "add_route", { dst = "10.0.0.0/" .. ("9"):rep(20) }, "dst" },
    { "add_route", { dst = "10.0.0.0/8", family = "inet6" }, "dst" },
    { "add_route", { dst = "10.0.0.0/8", gateway = "::1" }, "gateway" },
    { "add_route", { dst = "::/0", prefsrc = "10.0.0.1" }, "prefsrc" },
    { "add_route", { dst = "default", family = "ipx" }, "family" },
    { "add_route", { dst = "10.0.0.0/8", dev = 1 }, "dev" },
    { "add_route", { dst = "10.0.0.0/8", gateway = 5 }, "gateway" },
    { "add_route", { dst = "10.0.0.0/8", table = "nosuch" }, "table" },
    { "add_route", { dst = "10.0.0.0/8", type = 256 }, "type" },
    { "delete_route", { dst = "10.0.0.0/8", gatway = "::1" }, "gatway" },
  }
end)
