local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"
local process = require "spec.support.process"

-- Runs f(ns, start), where start(…) starts the monitor on a host and waits
-- until it is watching.
local function with_host(f)
  netns.with_namespaces(function(ns)
    ns.a:await_ipv6()
    f(ns, function(...)
      local monitor = ns.a:start(examples.words("linkmon", ...))
      monitor:line "^watching "
      return monitor
    end)
  end)
end

describe("linkmon prints", function()
  descriptors.guard()

  it("links that go down and up, in order #namespace", function()
    with_host(function(ns, start)
      local monitor = start "link"
      ns.a:must "ip link set lo mtu 1500"
      assert.equal("link new lo UNKNOWN mtu 1500 <LOOPBACK,UP,LOWER_UP>",
                   (monitor:line "lo"))
      ns.a:must "ip link set wire1 down"
      monitor:line "^link new wire1 DOWN mtu 1500 <BROADCAST,MULTICAST>$"
      ns.a:must "ip link set wire1 up"
      monitor:line "^link new wire1 UP mtu 1500 .*LOWER_UP>$"
      ns.a:must "ip link del wire1"
      monitor:line "^link del wire1 DOWN"
    end)
  end)

  it("addresses that come and go, in order #namespace", function()
    with_host(function(ns, start)
      local monitor = start("-c", "4", "address")
      ns.a:must "ip addr add 10.9.0.1/24 dev wire1"
      ns.a:must "ip addr add 10.9.0.2 dev lo"
      ns.a:must "ip addr del 10.9.0.1/24 dev wire1"
      ns.a:must "ip addr add fd09::1/64 dev lo nodad"
      assert.equal("address new wire1 10.9.0.1/24 scope global\n" ..
                   "address new lo 10.9.0.2/32 scope global\n" ..
                   "address del wire1 10.9.0.1/24 scope global\n" ..
                   "address new lo fd09::1/64 scope global\n", monitor:rest())
      assert.equal(0, monitor:wait().status)
    end)
  end)

  it("routes that come and go #namespace", function()
    with_host(function(ns, start)
      local monitor = start("route")
      ns.a:must "ip route add 10.9.0.0/16 via 10.77.0.2"
      ns.a:must "ip route del 10.9.0.0/16"
      monitor:line("^route new unicast 10%.9%.0%.0/16 via 10%.77%.0%.2 " ..
                   "dev wire1 table main$")
      monitor:line "^route del unicast 10%.9%.0%.0/16"
    end)
  end)
end)

describe("linkmon", function()
  descriptors.guard()

  for _, signal in ipairs { "INT", "TERM" } do
    it("exits with 0 after SIG" .. signal, function()
      local monitor <close> = process.start(examples.words "linkmon")
      monitor:line "^watching link address route$"
      local result = monitor:stop(signal)
      assert.equal("", result.stderr)
      assert.equal(0, result.status)
    end)
  end

  it("prints its usage when it is called wrongly", function()
    for _, arguments in ipairs {
      { "links" }, { "-c" }, { "-c", "0" }, { "-c", "x", "link" },
    } do
      local result = examples.run("linkmon", arguments)
      assert.equal(2, result.status)
      assert.matches("^usage: lua linkmon.lua", result.stderr)
    end
  end)
end)
