-- Source filters of multicast groups, whole: set and read.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"

local group4 <const>, group6 <const> = "239.255.77.3", "ff15::77:3"

-- The family, the option, the group and some sources for each.
local kinds = {
  { "inet", "IP_MSFILTER", group4, { "192.0.2.1", "192.0.2.2" } },
  { "inet", "MCAST_MSFILTER", group4, { "192.0.2.1", "192.0.2.2" } },
  { "inet6", "MCAST_MSFILTER", group6, { "2001:db8::1", "2001:db8::2" } },
}

-- Runs f(s, option, group, sources) for each kind that there is, s being a
-- member of the group on the loopback if f is to have one.
local function with_each(joined, f)
  return function()
    for _, kind in ipairs(kinds) do
      local family, option, group, sources = table.unpack(kind)
      local ok, s = pcall(sockeye.socket, family, "dgram")
      if ok then
        local _ <close> = s
        local member = { group = group, interface = "lo" }
        if joined then s:setsockopt("MCAST_JOIN_GROUP", member) end
        f(s, option, group, sources)
      else
        assert.is_true(sockeye.is_error(s, "EAFNOSUPPORT"))
      end
    end
  end
end

describe("source filter", function()
  descriptors.guard()

  it("excludes nothing when a group is joined",
     with_each(true, function(s, option, group)
    assert.same({ group = group, interface = "lo", mode = "exclude",
                  sources = {} },
      s:getsockopt(option, { group = group, interface = "lo" }))
  end))

  it("is read as it was set", with_each(true, function(s, option, group, two)
    for _, mode in ipairs { "include", "exclude" } do
      for _, sources in ipairs { two, { two[2] } } do
        local filter = { group = group, interface = "lo", mode = mode,
                         sources = sources }
        assert.equal(s, s:setsockopt(option, filter))
        local read = s:getsockopt(option, { group = group, interface = "lo" })
        assert.same(filter, read)
        s:setsockopt(option, read)
      end
    end
  end))

  it("accepts addresses and interfaces in each of their forms",
     with_each(true, function(s, option, group, two)
    for _, interface in ipairs { 1, "lo", "127.0.0.1" } do
      local make = group == group4 and sockeye.inet or sockeye.inet6
      local of = { group = make(group), interface = interface }
      s:setsockopt(option, {
        group = of.group, interface = interface, mode = "include",
        sources = { two[1], make(two[2]) },
      })
      local read = s:getsockopt(option, of)
      assert.same(two, read.sources)
      assert.equal(interface, read.interface)
      assert.equal(of.group, read.group)
    end
  end))

  it("that includes nothing leaves the group",
     with_each(true, function(s, option, group)
    s:setsockopt(option, { group = group, interface = "lo", mode = "include",
                           sources = {} })
    errors.raised("EADDRNOTAVAIL", "setsockopt", s.setsockopt, s,
                  "MCAST_LEAVE_GROUP", { group = group, interface = "lo" })
  end))

  it("needs a group that was joined",
     with_each(false, function(s, option, group, two)
    local of = { group = group, interface = "lo" }
    local err = errors.raised("EADDRNOTAVAIL", "getsockopt", s.getsockopt, s,
                              option, of)
    assert.equal(option, err.subject)
    errors.raised("EINVAL", "setsockopt", s.setsockopt, s, option,
                  { group = group, interface = "lo", mode = "exclude",
                    sources = two })
  end))

  it("reads back changes by source memberships",
     with_each(false, function(s, option, group, two)
    local function member(source)
      return { group = group, interface = "lo", source = source }
    end
    local function filter()
      local f = s:getsockopt(option, { group = group, interface = "lo" })
      return f.mode .. " " .. table.concat(f.sources, " ")
    end
    s:setsockopt("MCAST_JOIN_SOURCE_GROUP", member(two[1]))
    assert.equal("include " .. two[1], filter())
    s:setsockopt("MCAST_JOIN_SOURCE_GROUP", member(two[2]))
    assert.equal(("include %s %s"):format(table.unpack(two)), filter())
    s:setsockopt("MCAST_LEAVE_SOURCE_GROUP", member(two[1]))
    assert.equal("include " .. two[2], filter())
    s:setsockopt("MCAST_LEAVE_SOURCE_GROUP", member(two[2]))
    s:setsockopt("MCAST_JOIN_GROUP", { group = group, interface = "lo" })
    s:setsockopt("MCAST_BLOCK_SOURCE", member(two[1]))
    assert.equal("exclude " .. two[1], filter())
    s:setsockopt("MCAST_UNBLOCK_SOURCE", member(two[1]))
    assert.equal("exclude ", filter())
  end))

  local function wrong(group, two)
    local many = {}
    for i = 1, 4097 do many[i] = two[1] end
    return {
      { "'mode'", mode = false }, { "'mode'", mode = "all" },
      { "'mode'", mode = 1 },
      { "'group'", group = "lo" }, { "'group'", group = false },
      { "'interface'", interface = "nosuchinterface" },
      { "'interface'", interface = -1 },
      { "'sources'", sources = false }, { "'sources'", sources = two[1] },
      { "'sources'", sources = { two[1], "x" } },
      { "'sources'", sources = { 1 } },
      { "'sources'", sources = { two[1], group == group4 and "::1" or
                                 "127.0.0.1" } },
      { "too many", sources = many },
      { "did you mean 'sources'", source = two[1] },
    }
  end

  it("names what is wrong with it", with_each(false, function(s, option, group,
                                                              two)
    for _, row in ipairs(wrong(group, two)) do
      local value = { group = group, interface = "lo", mode = "include",
                      sources = two }
      for name, field in pairs(row) do
        if name ~= 1 then value[name] = field or nil end
      end
      errors.rejected(row[1], s.setsockopt, s, option, value)
    end
  end))

  it("is read by group and interface",
     with_each(true, function(s, option, group)
    errors.rejected("table expected", s.getsockopt, s, option)
    errors.rejected("'group'", s.getsockopt, s, option, {})
    errors.rejected("unknown field 'mode'", s.getsockopt, s, option,
                    { group = group, mode = "include" })
    errors.rejected("'interface'", s.getsockopt, s, option,
                    { group = group, interface = "nosuchinterface" })
  end))

  it("of an IPv4 group works on a socket of IPv6", function()
    local ok, r = pcall(sockeye.socket, "inet6", "dgram")
    if not ok then return pending("IPv6 is unavailable here") end
    local _ <close> = r
    local s <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
    r:settimeout(20):setsockopt("IPV6_V6ONLY", false):bind("[::]:0")
    r:setsockopt("IP_MULTICAST_ALL", false)
    s:setsockopt("IP_MULTICAST_IF", "lo")
    local of = { group = group4, interface = "lo" }
    local port = r:getsockname().port
    local function reached()
      s:sendto("to the group", sockeye.inet(group4, port))
      s:sendto("end", sockeye.inet("127.0.0.1", port))
      return r:recv(99) ~= "end" and r:recv(99) == "end"
    end
    r:setsockopt("MCAST_JOIN_GROUP", of)
    assert.is_true(reached())
    local filter = r:getsockopt("MCAST_MSFILTER", of)
    assert.equal("exclude", filter.mode)
    filter.sources = { "127.0.0.1" }
    r:setsockopt("MCAST_MSFILTER", filter)
    assert.is_false(reached())
    assert.same(filter, r:getsockopt("MCAST_MSFILTER", of))
    r:setsockopt("MCAST_LEAVE_GROUP", of)
    r:setsockopt("IP_ADD_MEMBERSHIP", of)
    assert.is_true(reached())
  end)

  it("takes no table for other options", function()
    local s <close> = sockeye.socket("inet", "dgram")
    errors.rejected("takes no argument", s.getsockopt, s, "IP_TTL", {})
    errors.rejected("can only be written", s.getsockopt, s,
                    "IP_ADD_MEMBERSHIP", {})
  end)
end)

