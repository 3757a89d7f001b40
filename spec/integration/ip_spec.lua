local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local json = require "spec.support.json"
local netns = require "spec.support.netns"

-- Fields that not every ip prints, or not for one family alone.
local not_everywhere = {
  protocol = true, qdisc = true, group = true, link_netnsid = true,
  link_index = true, altnames = true,
}

-- Seconds go by between one list and the other.
local times = {
  valid_life_time = true, preferred_life_time = true, expires = true,
}

local function is_same_time(name, wanted, found)
  return times[name] and math.type(wanted) == "integer" and
    math.type(found) == "integer" and wanted < 0xffffffff and
    found > 0 and found <= wanted
end

-- Field by field, each difference a line.
local function compare(wanted, found, path, lines)
  if type(wanted) ~= "table" or type(found) ~= "table" then
    local name = path:match "[%w_]+$"
    if wanted ~= found and not is_same_time(name, wanted, found) and
       not (wanted == nil and not_everywhere[name]) then
      lines[#lines + 1] = ("%s: ip has %s, we have %s"):format(
        path, tostring(wanted), tostring(found))
    end
    return lines
  end
  for name, value in pairs(wanted) do
    compare(value, found[name], path .. "." .. name, lines)
  end
  for name, value in pairs(found) do
    if wanted[name] == nil then
      compare(nil, value, path .. "." .. name, lines)
    end
  end
  return lines
end

-- What there is to list. What a kernel does not have is left out.
local setup = [[
  ip link add vlan5 link wire1 type vlan id 5
  ip link add bridge0 type bridge
  ip tuntap add ptp0 mode tun
  ip link add dummy0 type dummy
  ip link add inner0 type veth peer name inner1
  ip link set inner0 address 02:00:00:00:be:ef alias 'said "so"' txqueuelen 7
  ip link property add dev inner0 altname another-name-of-inner0
  ip link set inner0 up
  ip link set inner1 master bridge0 group 7
  ip addr add 10.9.0.1/20 brd + dev inner0
  ip addr add 10.9.0.2/20 dev inner0 label inner0:x
  ip addr add 10.8.0.1 peer 10.8.0.2/30 dev inner0 scope link \
    valid_lft 30000 preferred_lft 20000
  ip addr add fd09::1/64 dev inner0 nodad noprefixroute
  ip addr add fd09::2/64 dev inner0 valid_lft 30000 preferred_lft 0
  ip addr add 10.88.0.1 peer 10.88.0.2 dev ptp0
  ip route add default via 10.77.0.2
  ip route add 10.90.0.0/16 via 10.77.0.2 metric 50 mtu 1400 hoplimit 9
  ip route add 10.91.0.0/16 nexthop via 10.77.0.3 weight 2 \
    nexthop via 10.77.0.4
  ip route add unreachable 10.92.0.0/16
  ip route add blackhole 10.93.0.0/16 table 77
  ip route add 10.94.0.0/16 dev wire1 src 10.77.0.1 proto static scope link
  ip route add 10.95.0.0/16 via 10.99.99.1 dev wire1 onlink tos 0x10
  ip route add 10.96.0.0/16 via inet6 fe80::5 dev wire1
  ip route add 10.97.0.1 via 10.77.0.2 advmss 1000 congctl reno
  ip -6 route add default via fd00:77::2
  ip -6 route add fd01::/64 via fe80::1 dev wire1
  ip -6 route add fd02::/64 via fd00:77::2 expires 30000
  ip -6 route add fd03::/64 nexthop via fd00:77::2 nexthop via fd00:77::3
  ip -6 route add unreachable fd04::/64
  ip -6 route add fd05::1 via fd00:77::2 pref high from fd00:77::1
]]

describe("ip lists as ip(8) does", function()
  descriptors.guard()

  -- In one pair of namespaces, made for the first.
  local function with_host(f)
    netns.with_namespaces(function(ns)
      ns.a:await_ipv6()
      ns.a:run { "sh", "-c", setup }
      f(function(...)
        local result = ns.a:run(examples.words("ip", ...))
        assert.equal("", result.stderr)
        assert.equal(0, result.status)
        return result.stdout
      end, function(line) return ns.a:must("ip " .. line) end)
    end)
  end

  local lists = {
    { "link" }, { "addr" }, { "-4", "addr" }, { "-6", "addr" }, { "route" },
    { "-4", "route" }, { "-6", "route" }, { "route", "table", "all" },
    { "-6", "route", "table", "all" }, { "route", "table", "77" },
    { "-4", "route", "table", "local" }, { "-6", "route", "table", "local" },
  }

  it("as JSON, with every field #namespace", function()
    with_host(function(ours, theirs)
      for _, words in ipairs(lists) do
        local line = table.concat(words, " "):gsub("table", "show table")
        local wanted = json.decode(theirs("-j " .. line))
        local found = json.decode(ours("-j", table.unpack(words)))
        assert.is_true(#wanted > 0, line)
        assert.equal("", table.concat(compare(wanted, found, line, {}), "\n"))
      end
    end)
  end)

  -- Names of namespaces, flags that other versions of ip do not have, and
  -- seconds.
  local function plain(text)
    return (text:gsub("link%-netns %S+", "link-netnsid 0")
      :gsub(" proto kernel_%w+", ""):gsub("%d+sec", "Nsec")
      :gsub(" +\n", "\n"):gsub("  +", " "))
  end

  it("as text #namespace", function()
    with_host(function(ours, theirs)
      for _, words in ipairs { { "link" }, { "addr" }, { "route" },
                               { "route", "table", "all" } } do
        local line = table.concat(words, " "):gsub("table", "show table")
        assert.equal(plain(theirs(line)), plain(ours(table.unpack(words))))
      end
    end)
  end)
end)

describe("ip", function()
  descriptors.guard()

  it("needs no privilege, and no namespace", function()
    local result = examples.run("ip", { "-4", "-j", "addr" })
    assert.equal("", result.stderr)
    local found
    for _, link in ipairs(json.decode(result.stdout)) do
      for _, address in ipairs(link.addr_info) do
        found = found or address["local"] == "127.0.0.1" and
          link.ifname == "lo"
      end
    end
    assert.is_true(found)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, arguments in ipairs {
      {}, { "links" }, { "link", "table", "5" }, { "route", "table" },
      { "route", "table", "5", "6" }, { "-5", "link" },
    } do
      local result = examples.run("ip", arguments)
      assert.equal(2, result.status)
      assert.matches("^usage: lua ip.lua", result.stderr)
    end
  end)
end)
