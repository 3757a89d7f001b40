-- Links in the messages of rtnetlink(7), under the names that "ip -j link" has
-- for their fields.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local values = require "sockeye.rtnetlink.values"

local primitives <const> = core.primitives
primitives.mark_library_file()

local u32 <const>, text <const> = values.u32, values.text
local named <const>, host <const> = values.named, values.host

local M = {}

M.header = "=I1xI2i4I4I4" -- struct ifinfomsg

local link_flags <const> = {
  { 0x8, "LOOPBACK" }, { 0x2, "BROADCAST" }, { 0x10, "POINTOPOINT" },
  { 0x1000, "MULTICAST" }, { 0x80, "NOARP" }, { 0x200, "ALLMULTI" },
  { 0x100, "PROMISC" }, { 0x400, "MASTER" }, { 0x800, "SLAVE" },
  { 0x4, "DEBUG" }, { 0x8000, "DYNAMIC" }, { 0x4000, "AUTOMEDIA" },
  { 0x2000, "PORTSEL" }, { 0x20, "NOTRAILERS" }, { 0x1, "UP" },
  { 0x10000, "LOWER_UP" }, { 0x20000, "DORMANT" }, { 0x40000, "ECHO" },
}
local up <const>, running <const> = 0x1, 0x40

-- Hardware types for which "ip" has another name than <net/if_arp.h>.
local link_types <const> = {
  tunnel = "ipip", ipgre = "gre", ip6gre = "gre6",
  ieee80211 = "ieee802.11", ieee80211_prism = "ieee802.11/prism",
  ieee80211_radiotap = "ieee802.11/radiotap", ieee802154 = "ieee802.15.4",
}

local function link_type(number)
  local name <const> = primitives.hardware_name(number)
  return link_types[name] or type(name) == "string" and name or
    ("[%d]"):format(number)
end

-- Tunnels, whose hardware addresses are IP addresses of this family.
local tunnel_families <const> = {
  ipip = core.AF_INET, sit = core.AF_INET, gre = core.AF_INET,
  tunnel6 = core.AF_INET6, gre6 = core.AF_INET6,
}

local operstates <const> = {
  [0] = "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING",
  "DORMANT", "UP",
}

-- Reads a struct rtnl_link_stats64.
local function stats64(data)
  if #data < 96 then values.cut(data, 96) end
  local v <const> = { string.unpack("=" .. ("I8"):rep(12), data) }
  local carrier <const> = #data >= 144 and string.unpack("=I8", data, 137)
  return {
    rx = { packets = v[1], bytes = v[3], errors = v[5], dropped = v[7],
           multicast = v[9], over_errors = v[12] },
    tx = { packets = v[2], bytes = v[4], errors = v[6], dropped = v[8],
           collisions = v[10], carrier_errors = carrier or nil },
  }
end

local function linkinfo(data)
  return values.read_fields({}, {
    [1] = { "info_kind", text }, [4] = { "info_slave_kind", text },
  }, data)
end

-- Reads the names in a list of properties.
local function altnames(data)
  local names <const> = {}
  for _, attribute in ipairs(values.attributes(data)) do
    if attribute.type == 53 then names[#names + 1] = text(attribute.data) end
  end
  return names
end

-- IFLA_…
local link_fields <const> = {
  [1] = { "address", function(data) return data end },
  [2] = { "broadcast", function(data) return data end },
  [3] = { "ifname", text }, [4] = { "mtu", u32 }, [5] = { "link_index", u32 },
  [6] = { "qdisc", text }, [10] = { "master", u32 }, [13] = { "txqlen", u32 },
  [16] = { "operstate", named(operstates) },
  [17] = { "linkmode", named { [0] = "DEFAULT", "DORMANT" } },
  [18] = { "linkinfo", linkinfo }, [20] = { "ifalias", text },
  [23] = { "stats64", stats64 }, [27] = { "group", u32 },
  [30] = { "promiscuity", u32 }, [31] = { "num_tx_queues", u32 },
  [32] = { "num_rx_queues", u32 }, [37] = { "link_netnsid", values.s32 },
  [40] = { "gso_max_segs", u32 }, [41] = { "gso_max_size", u32 },
  [50] = { "min_mtu", u32 }, [51] = { "max_mtu", u32 },
  [52] = { "altnames", altnames }, [54] = { "permaddr", values.hexadecimal },
}

local function link_address(link, name)
  local data <const> = link[name]
  if not data then return end
  local family <const> = tunnel_families[link.link_type]
  link[name] = values.sizes[family] == #data and host(data, family) or
    values.hexadecimal(data)
end

--- Replaces the numbers of other links by their names, which `names` returns
-- for an index. A link in another namespace keeps its number. Returns the link.
function M.name(link, names)
  local below <const> = link.link_index
  if below == 0 then
    link.link_index = nil
  elseif below and not link.link_netnsid then
    link.link, link.link_index = names(below), nil
  end
  link.master = link.master and names(link.master)
  return link
end

--- Returns the fields of the link that the data of a message holds, other links
-- by their numbers; nil for a message of another kind.
function M.read(data)
  local family <const>, kind <const>, index <const>, bits <const> =
    values.header(M.header, data)
  if family ~= core.AF_UNSPEC then return nil end
  local link <const> = values.read_fields({
    ifindex = index, flags = values.flags_of(link_flags, bits),
    link_type = link_type(kind),
  }, link_fields, data, string.packsize(M.header) + 1)
  if bits & (up | running) == up then
    table.insert(link.flags, 1, "NO-CARRIER")
    link.flags["NO-CARRIER"] = true
  end
  link_address(link, "address")
  link_address(link, "broadcast")
  if link.permaddr == link.address then link.permaddr = nil end
  link.link_pointtopoint =
    link.broadcast and link.flags.POINTOPOINT or nil
  link.group = link.group and values.name_of({ [0] = "default" }, link.group)
  return link
end

-- The fields that can be changed.
local changes <const> = {
  { "address", 1, values.pack_hexadecimal }, { "name", 3, values.pack_text },
  { "mtu", 4, values.pack_u32 }, { "txqlen", 13, values.pack_u32 },
  { "ifalias", 20, values.pack_text },
}

local known <const> = {
  ifname = "any", ifindex = "integer", up = "boolean", address = "any",
  name = "any", mtu = "any", txqlen = "any", ifalias = "any",
}

--- Returns the data of a message that changes the link `t`, which is the
-- argument of the method `call`.
function M.write(call, t)
  t = arguments.options(call, 1, t, known)
  return string.pack(M.header, core.AF_UNSPEC, 0, values.interface(call, t),
                     t.up and up or 0, t.up ~= nil and up or 0) ..
    values.write_fields(call, changes, t)
end

return M