-- Run where the kernel's limit of sources can be changed.
local script = [[
local sockeye = require "sockeye"
local s = sockeye.socket("inet", "dgram")
local of = { group = "239.255.77.3", interface = "lo" }
s:setsockopt("IP_ADD_MEMBERSHIP", of)
for _, option in ipairs { "IP_MSFILTER", "MCAST_MSFILTER" } do
  for _, count in ipairs { 10, 16, 17, 40, 41 } do
    local sources = {}
    for i = 1, count do sources[i] = "192.0.2." .. i end
    local ok, err = pcall(s.setsockopt, s, option, { mode = "exclude",
      group = of.group, interface = of.interface, sources = sources })
    local read = s:getsockopt(option, of)
    print(option, count, ok or err.code, #read.sources,
          read.sources[#read.sources])
  end
end
]]

describe("source filter of many sources", function()
  descriptors.guard()

  it("is read whole, up to the kernel's own limit #namespace", function()
    netns.with_namespaces(function(ns)
      ns.a:must "echo 40 >/proc/sys/net/ipv4/igmp_max_msf"
      local result = ns.a:lua(script)
      assert.equal("", result.stderr)
      local lines = {}
      for _, option in ipairs { "IP_MSFILTER", "MCAST_MSFILTER" } do
        for _, count in ipairs { 10, 16, 17, 40 } do
          table.insert(lines, ("%s\t%d\ttrue\t%d\t192.0.2.%d\n"):format(
            option, count, count, count))
        end
        table.insert(lines, ("%s\t41\tENOBUFS\t40\t192.0.2.40\n"):format(
          option))
      end
      assert.equal(table.concat(lines), result.stdout)
    end)
  end)
end)
