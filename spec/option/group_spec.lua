-- Options that name interfaces and multicast groups: what they refuse and do.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local options = require "spec.support.options"
local sockets = require "spec.support.sockets"

local function receives(r, send)
  send(r:getsockname().port)
  assert.equal("to the group", r:recv(99))
end

-- What r is sent directly, later, is the first that it gets.
local function misses(r, send)
  local port = r:getsockname().port
  local direct <close> = sockeye.socket("inet", "dgram")
  send(port)
  direct:sendto("direct", "127.0.0.1:" .. port)
  assert.equal("direct", r:recv(99))
end

describe("option of an interface or a group", function()
  descriptors.guard()

  it("rejects values that its type cannot hold", function()
    options.refuse_all {
      interface = { "nosuchinterface", -1, 1 << 31, 1.5, true },
      multicast_if = { "nosuchinterface", -1, 1.5, true },
      in6_pktinfo = { {}, { address = "127.0.0.1" },
                      { address = "::1", x = 1 },
                      { address = "::1", interface = "nosuchinterface" } },
    }
  end)

  local group_types = {
    ip_mreqn = { group = "239.255.77.1", wrong = "ff02::77" },
    ip_mreq_source = { group = "239.255.77.1", wrong = "ff02::77",
                       source = "127.0.0.1" },
    ipv6_mreq = { group = "ff02::77", wrong = "239.255.77.1" },
    group_req = { group = "239.255.77.1" },
    group_source_req = { group = "239.255.77.1", source = "127.0.0.1" },
  }

  it("names what is wrong with a multicast group", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, option in ipairs(sockeye.options()) do
      local good = group_types[option.type]
      if good then
        local function refuse(pattern, fields)
          local value = { group = good.group, source = good.source }
          for name, field in pairs(fields) do value[name] = field or nil end
          errors.rejected(pattern, s.setsockopt, s, option.name, value)
        end
        refuse("'group'", { group = false })
        refuse("'group'", { group = "eth0" })
        refuse("'group'", { group = good.group .. "\0" })
        refuse("'group'", { group = 5 })
        refuse("'group'", { group = sockeye.unix("/x") })
        if good.wrong then refuse("'group'", { group = good.wrong }) end
        refuse("'interface'", { interface = "nosuchinterface" })
        refuse("'interface'", { interface = -1 })
        refuse("'interface'", { interface = 0.5 })
        refuse("did you mean 'interface'", { interfase = "lo" })
        if good.source then
          refuse("'source'", { source = false })
          refuse("'source'", { source = "::1" })
        else
          refuse("unknown field", { source = "127.0.0.1" })
        end
        if option.type == "ip_mreq_source" then
          refuse("'interface'", { interface = 0x7fffffff })
        elseif option.type ~= "ip_mreqn" then
          refuse("'interface'", { interface = "192.0.2.254" })
        end
      end
    end
  end)

  it("sets the source: IPV6_PKTINFO", function()
    local ok, r = pcall(sockets.bound, "[::1]:0", "dgram")
    if not ok then return pending("IPv6 is unavailable here") end
    local s <close> = sockeye.socket("inet6", "dgram")
    s:setsockopt("IPV6_PKTINFO", { address = "::1", interface = "lo" })
    s:sendto("from ::1", r:getsockname())
    local data, from = r:recvfrom(99)
    assert.equal("from ::1", data)
    assert.equal("::1", from.host)
    r:close()
  end)
end)

