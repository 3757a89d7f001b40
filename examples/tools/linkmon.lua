-- Prints a line for each change of a link, address or route, until it is
-- interrupted.
--
--   lua linkmon.lua [-c COUNT] [link] [address] [route]
--
--   -c  stop after so many changes

local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"
local until_signal = require "until_signal"

local usage = program.usage(
  "usage: lua linkmon.lua [-c COUNT] [link] [address] [route]")

local function parse(list)
  local options, kinds = arguments.parse(list, {
    c = { 1, math.maxinteger, integer = true },
  }, usage)
  for _, kind in ipairs(kinds) do
    if kind ~= "link" and kind ~= "address" and kind ~= "route" then usage() end
  end
  return kinds[1] and kinds or { "link", "address", "route" },
    options.c or math.maxinteger
end

local tellers = {
  link = function(e)
    return ("%s %s mtu %d <%s>"):format(e.ifname, e.operstate, e.mtu,
                                        table.concat(e.flags, ","))
  end,
  address = function(e)
    return ("%s %s/%d scope %s%s"):format(e.ifname, e["local"], e.prefixlen,
      e.scope, e.tentative and " tentative" or "")
  end,
  route = function(e)
    local hop = e.gateway and " via " .. e.gateway or ""
    local dev = e.dev and " dev " .. e.dev or ""
    return ("%s %s%s%s table %s"):format(e.type, e.dst, hop, dev, e.table)
  end,
}

-- Returns the next change. Prints a line where some were lost: lists that were
-- read before are out of date then.
local function next_of(events)
  while true do
    local ok, event = sockeye.pcall(events)
    if ok then return event end
    if not sockeye.is_error(event, "ENOBUFS") then error(event, 0) end
    print "changes were lost"
  end
end

local function watch(kinds, count)
  local events, _, _, nl = netlink.watch(kinds)
  local _ <close> = nl
  print("watching " .. table.concat(kinds, " "))
  while count > 0 do
    local event = next_of(events)
    print(("%s %s %s"):format(event.event, event.action,
                              tellers[event.event](event)))
    count = count - 1
  end
end

local kinds, count = parse(arg)
io.stdout:setvbuf "line"
sockeye.run(until_signal, watch, kinds, count)
