-- Requests that change links, addresses and routes.

local primitives <const> = require("sockeye.core").primitives
primitives.mark_library_file()

local M = {}

--- Change a link (rtnetlink(7)).
-- @function Netlink:set_link
-- @tab link `ifname` or `ifindex`, and the fields to change: `up`, a boolean;
-- `name`, `mtu`, `txqlen`, `address`, `ifalias`
-- @treturn Netlink itself
-- @raise argument error for a wrong or unknown field; ENODEV; EPERM and the
-- other errors of `Netlink:request`
-- @usage nl:set_link { ifname = "eth0", up = true, mtu = 1400 }

--- Add an address to an interface (rtnetlink(7)).
-- @function Netlink:add_address
-- @tab address `ifname` or `ifindex`; `local`, as `"10.0.0.1/24"`, or with
-- `prefixlen`; `address` (the other end's), `broadcast`, `label`, `scope`,
-- `metric`, `nodad`, `noprefixroute`
-- @treturn Netlink itself
-- @raise as `Netlink:set_link`; EEXIST
-- @usage nl:add_address { ifname = "eth0", ["local"] = "10.0.0.1/24" }

--- Delete an address from an interface (rtnetlink(7)).
-- @function Netlink:delete_address
-- @tab address as `Netlink:add_address` takes it
-- @treturn Netlink itself
-- @raise as `Netlink:set_link`; EADDRNOTAVAIL

--- Add a route (rtnetlink(7)).
-- @function Netlink:add_route
-- @tab route `dst`, as `"10.0.0.0/8"` or `"default"`; `gateway`, `dev`,
-- `prefsrc`, `metric`; `table`, `protocol`, `scope` and `type`, by name or
-- number; `family`, `"inet6"` for a `default` without a gateway
-- @treturn Netlink itself
-- @raise as `Netlink:set_link`; EEXIST, ENETUNREACH
-- @usage nl:add_route { dst = "default", gateway = "10.0.0.254" }

--- Delete a route (rtnetlink(7)).
-- @function Netlink:delete_route
-- @tab route as `Netlink:add_route` takes it; a field that is not given matches
-- any value, except for the table, which is `"main"` by default
-- @treturn Netlink itself
-- @raise as `Netlink:set_link`; ESRCH

-- By the name of each method, its request: type, flags, and what is changed.
local requests <const> = {
  set_link = { "RTM_SETLINK", "", "link" },
  add_address = { "RTM_NEWADDR", "create excl", "address" },
  delete_address = { "RTM_DELADDR", "", "address" },
  add_route = { "RTM_NEWROUTE", "create excl", "route" },
  delete_route = { "RTM_DELROUTE", "", "route" },
}

for name, request in pairs(requests) do
  local kind <const>, flags <const> = request[1], request[2]
  local writer <const> = require("sockeye.rtnetlink." .. request[3])
  M[name] = function(self, t)
    self:request { type = kind, flags = flags, data = writer.write(name, t) }
    return self
  end
end

return M