describe("multicast group", function()
  descriptors.guard()

  local group <const> = "239.255.77.1"

  -- A spec of r, which is to receive what send(port) sends.
  local function with_sockets(f)
    return function()
      local r <close> = sockets.bound("*:0", "dgram")
      local s <close> = sockets.bound("127.0.0.1:0", "dgram")
      r:setsockopt("IP_MULTICAST_ALL", false)
      s:setsockopt("IP_MULTICAST_IF", "127.0.0.1")
      f(r, function(port)
        s:sendto("to the group", group .. ":" .. port)
      end)
    end
  end

  local interfaces = { "lo", 1, "127.0.0.1" }
  for _, interface in ipairs(sockeye.interfaces()) do
    if tostring(interface.address) == "[::1]:0" then
      table.insert(interfaces, "::1")
    end
  end
  local groups = { group, sockeye.inet(group) }

  local any_source = {
    { "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP" },
    { "MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP" },
  }

  for _, names in ipairs(any_source) do
    it("is joined and left by " .. names[1], with_sockets(function(r, send)
      for i, interface in ipairs(interfaces) do
        local member = { group = groups[i % 2 + 1], interface = interface }
        misses(r, send)
        r:setsockopt(names[1], member)
        receives(r, send)
        r:setsockopt(names[2], member)
        misses(r, send)
      end
    end))
  end

  local one_source = {
    { "IP_ADD_SOURCE_MEMBERSHIP", "IP_DROP_SOURCE_MEMBERSHIP" },
    { "MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP" },
  }

  for _, names in ipairs(one_source) do
    it("is joined for a source by " .. names[1], with_sockets(function(r, send)
      for _, interface in ipairs(interfaces) do
        local other = { group = group, source = "127.0.0.2",
                        interface = interface }
        local right = { group = group, source = sockeye.inet("127.0.0.1"),
                        interface = interface }
        r:setsockopt(names[1], other)
        misses(r, send)
        r:setsockopt(names[1], right)
        receives(r, send)
        r:setsockopt(names[2], right)
        misses(r, send)
        r:setsockopt(names[2], other)
      end
    end))
  end

  local blocks = {
    { "IP_BLOCK_SOURCE", "IP_UNBLOCK_SOURCE" },
    { "MCAST_BLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE" },
  }

  for _, names in ipairs(blocks) do
    it("is closed to a source by " .. names[1], with_sockets(function(r, send)
      local member = { group = group, source = "127.0.0.1", interface = "lo" }
      r:setsockopt("IP_ADD_MEMBERSHIP", { group = group, interface = "lo" })
      r:setsockopt(names[1], member)
      misses(r, send)
      r:setsockopt(names[2], member)
      receives(r, send)
    end))
  end

  it("is joined once", with_sockets(function(r)
    local member = { group = group, interface = "lo" }
    r:setsockopt("IP_ADD_MEMBERSHIP", member)
    local err = errors.raised("EADDRINUSE", "setsockopt", r.setsockopt, r,
                              "IP_ADD_MEMBERSHIP", member)
    assert.equal("IP_ADD_MEMBERSHIP", err.subject)
    r:setsockopt("IP_DROP_MEMBERSHIP", member)
    errors.raised("EADDRNOTAVAIL", "setsockopt", r.setsockopt, r,
                  "IP_DROP_MEMBERSHIP", member)
  end))

  it("is one of multicast", with_sockets(function(r)
    errors.raised("EINVAL", "setsockopt", r.setsockopt, r,
                  "IP_ADD_MEMBERSHIP", { group = "127.0.0.1" })
  end))
end)

-- Run in a network namespace, where there are routes for IPv6 multicast.
local ipv6_script = [[
local sockeye = require "sockeye"
local group, interface, address = table.unpack(arg)
local r = sockeye.socket("inet6", "dgram"):bind("[::]:0")
local s = sockeye.socket("inet6", "dgram"):bind("[" .. address .. "]:0")
s:setsockopt("IPV6_MULTICAST_IF", interface)
r:setsockopt("IPV6_MULTICAST_ALL", false)
r:settimeout(30)
local to = ("[%s]:%d"):format(group, r:getsockname().port)
local direct = ("[%s]:%d"):format(address, r:getsockname().port)
local function reaches()
  s:sendto("to the group", to)
  s:sendto("last", direct)
  local data = r:recv(99)
  return data ~= "last" and r:recv(99) == "last"
end
local function try(join, leave, member)
  local before = reaches()
  r:setsockopt(join, member)
  local joined = reaches()
  r:setsockopt(leave, member)
  print(join, before, joined, reaches())
end
for _, name in ipairs { interface, address } do
  local member = { group = group, interface = name }
  local sourced = { group = group, interface = name, source = address }
  try("IPV6_ADD_MEMBERSHIP", "IPV6_DROP_MEMBERSHIP", member)
  try("IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP", member)
  try("MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP", member)
  try("MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP", sourced)
end
]]

describe("IPv6 multicast group", function()
  descriptors.guard()

  it("is joined and left by each of the options #namespace", function()
    netns.with_namespaces(function(ns)
      ns.a:await_ipv6()
      local result = ns.a:lua(ipv6_script, {
        args = { "ff15::77:1", ns.a.interface, ns.a.address6 },
      })
      assert.equal("", result.stderr)
      local lines = 0
      for line in result.stdout:gmatch "[^\n]+" do
        assert.matches("\tfalse\ttrue\tfalse$", line)
        lines = lines + 1
      end
      assert.equal(8, lines)
    end)
  end)
end)
