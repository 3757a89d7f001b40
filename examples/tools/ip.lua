-- Lists links, addresses and routes, as ip(8) has them.
--
--   lua ip.lua [-4 | -6] [-j] link | addr | route [table NAME | NUMBER | all]
--
--   -4, -6  of one family alone; routes are of IPv4 by default
--   -j      as JSON, with the names and values of "ip -j"

local netlink = require "sockeye.netlink"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage("usage: lua ip.lua [-4 | -6] [-j] " ..
  "link | addr | route [table NAME | NUMBER | all]")

local objects = {
  l = "link", link = "link", a = "addr", addr = "addr", address = "addr",
  r = "route", route = "route",
}

local function parse(list)
  local options, words = arguments.parse(
    list, { ["4"] = "flag", ["6"] = "flag", j = "flag" }, usage)
  local what = objects[words[1]]
  if not what or words[4] or words[2] and
     (what ~= "route" or words[2] ~= "table" or not words[3]) then
    usage()
  end
  return { family = arguments.family(options), json = options.j,
           object = what, table = words[3] }
end

-- ---- what ip prints, in its order ----

local orders = {
  link = {
    "ifindex", "link_index", "link", "ifname", "flags", "mtu", "qdisc",
    "master", "operstate", "linkmode", "group", "txqlen", "link_type",
    "address", "link_pointtopoint", "broadcast", "permaddr", "link_netnsid",
    "ifalias", "altnames", "addr_info",
  },
  addr_info = {
    "family", "local", "address", "prefixlen", "metric", "broadcast",
    "anycast", "scope", "secondary", "temporary", "nodad", "optimistic",
    "dadfailed", "home", "deprecated", "tentative", "dynamic", "mngtmpaddr",
    "noprefixroute", "autojoin", "stable-privacy", "protocol", "label",
    "valid_life_time", "preferred_life_time",
  },
  route = {
    "type", "dst", "from", "tos", "nhid", "gateway", "via", "dev", "table",
    "protocol", "scope", "prefsrc", "metric", "flags", "mark", "metrics",
    "expires", "iif", "pref", "nexthops",
  },
  nexthops = { "gateway", "via", "dev", "weight", "flags" },
  via = { "family", "host" },
  metrics = {
    "mtu", "window", "rtt", "rttvar", "ssthresh", "cwnd", "advmss",
    "reordering", "hoplimit", "initcwnd", "features", "rto_min", "initrwnd",
    "quickack", "congestion", "fastopen_no_cookie",
  },
}

-- Fields that ip does not print if they have their usual values.
local usual = {
  type = "unicast", table = "main", protocol = "boot", scope = "global",
}

local function without(entry, names)
  for name in pairs(names) do entry[name] = nil end
  return entry
end

local function links()
  return netlink.links()
end

