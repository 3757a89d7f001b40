-- What rtnetlink(7) knows of links, addresses and routes: listed, changed and
-- watched.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local kernel = require "spec.support.kernel"
local netns = require "spec.support.netns"
local worlds = require "spec.support.worlds"

local function find(list, field, value)
  for _, entry in ipairs(list) do
    if entry[field] == value then return entry end
  end
end

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

  it("are of one family where it is told", function()
    for _, address in ipairs(netlink.addresses { family = "inet" }) do
      assert.equal("inet", address.family)
    end
    assert.equal("127.0.0.1", find(netlink.addresses { family = "inet" },
                                   "ifname", "lo")["local"])
  end)

  it("take no unknown option", function()
    errors.rejected("errors%.lua:%d+: .*unknown option 'famly'",
                    netlink.addresses, { famly = "inet" })
    errors.rejected("'inet' or 'inet6' expected", netlink.routes,
                    { family = "unix" })
  end)
end)

describe("the routes", function()
  descriptors.guard()

  worlds.it("are of one table where it is told", function()
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
describe("an answer of rtnetlink", function()
  -- The answer to the request of that number: one message, and the end.
  local function dump(seq, type, data, flags)
    local function message(fields)
      fields.seq, fields.flags = seq, flags or 2
      return kernel.message(fields)
    end
    return (data and message { type = type, data = data } or "") ..
      message { type = 3, data = "\0\0\0\0" }
  end

  local ifinfomsg = string.pack("=I1xI2i4I4I4", 0, 1, 7, 0x1043, 0)
  local ifaddrmsg = string.pack("=I1I1I1I1I4", 2, 24, 0x80, 0, 7)
  local rtmsg = string.pack("=I1I1I1I1I1I1I1I1I4", 2, 24, 0, 0, 254, 4, 0, 1, 0)
  local attribute = netlink.attribute

  local function hop(length, rest)
    return rtmsg .. attribute(9, string.pack("=I2I1I1i4", length, 0, 0, 7) ..
                              (rest or ""))
  end

  local malformed = {
    { "a link without its structure", "links", 16, "\0", "header at byte 1" },
    { "a link whose attribute has no length", "links", 16,
      ifinfomsg .. "\0\0\0\0", "attribute at byte 17" },
    { "a link whose attribute is too long", "links", 16,
      ifinfomsg .. string.pack("=I2I2", 9, 3) .. "lo\0\0",
      "attribute at byte 17" },
    { "a link whose number is cut", "links", 16,
      ifinfomsg .. attribute(4, "\1\2"), "attribute at byte 1" },
    { "a link whose state is empty", "links", 16,
      ifinfomsg .. attribute(16, ""), "attribute at byte 1" },
    { "a link whose properties go beyond their end", "links", 16,
      ifinfomsg .. attribute(52, string.pack("=I2I2", 20, 53)),
      "attribute at byte 1" },
    { "a link whose statistics are cut", "links", 16,
      ifinfomsg .. attribute(23, ("\0"):rep(95)), "95 bytes" },
    { "an address that is cut", "addresses", 20,
      ifaddrmsg .. attribute(1, "abc"), "3 bytes, at least 4" },
    { "an address whose times are cut", "addresses", 20,
      ifaddrmsg .. attribute(6, "abcd"), "4 bytes, at least 8" },
    { "a route without its structure", "routes", 24, rtmsg:sub(1, 11),
      "header at byte 1" },
    { "a route whose gateway is cut", "routes", 24,
      rtmsg .. attribute(5, ""), "0 bytes, at least 4" },
    { "a route by another family that is cut", "routes", 24,
      rtmsg .. attribute(18, "\10\0abc"), "3 bytes, at least 16" },
    { "a next hop of no length", "routes", 24, hop(0), "next hop at byte 1" },
    { "a next hop beyond the end", "routes", 24, hop(9), "next hop at byte 1" },
    { "a rest after the next hops", "routes", 24, hop(8, "abcd"),
      "next hop at byte 9" },
    { "a next hop whose attribute is too long", "routes", 24,
      hop(12, string.pack("=I2I2", 8, 5)), "attribute at byte 1" },
  }
  for _, case in ipairs(malformed) do
    local name, method, type, data, place = table.unpack(case)
    it("is refused: " .. name, function()
      local nl = kernel.answering(false, dump(1, type, data))
      if method ~= "links" then
        nl = kernel.answering(false, dump(1), false, dump(2, type, data))
      end
      local err = errors.raised("EBADMSG", "recv", nl[method], nl)
      assert.truthy(err.message:find(place, 1, true), err.message)
    end)
  end

  it("is asked for again where it was interrupted", function()
    local nl = kernel.answering(false, dump(1, 16, ifinfomsg, 0x12), false,
                                dump(2, 16, ifinfomsg, 0x12), false,
                                dump(3, 16, ifinfomsg))
    local links = nl:links()
    assert.equal(1, #links)
    assert.is_nil(links.interrupted)
    assert.equal(3, #nl.socket.sent)
  end)

  it("tells where it was interrupted each time", function()
    local datagrams = {}
    for i = 1, 5 do
      datagrams[2 * i - 1] = false
      datagrams[2 * i] = dump(i, 16, ifinfomsg, 0x12)
    end
    assert.is_true(kernel.answering(table.unpack(datagrams)):links()
      .interrupted)
  end)

  it("names what has no name by its number", function()
    local nl = kernel.answering(false, dump(1), false, dump(2, 24,
      string.pack("=I1I1I1I1I1I1I1I1I4", 2, 32, 0, 0x10, 77, 99, 7, 99, 0) ..
      attribute(1, "\10\0\0\1") .. attribute(4, "\7\0\0\0") ..
      attribute(99, "unknown")))
    local routes = nl:routes()
    assert.same({ { family = "inet", dst = "10.0.0.1", table = "77",
                    protocol = "openr", scope = "7", type = "99", dev = "if7",
                    tos = "0x10", flags = {} } }, routes)
  end)

  it("passes over other families and kinds", function()
    assert.same({}, kernel.answering(false, dump(1, 16,
      string.pack("=I1xI2i4I4I4", 7, 1, 7, 0, 0))):links())
    assert.same({}, kernel.answering(false, dump(1), false, dump(2, 24,
      string.pack("=I1I1I1I1I1I1I1I1I4", 28, 0, 0, 0, 0, 0, 0, 0, 0)))
      :routes())
  end)
end)

-- What the text of a Lua script prints on a host of its own.
local function on_host(text)
  return netns.with_namespaces(function(ns)
    local result = ns.a:lua([[
      local sockeye = require "sockeye"
      local netlink = require "sockeye.netlink"
      local nl <close> = netlink.open()
      nl:settimeout(20)
      local function code(f, ...)
        local ok, err = pcall(f, ...)
        return ok and "ok" or sockeye.is_error(err) and
          err.code .. " " .. err.call or err
      end
      local function find(list, field, value)
        for _, entry in ipairs(list) do
          if entry[field] == value then return entry end
        end
        return {}
      end
    ]] .. text)
    assert.equal("", result.stderr)
    return result.stdout
  end)
end

describe("a change", function()
  it("is made to a link #namespace", function()
    local told = on_host [[
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
                 "EINVAL RTM_SETLINK\n", told)
  end)

  it("is made to an address #namespace", function()
    local told = on_host [[
      local function tell(text)
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
      tell "10.9.0.1"
      print(try("add_address", { ["local"] = "10.9.0.1/20" }))
      print(try("add_address", { ["local"] = "10.8.0.1",
                                 address = "10.8.0.2" }))
      tell "10.8.0.1"
      print(try("add_address", { ["local"] = "fd09::1", prefixlen = 64,
                                 nodad = true }))
      tell "fd09::1"
      print(try("delete_address", { ["local"] = "10.9.0.1/20" }))
      tell "10.9.0.1"
      print(try("delete_address", { ["local"] = "10.9.0.1/20" }))
    ]]
    assert.equal("ok\n" ..
      "wire1\t10.9.0.1\tnil\t20\t10.9.15.255\twire1:x\tlink\tnil\n" ..
      "EEXIST RTM_NEWADDR\nok\n" ..
      "wire1\t10.8.0.1\t10.8.0.2\t32\tnil\twire1\tglobal\tnil\nok\n" ..
      "wire1\tfd09::1\tnil\t64\tnil\tnil\tglobal\ttrue\nok\n" ..
      "nil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n" ..
      "EADDRNOTAVAIL RTM_DELADDR\n", told)
  end)

  it("is made to a route #namespace", function()
    local told = on_host [[
      local function tell(text)
        local r = find(netlink.routes(), "dst", text)
        print(r.family, r.gateway, r.dev, r.type, r.table, r.protocol,
              r.scope, r.metric, r.prefsrc)
      end
      local function add(t) print(code(nl.add_route, nl, t)) tell(t.dst) end
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
      "ESRCH RTM_DELROUTE\n0\n", told)
  end)

  local wrong = {
    { "set_link", nil, "ifname" },
    { "set_link", {}, "ifname" },
    { "set_link", { ifindex = 1 << 40 }, "ifindex" },
    { "set_link", { ifname = "lo", up = 1 }, "up" },
    { "set_link", { ifname = "lo", upp = true }, "unknown option 'upp'" },
    { "set_link", { ifname = "lo", mtu = -1 }, "mtu" },
    { "set_link", { ifname = "lo", address = "02:0" }, "address" },
    { "set_link", { ifname = "lo", address = "02:00:" }, "address" },
    { "set_link", { ifname = "lo", name = "a\0b" }, "name" },
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
  for i, case in ipairs(wrong) do
    it(("takes no wrong field: %s, %d"):format(case[1], i), function()
      local nl = kernel.answering(false)
      errors.rejected("errors%.lua:%d+: bad argument #1 to '" .. case[1] ..
                      "'.*" .. case[3], nl[case[1]], nl, case[2])
      assert.same({}, nl.socket.sent)
    end)
  end
end)

describe("watching", function()
  descriptors.guard()

  it("takes no unknown kind", function()
    errors.rejected("#1 to 'watch'.*unknown kind 'links'", netlink.watch,
                    { "links" })
    errors.rejected("#1 to 'watch'.*table expected", netlink.watch, "link")
  end)

  worlds.it("waits for a change, and ends with its loop", function()
    local next_event, _, _, nl = netlink.watch()
    local guard <close> = nl
    errors.raised("ETIMEDOUT", "recvfrom", sockeye.timeout, 0.01, next_event)
    guard:settimeout(0)
    assert.is_false(next_event())
  end)

  it("tells of changes in their order #namespace", function()
    local script = [[
      local function main()
        local next_event, _, _, watcher = netlink.watch { "link", "address" }
        local guard <close> = watcher
        guard:settimeout(20)
        nl:add_address { ifname = "lo", ["local"] = "10.9.0.1/24" }
        nl:delete_address { ifname = "lo", ["local"] = "10.9.0.1/24" }
        nl:set_link { ifname = "lo", mtu = 1500 }
        nl:add_address { ifname = "lo", ["local"] = "10.9.0.2/24" }
        repeat
          local e = next_event()
          if e.ifname == "lo" and e.family ~= "inet6" then
            print(e.event, e.action, e.mtu or e["local"])
          end
        until e["local"] == "10.9.0.2"
      end
      main()
      sockeye.run(function()
        nl:delete_address { ifname = "lo", ["local"] = "10.9.0.2/24" }
        nl:set_link { ifname = "lo", mtu = 65536 }
        main()
      end)
    ]]
    local told = on_host(script)
    local once = "address\tnew\t10.9.0.1\naddress\tdel\t10.9.0.1\n" ..
      "link\tnew\t1500\naddress\tnew\t10.9.0.2\n"
    assert.equal(once .. once, told)
  end)

  it("tells of routes, and of links that have gone #namespace", function()
    local told = on_host [[
      nl:set_link { ifname = "wire1", up = true }
      local next_event, _, _, watcher = netlink.watch { "link", "route" }
      watcher:settimeout(20)
      nl:add_route { dst = "10.9.0.0/16", dev = "wire1" }
      nl:delete_route { dst = "10.9.0.0/16" }
      os.execute "ip link del wire1"
      repeat
        local e = next_event()
        if e.dst == "10.9.0.0/16" then print(e.event, e.action, e.dev) end
        if e.action == "del" and e.event == "link" then
          print(e.event, e.action, e.ifname)
        end
      until e.event == "link" and e.action == "del"
    ]]
    assert.equal("route\tnew\twire1\nroute\tdel\twire1\n" ..
                 "link\tdel\twire1\n", told)
  end)

  it("tells that changes were lost, and goes on #namespace", function()
    local told = on_host [[
      local next_event, _, _, watcher = netlink.watch { "link" }
      watcher:settimeout(20)
      watcher.socket:setsockopt("SO_RCVBUF", 1)
      for i = 1, 50 do nl:set_link { ifname = "lo", mtu = 1500 + i } end
      local ok, err
      repeat ok, err = pcall(next_event) until not ok
      print(err.code, err.call)
      watcher.socket:setsockopt("SO_RCVBUF", 65536)
      watcher:settimeout(0)
      while next_event() do end
      watcher:settimeout(20)
      nl:set_link { ifname = "lo", mtu = 1400 }
      print(next_event().mtu)
    ]]
    assert.equal("ENOBUFS\trecvfrom\n1400\n", told)
  end)
end)
