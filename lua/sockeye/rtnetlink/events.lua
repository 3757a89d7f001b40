-- Changes of links, addresses and routes, as rtnetlink(7) reports them.

local core = require "sockeye.core"
local values = require "sockeye.rtnetlink.values"

local netlink <const> = core.primitives.netlink
core.primitives.mark_library_file()

local c <const> = netlink.constants

local M = {}

local link <const> = require "sockeye.rtnetlink.link"
local address <const> = require "sockeye.rtnetlink.address"
local route <const> = require "sockeye.rtnetlink.route"

-- By the type of a message: what has changed, how, and the file that reads it.
local kinds <const> = {
  [c.RTM_NEWLINK] = { "link", "new", link },
  [c.RTM_DELLINK] = { "link", "del", link },
  [c.RTM_NEWADDR] = { "address", "new", address },
  [c.RTM_DELADDR] = { "address", "del", address },
  [c.RTM_NEWROUTE] = { "route", "new", route },
  [c.RTM_DELROUTE] = { "route", "del", route },
}

-- Makes a function that returns the name of an interface for its index. A
-- socket that also receives changes of links knows the names from these; others
-- ask the system for the present name. An interface that is gone has the last
-- name that was known.
local function names_of(nl)
  return function(index)
    local known <const> = nl.names[index]
    if known and nl.follows_links then return known end
    local ok, name = pcall(core.if_indextoname, index)
    if ok then nl.names[index] = name end
    return ok and name or known or "if" .. index
  end
end

-- Returns the change that a message reports, or nil.
local function event_of(nl, message)
  if message.type == c.NLMSG_OVERRUN then values.fail("recv", "ENOBUFS") end
  local kind <const> = kinds[message.type]
  if not kind then return nil end
  local names <const> = names_of(nl)
  local event <const> = values.reading(kind[3].read, message.data, names)
  if not event then return nil end
  event.event, event.action = kind[1], kind[2]
  if kind[3] == link then
    nl.names[event.ifindex] = event.ifname
    link.name(event, names)
  end
  return event
end

-- Adds the changes in one datagram to the queue. Returns false if it would
-- have to wait in non-blocking mode.
local function fill(nl, queue)
  local messages <const> = nl:receive()
  for _, message in ipairs(messages or {}) do
    queue[#queue + 1] = event_of(nl, message)
  end
  return messages and true
end

--- Iterate over the changes that the multicast groups of the socket report.
-- Requests should go through another socket: `Netlink:request` drops the
-- changes that arrive while it waits.
-- @function Netlink:events
-- @treturn function an iterator: each call waits for a change and returns a
-- table of `event` (`"link"`, `"address"` or `"route"`), `action` (`"new"` or
-- `"del"`) and the fields that `Netlink:links`, `Netlink:addresses` or
-- `Netlink:routes` has; false if it would have to wait in
-- non-blocking mode
-- @raise as `Netlink:receive`, by the iterator, which can be called again
function M:events()
  local queue, first = {}, 1
  return function()
    while first > #queue do
      queue, first = {}, 1
      if not values.called("events", fill, self, queue) then return false end
    end
    first = first + 1
    return queue[first - 1]
  end
end

return M
