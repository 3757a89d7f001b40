-- Changes of links, addresses and routes, as they come.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local rtnetlink = require "spec.support.rtnetlink"
local worlds = require "spec.support.worlds"

local on_host = rtnetlink.on_host

describe("watching", function()
  descriptors.guard()

  it("rejects an unknown kind", function()
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

  it("reports changes in their order #namespace", function()
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
    local output = on_host(script)
    local once = "address\tnew\t10.9.0.1\naddress\tdel\t10.9.0.1\n" ..
      "link\tnew\t1500\naddress\tnew\t10.9.0.2\n"
    assert.equal(once .. once, output)
  end)

  it("reports routes, and links that are gone #namespace", function()
    local output = on_host [[
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
                 "link\tdel\twire1\n", output)
  end)

  it("raises ENOBUFS for lost changes, and goes on #namespace", function()
    local output = on_host [[
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
    assert.equal("ENOBUFS\trecvfrom\n1400\n", output)
  end)
end)
