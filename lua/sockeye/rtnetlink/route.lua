-- Routes in the messages of rtnetlink(7), with the names of "ip -j route".

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local values = require "sockeye.rtnetlink.values"
local scopes = require("sockeye.rtnetlink.address").scopes

core.primitives.mark_library_file()

local u32 <const>, host <const> = values.u32, values.host
local name_of <const>, flags_of <const> = values.name_of, values.flags_of

local M = {}

M.header = "=I1I1I1I1I1I1I1I1I4" -- struct rtmsg

local tables <const> = {
  [0] = "unspec", [253] = "default", [254] = "main", [255] = "local",
}

local protocols <const> = {
  [0] = "unspec", "redirect", "kernel", "boot", "static", [8] = "gated",
  [9] = "ra", [10] = "mrt", [11] = "zebra", [12] = "bird", [13] = "dnrouted",
  [14] = "xorp", [15] = "ntk", [16] = "dhcp", [18] = "keepalived",
  [42] = "babel", [99] = "openr", [186] = "bgp", [187] = "isis",
  [188] = "ospf", [189] = "rip", [192] = "eigrp",
}

--- Returns the name of a routing table that a script has named or numbered.
function M.table_name(value)
  local number <const> = values.number_in(value, 0xffffffff)
  return number and name_of(tables, number) or value
end

local route_types <const> = {
  [0] = "none", "unicast", "local", "broadcast", "anycast", "multicast",
  "blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve",
}

local hop_flags <const> = {
  { 0x1, "dead" }, { 0x4, "onlink" }, { 0x2, "pervasive" },
  { 0x8, "offload" }, { 0x40, "trap" }, { 0x100, "notify" },
  { 0x10, "linkdown" }, { 0x20, "unresolved" }, { 0x4000, "rt_offload" },
  { 0x8000, "rt_trap" }, { 0x20000000, "rt_offload_failed" },
}
local cloned <const> = 0x200

-- RTAX_…
local metric_fields <const> = {
  [2] = { "mtu", u32 }, [3] = { "window", u32 }, [4] = { "rtt", u32 },
  [5] = { "rttvar", u32 }, [6] = { "ssthresh", u32 }, [7] = { "cwnd", u32 },
  [8] = { "advmss", u32 }, [9] = { "reordering", u32 },
  [10] = { "hoplimit", u32 }, [11] = { "initcwnd", u32 },
  [12] = { "features", u32 }, [13] = { "rto_min", u32 },
  [14] = { "initrwnd", u32 }, [15] = { "quickack", u32 },
  [16] = { "congestion", values.text }, [17] = { "fastopen_no_cookie", u32 },
}

local function metrics(data)
  return { values.read_fields({}, metric_fields, data) }
end

-- Reads a struct rtvia: a gateway of another family.
local function via(data)
  if #data < 2 then values.cut(data, 2) end
  local family <const> = string.unpack("=I2", data)
  return { family = values.family_names[family] or tostring(family),
           host = host(data:sub(3), family) }
end

-- Reads the seconds left from a struct rta_cacheinfo, which holds hundredths;
-- nil where the route never expires.
local function expires(data)
  if #data < 12 then values.cut(data, 12) end
  local ticks <const> = string.unpack("=i4", data, 9)
  return ticks ~= 0 and ticks // 100 or nil
end

local hop_fields <const> = {
  [5] = { "gateway", host }, [18] = { "via", via },
}

-- Reads a list of struct rtnexthop, each with its attributes.
local function nexthops(data, family)
  local hops <const> = {}
  local position = 1
  while position <= #data do
    local left <const> = #data - position + 1
    local size <const> = left >= 8 and string.unpack("=I2", data, position)
    if not size or size < 8 or size > left then
      values.malformed(("next hop at byte %d: length %s of %d"):format(
        position, size or "missing", left))
    end
    local bits <const>, weight <const>, index <const> =
      string.unpack("=I1I1i4", data, position + 2)
    hops[#hops + 1] = values.read_fields({
      dev = index, weight = weight + 1, flags = flags_of(hop_flags, bits),
    }, hop_fields, data:sub(position + 8, position + size - 1), 1, family)
    position = position + (size + 3 & ~3)
  end
  return hops
end