-- For one family, leaves out links without such addresses, and each link's own
-- hardware address.
local function addresses(options)
  local by_index, list = {}, {}
  for _, address in ipairs(netlink.addresses { family = options.family }) do
    local index = address.ifindex
    by_index[index] = by_index[index] or {}
    table.insert(by_index[index], without(address,
                                          { ifindex = 1, ifname = 1 }))
  end
  for _, link in ipairs(links()) do
    link.linkmode, link.ifalias = nil, nil
    link.addr_info = by_index[link.ifindex] or {}
    if options.family then
      without(link, { link_type = 1, address = 1, broadcast = 1 })
    end
    if not options.family or link.addr_info[1] then
      list[#list + 1] = link
    end
  end
  return list
end

local function routes(options)
  local name = options.table or "main"
  local family = options.family or name ~= "all" and "inet" or nil
  local list = netlink.routes {
    family = family, table = name ~= "all" and name or nil,
  }
  for _, route in ipairs(list) do
    route.family = nil
    for field, value in pairs(usual) do
      if route[field] == value then route[field] = nil end
    end
    if name ~= "all" then route.table = nil end
  end
  return list
end

-- ---- as JSON ----

local arrays = {
  flags = true, altnames = true, addr_info = true, nexthops = true,
  metrics = true,
}

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local json

local function array(list, name)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = json(value, name) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function object(value, name)
  local parts = {}
  for _, field in ipairs(orders[name]) do
    if value[field] ~= nil then
      local text = arrays[field] and array(value[field], field) or
        json(value[field], field)
      parts[#parts + 1] = quote(field) .. ":" .. text
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function json(value, name)
  if type(value) == "table" then return object(value, name) end
  return type(value) == "string" and quote(value) or tostring(value)
end

-- ---- as text ----

-- Prints the words that are not nil, with a space between two.
local function say(indent, ...)
  local text = table.concat({ ... }, " "):gsub(" +", " ")
  print(indent .. text:match "^ ?(.-) ?$")
end

-- "name value" for each field that there is.
local function words(entry, fields)
  local list = {}
  for _, field in ipairs(fields) do
    local value = entry[field[1]]
    if value ~= nil then list[#list + 1] = field[2] .. " " .. value end
  end
  return table.concat(list, " ")
end

local function print_link(link)
  local below = link.link or link.link_index and "if" .. link.link_index
  say(("%d: %s%s: <%s> "):format(
    link.ifindex, link.ifname, below and "@" .. below or "",
    table.concat(link.flags, ",")), words(link, {
      { "mtu", "mtu" }, { "qdisc", "qdisc" }, { "master", "master" },
      { "operstate", "state" }, { "linkmode", "mode" }, { "group", "group" },
      { "txqlen", "qlen" },
    }))
  if link.link_type then
    say("    ", "link/" .. link.link_type, words(link, {
      { "address", "" },
      { "broadcast", link.link_pointtopoint and "peer" or "brd" },
      { "permaddr", "permaddr" }, { "link_netnsid", "link-netnsid" },
    }))
  end
  if link.ifalias then say("    ", "alias", link.ifalias) end
  for _, name in ipairs(link.altnames or {}) do
    print("    altname " .. name)
  end
end

local function lifetime(seconds)
  return seconds == 0xffffffff and "forever" or seconds .. "sec"
end

local function flags_of_address(address)
  local list = {}
  for _, name in ipairs(orders.addr_info) do
    if address[name] == true then list[#list + 1] = name end
  end
  list[#list + 1] = address.label
  return table.concat(list, " ")
end

local function print_address(address)
  local peer = address.address and " peer " .. address.address or ""
  say("    ", address.family,
      address["local"] .. peer .. "/" .. address.prefixlen,
      words(address, {
        { "metric", "metric" }, { "broadcast", "brd" }, { "scope", "scope" },
      }), flags_of_address(address))
  say("       ", "valid_lft", lifetime(address.valid_life_time),
      "preferred_lft", lifetime(address.preferred_life_time))
end

local function print_addresses(link)
  print_link(link)
  for _, address in ipairs(link.addr_info) do print_address(address) end
end

local function hop_words(hop)
  local via = hop.via and hop.via.family .. " " .. hop.via.host or hop.gateway
  return words({ via = via, dev = hop.dev, weight = hop.weight }, {
    { "via", "via" }, { "dev", "dev" }, { "weight", "weight" },
  })
end

local function metric_words(metrics)
  local list = {}
  for _, name in ipairs(orders.metrics) do
    local word = name == "congestion" and "congctl" or name
    if metrics[name] then list[#list + 1] = word .. " " .. metrics[name] end
  end
  return table.concat(list, " ")
end

local function print_route(route)
  say("", route.type or "", route.dst, words(route, {
    { "from", "from" }, { "tos", "tos" },
  }), hop_words(route), words(route, {
    { "table", "table" }, { "protocol", "proto" }, { "scope", "scope" },
    { "prefsrc", "src" }, { "metric", "metric" },
  }), table.concat(route.flags, " "),
    metric_words(route.metrics and route.metrics[1] or {}),
    words({ expires = route.expires and lifetime(route.expires),
            pref = route.pref },
          { { "expires", "expires" }, { "pref", "pref" } }))
  for _, hop in ipairs(route.nexthops or {}) do
    say("\t", "nexthop", hop_words(hop), table.concat(hop.flags, " "))
  end
end

-- ---- the tool ----

local kinds = {
  link = { list = links, order = "link", print = print_link },
  addr = { list = addresses, order = "link", print = print_addresses },
  route = { list = routes, order = "route", print = print_route },
}

local options = parse(arg)

program.run(function()
  local kind = kinds[options.object]
  local list = kind.list(options)
  if options.json then return print(array(list, kind.order)) end
  for _, entry in ipairs(list) do kind.print(entry) end
end)
