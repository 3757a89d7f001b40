-- Links, addresses and routes as lists.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local values = require "sockeye.rtnetlink.values"

local netlink <const> = core.primitives.netlink
core.primitives.mark_library_file()

local M = {}

local readers <const> = {
  link = require "sockeye.rtnetlink.link",
  address = require "sockeye.rtnetlink.address",
  route = require "sockeye.rtnetlink.route",
}

local tries <const> = 5 -- of a dump that changes while it is made

local function dump(self, kind, data)
  local answer
  for _ = 1, tries do
    answer = self:request { type = kind, flags = "dump", data = data }
    if not answer.interrupted then break end
  end
  return answer
end

local function list_of(answer, reader, names)
  local list <const> = { interrupted = answer.interrupted }
  for _, message in ipairs(answer) do
    list[#list + 1] = values.reading(reader.read, message.data, names)
  end
  return list
end

local function dump_links(self, more)
  local data <const> = string.pack(readers.link.header, core.AF_UNSPEC, 0, 0,
                                   0, 0)
  local answer <const> = dump(self, "RTM_GETLINK", data .. more)
  return list_of(answer, readers.link)
end

-- Makes a function that returns the name of a link for its index.
local function names_of(links)
  local names <const> = {}
  for _, link in ipairs(links) do names[link.ifindex] = link.ifname end
  return function(index) return names[index] or "if" .. index end
end

-- IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS.
local skip_stats <const> = netlink.attribute(29, string.pack("=I4", 8))

-- Adds the flag "M-DOWN", as "ip" does, to a link whose lower link is down.
local function mark_lower_down(links)
  local down <const> = {}
  for _, link in ipairs(links) do
    down[link.ifname or ""] = not link.flags.UP
  end
  for _, link in ipairs(links) do
    if link.link and down[link.link] then
      link.flags[#link.flags + 1], link.flags["M-DOWN"] = "M-DOWN", true
    end
  end
  return links
end

--- List the network interfaces (rtnetlink(7)).
-- @function Netlink:links
-- @treturn {table,...} each with the fields that `ip -j -d -s link` has:
-- `ifindex`, `ifname`, `flags` (a list, and a set: `flags.UP`), `mtu`, `qdisc`,
-- `operstate`, `linkmode`, `group`, `txqlen`, `link_type`; `address` and
-- `broadcast`; of other links `link`, `link_index`, `link_netnsid`, `master`;
-- `altnames`, `ifalias`, `permaddr`; `linkinfo.info_kind`, `stats64.rx.bytes`,
-- `promiscuity`, `min_mtu`, `max_mtu`, … A field that a link does not have is
-- absent. The list's field `interrupted` is true where links changed during the
-- dump in each of five attempts.
-- @raise as `Netlink:request`
function M:links()
  local links <const> = dump_links(self, "")
  local names <const> = names_of(links)
  for _, link in ipairs(links) do readers.link.name(link, names) end
  return mark_lower_down(links)
end

local function family_of(options)
  return values.families[options.family] or core.AF_UNSPEC
end

local address_options <const> = { family = values.problem_of_family }

--- List the addresses of the interfaces (rtnetlink(7)).
-- @function Netlink:addresses
-- @tab[opt] options `family`: only `"inet"`, or only `"inet6"`
-- @treturn {table,...} each with `ifindex` and `ifname`, and with the fields of
-- `addr_info` in `ip -j address`: `family`, `local`, `prefixlen`, `scope`,
-- `address` (the other end's, of a point-to-point link), `broadcast`, `label`,
-- `valid_life_time` and `preferred_life_time` in seconds (0xffffffff: for
-- ever), `metric`, `protocol`; `dynamic`, `secondary`, `temporary`,
-- `tentative`, `deprecated`, `nodad`, … are true or absent. `interrupted` as
-- for `Netlink:links`.
-- @raise argument error for an unknown option; as `Netlink:request`
function M:addresses(options)
  options = arguments.options("addresses", 1, options, address_options)
  local data <const> = string.pack(readers.address.header, family_of(options),
                                   0, 0, 0, 0)
  local names <const> = names_of(dump_links(self, skip_stats))
  return list_of(dump(self, "RTM_GETADDR", data), readers.address, names)
end

local route_options <const> = { family = values.problem_of_family,
                                table = "any" }

--- List the routes (rtnetlink(7)).
-- @function Netlink:routes
-- @tab[opt] options `family`: only `"inet"`, or only `"inet6"`; `table`: the
-- name or number of one routing table, `"main"`
-- @treturn {table,...} each with the fields that `ip -j -d route` has:
-- `family`, `dst` (`"default"`, `"10.0.0.0/8"`), `type`, `table`, `protocol`
-- and `scope`, by name, or in digits where they have no name; `gateway`, `via`,
-- `dev`, `prefsrc`, `from`, `metric`, `pref`, `tos`, `nhid`, `expires` in
-- seconds; `flags` (a list, and a set); `metrics` (`metrics[1].mtu`);
-- `nexthops`, a list of `dev`, `gateway`, `weight` and `flags`. `interrupted`
-- as for `Netlink:links`.
-- @raise argument error for an unknown option; as `Netlink:request`
function M:routes(options)
  options = arguments.options("routes", 1, options, route_options)
  local data <const> = string.pack(readers.route.header, family_of(options),
                                   0, 0, 0, 0, 0, 0, 0, 0)
  local names <const> = names_of(dump_links(self, skip_stats))
  local all <const> = list_of(dump(self, "RTM_GETROUTE", data),
                              readers.route, names)
  if options.table == nil then return all end
  local wanted <const> = readers.route.table_name(options.table)
  local list <const> = { interrupted = all.interrupted }
  for _, route in ipairs(all) do
    if route.table == wanted then list[#list + 1] = route end
  end
  return list
end

return M