-- RTA_…
local route_fields <const> = {
  [1] = { "dst", host }, [2] = { "from", host }, [3] = { "iif", u32 },
  [4] = { "dev", u32 }, [5] = { "gateway", host }, [6] = { "metric", u32 },
  [7] = { "prefsrc", host }, [8] = { "metrics", metrics },
  [9] = { "nexthops", nexthops }, [12] = { "expires", expires },
  [15] = { "table", u32 },
  [16] = { "mark", u32 }, [18] = { "via", via },
  [20] = { "pref", values.named { [0] = "medium", [1] = "high", [3] = "low" } },
  [30] = { "nhid", u32 },
}

local function with_prefix(address, length, family)
  if not address then
    return length > 0 and ("0/%d"):format(length) or nil
  end
  return length == 8 * values.sizes[family] and address or
    ("%s/%d"):format(address, length)
end

local function name_devices(route, names)
  for _, hop in ipairs(route.nexthops or {}) do
    hop.dev = hop.dev ~= 0 and names(hop.dev) or nil
  end
  route.dev = route.dev and names(route.dev)
  route.iif = route.iif and names(route.iif)
end

--- Returns the fields of the route that the data of a message holds; nil for a
-- route of another family than IP and for one of the cache. `names` returns the
-- name of an interface for its index.
function M.read(data, names)
  local family <const>, to <const>, from <const>, tos <const>, small <const>,
    protocol <const>, scope <const>, kind <const>, bits <const> =
    values.header(M.header, data)
  if not values.sizes[family] or bits & cloned ~= 0 then return nil end
  local route <const> = values.read_fields({
    family = values.family_names[family], table = small,
    protocol = name_of(protocols, protocol), scope = name_of(scopes, scope),
    type = name_of(route_types, kind), flags = flags_of(hop_flags, bits),
    tos = tos ~= 0 and ("0x%02x"):format(tos) or nil,
  }, route_fields, data, string.packsize(M.header) + 1, family)
  route.dst = with_prefix(route.dst, to, family) or "default"
  route.from = with_prefix(route.from, from, family)
  route.table = name_of(tables, route.table)
  name_devices(route, names)
  return route
end

local changes <const> = {
  { "dst", 1, values.pack_host }, { "dev", 4, values.pack_u32 },
  { "gateway", 5, values.pack_host }, { "metric", 6, values.pack_u32 },
  { "prefsrc", 7, values.pack_host }, { "table", 15, values.pack_u32 },
}

local known <const> = {
  dst = "any", dev = "any", gateway = "any", metric = "any",
  prefsrc = "any", table = "any", protocol = "any", scope = "any",
  type = "any", family = "any",
}

-- Returns the address, nil for "default"; the length of its prefix; and the
-- family of the route, which "default" has from the gateway or from `family`.
local function destination(call, t)
  local address, length, family = nil, 0, nil
  if t.dst ~= "default" then
    address, length, family = values.split_prefix(call, "dst", t.dst)
  elseif t.gateway then
    family = select(2, values.pack_host(call, "gateway", t.gateway))
  end
  local given <const> = values.families[t.family]
  local problem <const> = t.family ~= nil and
    values.problem_of_family(t.family)
  if problem then values.reject(call, "family", problem) end
  return address, length, given or family or core.AF_INET
end

-- Returns the fields that a route has unless they are given. A route to delete
-- matches any value of a field that is not given.
local function defaults_of(call, t)
  if call == "delete_route" then
    return { protocol = "unspec", scope = "nowhere", type = "none" }
  end
  local scope <const> = t.type == "local" and "host" or
    (t.gateway or not t.dev) and "global" or "link"
  return { protocol = "boot", scope = scope, type = "unicast" }
end

--- Returns the data of a message that adds or deletes the route `t`, which is
-- the argument of the method `call`.
function M.write(call, t)
  t = arguments.options(call, 1, t, known)
  local address <const>, length <const>, family <const> = destination(call, t)
  local defaults <const> = defaults_of(call, t)
  local function number(name, names, most)
    return values.number_of(call, name, names,
                            t[name] or defaults[name] or "main", most)
  end
  local fields <const> = {
    dst = address, gateway = t.gateway, metric = t.metric,
    prefsrc = t.prefsrc, dev = t.dev and values.index_of(call, "dev", t.dev),
    table = number("table", tables, 0xffffffff),
  }
  return string.pack(M.header, family, length, 0, 0, 0,
                     number("protocol", protocols, 255),
                     number("scope", scopes, 255),
                     number("type", route_types, 255), 0) ..
    values.write_fields(call, changes, fields, family)
end

return M
