local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local unprivileged = require "spec.support.unprivileged"

-- What differs from one run to the next.
local function without_times(text)
  text = text:gsub("time=[%d.]+ ms", "time=T ms")
  text = text:gsub("time %d+ms", "time Tms")
  return (text:gsub("= [%d.]+/[%d.]+/[%d.]+/[%d.]+ ms", "= T ms"))
end

-- Runs f(ns, run) with two hosts, of which b answers for two networks that do
-- not exist. run(…) runs ping on a.
local function with_hosts(f)
  return function()
    netns.with_namespaces(function(ns)
      ns.b:route()
      ns.b:must [[
        ip route add unreachable 10.99.0.0/24
        ip route add prohibit 10.98.0.0/24
        ip -6 route add unreachable fd00:99::/64
        ip -6 route add prohibit fd00:98::/64
        ip route add 10.97.0.0/24 via 10.77.0.1
        ip -6 route add fd00:97::/64 via fd00:77::1
      ]]
      ns.a:must [[
        ip route add 10.96.0.0/14 via 10.77.0.2
        ip -6 route add fd00:90::/28 via fd00:77::2
      ]]
      ns.a:await_ipv6()
      ns.b:await_ipv6()
      f(ns, function(arguments, options)
        return examples.run("ping", arguments, setmetatable(
          { prefix = { "ip", "netns", "exec", ns.a.name,
                       table.unpack(options and options.prefix or {}) } },
          { __index = options }))
      end)
    end)
  end
end

local function set_groups(ns, range)
  ns.a:must(("echo '%s' >/proc/sys/net/ipv4/ping_group_range"):format(range))
end

local everybody <const>, nobody <const> = "0 2147483647", "1 0"

describe("ping", function()
  descriptors.guard()

  -- Arguments, the exit status, and what the output has to match.
  local rows = {
    { "-c 3 -i 0.02 10.77.0.2", 0,
      "64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=T ms\n\n" ..
      "--- 10.77.0.2 ping statistics ---\n" ..
      "3 packets transmitted, 3 received, 0% packet loss, time Tms\n" ..
      "rtt min/avg/max/mdev = T ms\n" },
    { "-c 2 -i 0.02 fd00:77::2", 0,
      "64 bytes from fd00:77::2: icmp_seq=2 ttl=64 time=T ms\n" },
    { "-c 1 -s 1000 10.77.0.2", 0, "1008 bytes from 10.77.0.2: icmp_seq=1" },
    { "-c 1 -s 20000 -6 fd00:77::2", 0, "20008 bytes from fd00:77::2: " },
    { "-c 1 -t 1 10.97.0.1", 1,
      "From 10.77.0.2 icmp_seq=1 Time to live exceeded\n" },
    { "-c 1 10.99.0.1", 1,
      "From 10.77.0.2 icmp_seq=1 Destination Host Unreachable\n\n" ..
      "--- 10.99.0.1 ping statistics ---\n" ..
      "1 packets transmitted, 0 received, +1 errors, 100% packet loss, " ..
      "time Tms\n\n" },
    { "-c 1 10.98.0.1", 1, "From 10.77.0.2 icmp_seq=1 Packet filtered\n" },
    { "-c 1 fd00:99::1", 1,
      "From fd00:77::2 icmp_seq=1 Destination unreachable: No route\n" },
    { "-c 1 fd00:98::1", 1, "From fd00:77::2 icmp_seq=1 Destination " ..
      "unreachable: Administratively prohibited\n" },
    { "-c 1 -t 1 fd00:97::1", 1,
      "From fd00:77::2 icmp_seq=1 Time exceeded: Hop limit\n" },
  }

  local function words(text)
    local list = {}
    for word in text:gmatch "%S+" do list[#list + 1] = word end
    return list
  end

  local kinds = { { "ping sockets", everybody }, { "raw sockets", nobody } }
  for _, kind in ipairs(kinds) do
    it(("prints what ping(8) prints, by %s #namespace"):format(kind[1]),
       with_hosts(function(ns, run)
      local has_ping = process.available "ping"
      set_groups(ns, kind[2])
      for _, row in ipairs(rows) do
        local text, status, wanted = table.unpack(row)
        local result = run(words(text))
        local said = without_times(result.stdout)
        assert.equal("", result.stderr)
        assert.is_truthy(said:find(wanted, 1, true), said)
        assert.equal(status, result.status)
        if has_ping then
          local other = ns.a:run({ "ping", "-W", "5" }, { args = words(text) })
          assert.equal(without_times(other.stdout), said)
          assert.equal(other.status, result.status)
        end
      end
    end))
  end

  it("needs no privilege for a ping socket #namespace",
     with_hosts(function(ns, run)
    local options, reason = unprivileged.options()
    if not options then return pending(reason) end
    for _, address in ipairs { ns.b.address, ns.b.address6 } do
      set_groups(ns, everybody)
      local result = run({ "-c", 1, address }, options)
      assert.equal("", result.stderr)
      assert.equal(0, result.status)
      set_groups(ns, nobody)
      result = run({ "-c", 1, address }, options)
      assert.matches("EPERM", result.stderr)
      assert.equal("", result.stdout)
      assert.equal(2, result.status)
    end
  end))

  it("gives up on a host that does not answer #namespace",
     with_hosts(function(ns, run)
    ns.b:must "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all"
    local result = run { "-c", 2, "-i", 0.02, "-W", 0.05, ns.b.address }
    assert.equal("", result.stderr)
    assert.matches("2 packets transmitted, 0 received, 100%% packet loss",
                   result.stdout)
    assert.equal(1, result.status)
  end))

  it("continues after an ICMP error #namespace", with_hosts(function(_, run)
    local result = run { "-c", 3, "-i", 0.02, "10.99.0.1" }
    assert.equal("", result.stderr)
    for sequence = 1, 3 do
      assert.matches("icmp_seq=" .. sequence .. " Destination", result.stdout)
    end
    assert.matches("%+3 errors", result.stdout)
    assert.equal(1, result.status)
  end))

  it("prints its statistics when it is interrupted #namespace",
     with_hosts(function(ns)
    local started <close> = ns.a:start(
      examples.words("ping", "-i", "0.02", ns.b.address))
    started:line "icmp_seq=3"
    started:signal "INT"
    local result = started:wait()
    assert.equal("", result.stderr)
    assert.matches("%-%-%- 10.77.0.2 ping statistics %-%-%-\n%d+ packets",
                   result.stdout)
    assert.equal(0, result.status)
  end))

  it("exits with 2 if it cannot send #namespace", with_hosts(function(_, run)
    local cases = {
      { { "-c", 1, "203.0.113.1" }, "ENETUNREACH" },
      { { "-c", 1, "-4", "::1" }, "EAI_" },
      { { "-c", 1, "nosuch.invalid" }, "EAI_" },
    }
    for _, case in ipairs(cases) do
      local result = run(case[1])
      assert.matches("^ping: .*" .. case[2], result.stderr)
      assert.equal(2, result.status)
    end
  end))

  it("prints its usage when it is called wrongly", function()
    for _, wrong in ipairs { "", "-x host", "-c 0 host", "-c x host", "-c",
                             "-s 65508 host", "-t 256 host", "a b", "-4x a",
                             "-i 0 host" } do
      local result = examples.run("ping", words(wrong))
      assert.matches("^usage: ", result.stderr)
      assert.equal(2, result.status)
    end
  end)
end)
