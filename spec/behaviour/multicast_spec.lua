-- Multicast between two hosts: who gets what, from whom and how far.
--
-- r, on the other host, reports what came before the word "end", which is
-- sent to it alone and comes last.

local descriptors = require "spec.support.descriptors"
local netns = require "spec.support.netns"
local remote = require "spec.support.remote"

local preamble <const> = [[
local sockeye = require "sockeye"
local remote = require("spec.support.remote").connect(arg[1])
local family, wire, peer_wire, peer = table.unpack(arg, 2, 5)
local sources = table.pack(table.unpack(arg, 6))
local v6 = family == "inet6"
local make = v6 and sockeye.inet6 or sockeye.inet
local group = v6 and "ff15::77:4" or "239.255.77.4"
local prefix = v6 and "IPV6_" or "IP_"
local limit = v6 and "IPV6_MULTICAST_HOPS" or "IP_MULTICAST_TTL"

local function expect(wanted, got)
  if wanted ~= got then
    error(("wanted %q, got %q"):format(tostring(wanted), tostring(got)), 2)
  end
end

-- To be formatted: what the other host runs has no upvalues.
local function there(text, ...)
  return remote(text:gsub("$(%w+)", {
    family = family, all = prefix .. "MULTICAST_ALL",
    group = group, wire = peer_wire, hops = v6 and "hoplimit" or "ttl",
    receive = v6 and "IPV6_RECVHOPLIMIT" or "IP_RECVTTL",
  }):format(...))
end

there [=[
  function bound(port)
    local any = "$family" == "inet6" and sockeye.inet6 or sockeye.inet
    local s = sockeye.socket("$family", "dgram"):settimeout(20)
    return s:bind(any(nil, port or 0))
  end
  function got()
    local list = {}
    for data in function() return r:recv(99) end do
      if data == "end" then return table.concat(list, " ") end
      list[#list + 1] = data
    end
  end
  function change(option, source, interface)
    r:setsockopt(option, { group = "$group", interface = interface or "$wire",
                           source = source })
  end
  r = bound()
  r:setsockopt("$all", false)
]=]

local port = math.tointeger(there "return r:getsockname().port")

local senders = {}
for i, source in ipairs(sources) do
  senders[i] = sockeye.socket(family, "dgram"):bind(make(source, 0))
  senders[i]:setsockopt(prefix .. "MULTICAST_IF", wire)
end

-- What r gets of what every sender sends to the group: the senders' numbers.
local function reached()
  for i, s in ipairs(senders) do s:sendto(tostring(i), make(group, port)) end
  senders[1]:sendto("end", make(peer, port))
  return there "return got()"
end
]]

local families = {
  { "inet", "address", "10.77.0.11", 24 },
  { "inet6", "address6", "fd00:77::11", 64 },
}

-- Declares a spec of each family in which f(ns, run) has a script run.
local function for_each(name, f)
  for _, row in ipairs(families) do
    local family, field, second, bits = table.unpack(row)
    it(("%s: %s #namespace"):format(name, family), function()
      netns.with_namespaces(function(ns)
        ns.a:must(("ip addr add %s/%d dev %s %s"):format(second, bits,
          ns.a.interface, family == "inet6" and "nodad" or ""))
        if family == "inet6" then
          ns.a:await_ipv6()
          ns.b:await_ipv6()
        end
        f(ns, function(script)
          return remote.run(ns.a, ns.b, preamble .. script, {
            family, ns.a.interface, ns.b.interface, ns.b[field],
            ns.a[field], second,
          })
        end)
      end)
    end)
  end
end

describe("multicast", function()
  descriptors.guard()

  for_each("reaches who has joined, by any name of the interface",
           function(_, run)
    run [[
      local index = there "return sockeye.if_nametoindex('$wire')"
      local pairs_of_names = {
        { "MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP" },
        { prefix .. "ADD_MEMBERSHIP", prefix .. "DROP_MEMBERSHIP" },
      }
      for _, interface in ipairs { ("%q"):format(peer_wire), index,
                                   ("%q"):format(peer) } do
        for _, names in ipairs(pairs_of_names) do
          expect("", reached())
          there("change(%q, nil, %s)", names[1], interface)
          expect("1 2", reached())
          there("change(%q, nil, %s)", names[2], interface)
        end
      end
      expect("", reached())
    ]]
  end)

  for_each("comes from the sources that are wanted alone", function(_, run)
    run [[
      local function try(join, leave, block, unblock)
        there("change(%q, %q)", join, sources[1])
        expect("1", reached())
        there("change(%q, %q)", join, sources[2])
        expect("1 2", reached())
        there("change(%q, %q)", leave, sources[1])
        expect("2", reached())
        there("change(%q, %q)", leave, sources[2])
        expect("", reached())
        there "change('MCAST_JOIN_GROUP')"
        there("change(%q, %q)", block, sources[2])
        expect("1", reached())
        there("change(%q, %q)", unblock, sources[2])
        expect("1 2", reached())
        there "change('MCAST_LEAVE_GROUP')"
        expect("", reached())
      end
      try("MCAST_JOIN_SOURCE_GROUP", "MCAST_LEAVE_SOURCE_GROUP",
          "MCAST_BLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE")
      if not v6 then
        try("IP_ADD_SOURCE_MEMBERSHIP", "IP_DROP_SOURCE_MEMBERSHIP",
            "IP_BLOCK_SOURCE", "IP_UNBLOCK_SOURCE")
      end
    ]]
  end)

  for_each("is filtered by a whole list of sources", function(_, run)
    run [[
      local function filter(option, mode, ...)
        local list = {}
        for i, source in ipairs { ... } do
          list[i] = ("%q"):format(source)
        end
        there("r:setsockopt(%q, { group = '$group', interface = '$wire', " ..
          "mode = %q, sources = { %s } })", option, mode,
          table.concat(list, ", "))
      end
      for _, option in ipairs(v6 and { "MCAST_MSFILTER" } or
                              { "MCAST_MSFILTER", "IP_MSFILTER" }) do
        there "change('MCAST_JOIN_GROUP')"
        filter(option, "include", sources[2])
        expect("2", reached())
        filter(option, "exclude", sources[2])
        expect("1", reached())
        filter(option, "include", sources[1], sources[2])
        expect("1 2", reached())
        filter(option, "exclude", sources[1], sources[2])
        expect("", reached())
        filter(option, "exclude")
        expect("1 2", reached())
        filter(option, "include")
        expect("", reached())
      end
    ]]
  end)

  for_each("goes as far as it may", function(_, run)
    run [[
      expect(1, senders[1]:getsockopt(limit))
      there "change('MCAST_JOIN_GROUP')"
      expect("1 2", reached())
      -- Linux looks at a limit of 0 where the sender's host is a member.
      local own = sockeye.socket(family, "dgram")
      own:setsockopt("MCAST_JOIN_GROUP", { group = group, interface = wire })
      senders[1]:setsockopt(limit, 0)
      expect("2", reached())
      senders[2]:setsockopt(limit, 0)
      expect("", reached())
      senders[1]:setsockopt(limit, 255)
      expect(255, senders[1]:getsockopt(limit))
      expect("1", reached())
      there "r:setsockopt('$receive', true)"
      for _, hops in ipairs { 1, 7, 255 } do
        senders[1]:setsockopt(limit, hops)
        senders[1]:sendto("hops", make(group, port))
        expect(tostring(hops), there [=[
          return r:recvmsg { iov = 9, control = true }.control.$hops
        ]=])
      end
      local ok, err = pcall(senders[1].setsockopt, senders[1], limit, 256)
      expect("EINVAL", not ok and err.code)
    ]]
  end)

  for_each("comes back to its own host by default",
           function(_, run)
    run [[
      local own = sockeye.socket(family, "dgram"):bind(make(nil, 0))
      own:settimeout(20)
      own:setsockopt("MCAST_JOIN_GROUP", { group = group, interface = wire })
      local loop = prefix .. "MULTICAST_LOOP"
      local function echoed()
        local to = own:getsockname().port
        senders[1]:sendto("looped", make(group, to))
        senders[2]:sendto("end", make(sources[1], to))
        local data = own:recv(99)
        if data == "end" then return false end
        expect("end", own:recv(99))
        return data == "looped"
      end
      expect(true, senders[1]:getsockopt(loop))
      expect(true, echoed())
      senders[1]:setsockopt(loop, false)
      expect(false, senders[1]:getsockopt(loop))
      expect(false, echoed())
      senders[1]:setsockopt(loop, true)
      expect(true, echoed())
    ]]
  end)

  for_each("leaves by the interface that was chosen", function(ns, run)
    ns.a:must [[
      ip link add spare0 type veth peer name spare1
      ip link set spare0 up
      ip link set spare1 up
    ]]
    ns.a:must "ip addr add 10.78.0.1/24 dev spare0"
    ns.a:must "ip addr add fd00:78::1/64 dev spare0 nodad"
    run [[
      local option = prefix .. "MULTICAST_IF"
      local s = senders[1]
      local index = sockeye.if_nametoindex(wire)
      senders[2] = nil
      there "change('MCAST_JOIN_GROUP')"
      for _, interface in ipairs { wire, index, sources[1] } do
        s:setsockopt(option, "spare0")
        expect("", reached())
        s:setsockopt(option, interface)
        expect("1", reached())
        local read = s:getsockopt(option)
        if v6 then
          expect(index, read)
        else
          expect(interface == sources[1] and sources[1] or "0.0.0.0", read)
        end
      end
    ]]
  end)

  for_each("joined by another socket is received where all is",
           function(_, run)
    run [[
      there "other = bound()"
      there [=[
        other:setsockopt("MCAST_JOIN_GROUP",
                         { group = "$group", interface = "$wire" })
      ]=]
      expect("false", there "return r:getsockopt('$all')")
      expect("", reached())
      there "r:setsockopt('$all', true)"
      expect("1 2", reached())
    ]]
  end)

  for_each("is joined and left once, and by members", function(ns, run)
    ns.b:must "echo 3 >/proc/sys/net/ipv4/igmp_max_memberships"
    ns.b:must "echo 2 >/proc/sys/net/ipv4/igmp_max_msf"
    run [[
      local function fails(code, ...)
        local ok, err = pcall(there, ...)
        expect(code, not ok and err)
      end
      fails("EADDRNOTAVAIL", "change('MCAST_LEAVE_GROUP')")
      there "change('MCAST_JOIN_GROUP')"
      fails("EADDRINUSE", "change('MCAST_JOIN_GROUP')")
      fails("EADDRNOTAVAIL", "change('MCAST_UNBLOCK_SOURCE', %q)", sources[1])
      there("change('MCAST_BLOCK_SOURCE', %q)", sources[1])
      fails("EADDRNOTAVAIL", "change('MCAST_BLOCK_SOURCE', %q)", sources[1])
      there "change('MCAST_LEAVE_GROUP')"
      fails("EADDRNOTAVAIL", "change('MCAST_LEAVE_GROUP')")
      fails("ENODEV", "change('MCAST_JOIN_GROUP', nil, 99999)")
      fails("EINVAL", "change('MCAST_LEAVE_SOURCE_GROUP', %q)", sources[1])
      there("change('MCAST_JOIN_SOURCE_GROUP', %q)", sources[1])
      fails("EADDRNOTAVAIL", "change('MCAST_JOIN_SOURCE_GROUP', %q)",
            sources[1])
      fails("EINVAL", "r:setsockopt('MCAST_JOIN_GROUP', " ..
            "{ group = %q, interface = '$wire' })", peer)
      if not v6 then
        there("change('MCAST_JOIN_SOURCE_GROUP', %q)", sources[2])
        fails("ENOBUFS", "change('MCAST_JOIN_SOURCE_GROUP', '192.0.2.9')")
        there "s = bound()"
        for i = 1, 4 do
          local text = ("s:setsockopt('IP_ADD_MEMBERSHIP', " ..
            "{ group = '239.255.78.%d', interface = '$wire' })"):format(i)
          if i < 4 then there(text) else fails("ENOBUFS", text) end
        end
      end
    ]]
  end)
end)
