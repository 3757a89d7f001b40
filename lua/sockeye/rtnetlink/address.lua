-- Addresses in the messages of rtnetlink(7), under the names that
-- "ip -j address" has for their fields.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local values = require "sockeye.rtnetlink.values"

core.primitives.mark_library_file()

local u32 <const>, host <const> = values.u32, values.host

local M = {}

M.header = "=I1I1I1I1I4" -- struct ifaddrmsg

local scopes <const> = {
  [0] = "global", [200] = "site", [253] = "link", [254] = "host",
  [255] = "nowhere",
}
M.scopes = scopes

local address_flags <const> = {
  { 0x01, "secondary" }, { 0x02, "nodad" }, { 0x04, "optimistic" },
  { 0x08, "dadfailed" }, { 0x10, "home" }, { 0x20, "deprecated" },
  { 0x40, "tentative" }, { 0x100, "mngtmpaddr" },
  { 0x200, "noprefixroute" }, { 0x400, "autojoin" },
  { 0x800, "stable-privacy" },
}
local permanent <const> = 0x80

local address_protocols <const> = {
  [0] = "unspec", "kernel_lo", "kernel_ra", "kernel_ll",
}

local function cacheinfo(data)
  if #data < 8 then values.cut(data, 8) end
  return { string.unpack("=I4I4", data) }
end

-- IFA_…
local address_fields <const> = {
  [1] = { "address", host }, [2] = { "local", host },
  [3] = { "label", values.text },
  [4] = { "broadcast", host }, [5] = { "anycast", host },
  [6] = { "cacheinfo", cacheinfo }, [7] = { "multicast", host },
  [8] = { "bits", u32 }, [9] = { "metric", u32 },
  [11] = { "protocol", values.named(address_protocols) },
}

local function set_address_flags(address)
  local bits <const> = address.bits
  for _, name in ipairs(values.flags_of(address_flags, bits)) do
    address[name] = true
  end
  if address.family == "inet6" and address.secondary then
    address.secondary, address.temporary = nil, true
  end
  address.dynamic = bits & permanent == 0 or nil
  address.bits = nil
end

--- Returns the fields of the address that the data of a message holds; nil for
-- one of another family than IP. `names` returns the name of an interface for
-- its index.
function M.read(data, names)
  local family <const>, prefix <const>, bits <const>, scope <const>,
    index <const> = values.header(M.header, data)
  if not values.sizes[family] then return nil end
  local address <const> = values.read_fields({
    ifindex = index, ifname = names(index), prefixlen = prefix,
    family = values.family_names[family],
    scope = values.name_of(scopes, scope), bits = bits,
  }, address_fields, data, string.packsize(M.header) + 1, family)
  address["local"] = address["local"] or address.address
  if address.address == address["local"] then address.address = nil end
  local times <const> = address.cacheinfo or {}
  address.preferred_life_time, address.valid_life_time = times[1], times[2]
  address.cacheinfo = nil
  set_address_flags(address)
  return address
end

local changes <const> = {
  { "address", 1, values.pack_host }, { "local", 2, values.pack_host },
  { "label", 3, values.pack_text }, { "broadcast", 4, values.pack_host },
  { "bits", 8, values.pack_u32 }, { "metric", 9, values.pack_u32 },
}

local known <const> = {
  ifname = "any", ifindex = "integer", ["local"] = "any", address = "any",
  prefixlen = "integer", label = "any", broadcast = "any", metric = "any",
  scope = "any", nodad = "boolean", noprefixroute = "boolean",
}

-- Returns the fields to write, and the family. "10.0.0.1/24" makes two fields.
local function fields_of(call, t)
  local fields <const> = { bits = permanent }
  for name in pairs(known) do fields[name] = t[name] end
  local family
  fields["local"], fields.prefixlen, family =
    values.split_prefix(call, "local", t["local"], t.prefixlen)
  for _, row in ipairs(address_flags) do
    if t[row[2]] then fields.bits = fields.bits | row[1] end
  end
  fields.address = t.address or fields["local"]
  return fields, family
end

--- Returns the data of a message that adds or deletes the address `t`, which is
-- the argument of the method `call`.
function M.write(call, t)
  t = arguments.options(call, 1, t, known)
  local fields <const>, family <const> = fields_of(call, t)
  local scope <const> =
    values.number_of(call, "scope", scopes, t.scope or 0, 255)
  return string.pack(M.header, family, fields.prefixlen, 0, scope,
                     values.interface(call, t)) ..
    values.write_fields(call, changes, fields, family)
end

return M
