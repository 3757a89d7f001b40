local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"
local process = require "spec.support.process"

-- A wire between two routers of two pairs of hosts.
local function join(from, to)
  local result = process.run { "ip", "link", "add", "middle1", "netns",
    from.name, "type", "veth", "peer", "name", "middle2", "netns", to.name }
  assert.equal("", result.stderr)
  for number, host in ipairs { from, to } do
    host:must(([[
      ip addr add 10.78.0.$1/24 dev middle$1
      ip addr add fd00:78::$1/64 dev middle$1 nodad
      ip link set middle$1 up
    ]]):gsub("%$1", number))
  end
end

-- Runs f(trace, hosts): four hosts in a row, of which the first can run
-- traceroute with these arguments.
local function with_hosts(f)
  return function()
    netns.with_namespaces(function(near)
      netns.with_namespaces(function(far)
        for number, host in ipairs { far.a, far.b } do
          host:must(([[
            ip -4 addr flush dev wire$1
            ip -6 addr flush dev wire$1 scope global
            ip addr add 10.79.0.$1/24 dev wire$1
            ip addr add fd00:79::$1/64 dev wire$1 nodad
          ]]):gsub("%$1", number))
        end
        for _, host in ipairs { near.a, near.b, far.a, far.b } do
          host:route()
        end
        join(near.b, far.a)
        near.a:must [[ip route add default via 10.77.0.2
          ip -6 route add default via fd00:77::2]]
        near.b:must [[ip route add 10.79.0.0/24 via 10.78.0.2
          ip route add 10.80.0.0/24 via 10.78.0.2
          ip -6 route add fd00:79::/64 via fd00:78::2
          ip -6 route add fd00:80::/64 via fd00:78::2]]
        far.a:must [[ip route add 10.77.0.0/24 via 10.78.0.1
          ip -6 route add fd00:77::/64 via fd00:78::1
          ip route add unreachable 10.80.0.0/24
          ip -6 route add unreachable fd00:80::/64]]
        far.b:must [[ip route add default via 10.79.0.1
          ip -6 route add default via fd00:79::1]]
        for _, host in ipairs { near.a, near.b, far.a, far.b } do
          host:await_ipv6()
        end
        f(function(...)
          return near.a:run(examples.words("traceroute", ...))
        end, { near.a, near.b, far.a, far.b })
      end)
    end)
  end
end

local function without_times(text)
  return (text:gsub("%d+%.%d%d%d ms", "T ms"))
end

describe("traceroute", function()
  descriptors.guard()

  -- The host, the size of a packet, and what is on the way; and one behind a
  -- router that knows no way to it, and how it says so.
  local families = {
    { "10.79.0.2", 60, { "10.77.0.2", "10.78.0.2", "10.79.0.2" },
      "10.80.0.5", "!H" },
    { "fd00:79::2", 80, { "fd00:77::2", "fd00:78::2", "fd00:79::2" },
      "fd00:80::5", "!N" },
  }

  for _, row in ipairs(families) do
    local host, size, hops, beyond, mark = table.unpack(row)
    it(("lists routers up to %s #namespace #integration"):format(host),
       with_hosts(function(trace, hosts)
      local result = trace("-n", host)
      assert.equal("", result.stderr)
      local lines = { ("traceroute to %s (%s), 30 hops max, %d byte packets")
        :format(host, host, size) }
      for i, hop in ipairs(hops) do
        lines[i + 1] = ("%2d  %s  T ms  T ms  T ms"):format(i, hop)
      end
      assert.equal(table.concat(lines, "\n") .. "\n",
                   without_times(result.stdout))
      assert.equal(0, result.status)

      -- Nobody knows a name here.
      result = trace("-q", "1", host)
      assert.matches((" 1  %s (%s)  T ms\n"):format(hops[1], hops[1])
        :gsub("%p", "%%%0"), without_times(result.stdout))
      assert.equal(0, result.status)

      result = trace("-n", "-q1", "-m", "2", host)
      assert.equal((" 1  %s  T ms\n 2  %s  T ms\n"):format(hops[1], hops[2]),
                   without_times(result.stdout):match "\n(.*)")
      assert.equal(1, result.status)

      result = trace("-n", "-q", "2", beyond)
      assert.equal((" 1  %s  T ms  T ms\n 2  %s  T ms %s  T ms %s\n"):format(
        hops[1], hops[2], mark, mark),
        without_times(result.stdout):match "\n(.*)")
      assert.equal(1, result.status)

      -- A router that says nothing.
      hosts[2]:must "ip rule add iif lo to 10.77.0.1 blackhole"
      hosts[2]:must "ip -6 rule add iif lo to fd00:77::1 blackhole"
      result = trace("-n", "-w", "1", host)
      lines[2] = " 1  * * *"
      assert.equal(table.concat(lines, "\n") .. "\n",
                   without_times(result.stdout))
      assert.equal(0, result.status)
    end))
  end

  it("reports a host without a route #namespace", with_hosts(
     function(_, hosts)
    local result = hosts[3]:run(examples.words("traceroute", "192.0.2.1"))
    assert.equal(2, result.status)
    assert.matches("ENETUNREACH", result.stderr)
  end))

  it("reaches this host at once", function()
    for _, host in ipairs { "127.0.0.1", "::1" } do
      local result = examples.run("traceroute", { "-n", "-q", "1", host })
      assert.equal("", result.stderr)
      assert.matches((" 1  %s  T ms\n"):format(host:gsub("%p", "%%%0")),
                     without_times(result.stdout))
      assert.equal(0, result.status)
    end
  end)

  it("rejects other options", function()
    for _, words in ipairs { {}, { "-x", "h" }, { "-m", "0", "h" },
                             { "-q", "h" }, { "a", "b" }, { "-w", "-1", "h" },
                             { "-nx", "h" } } do
      local result = examples.run("traceroute", words)
      assert.equal(2, result.status)
      assert.matches("^usage: ", result.stderr)
    end
  end)
end)
