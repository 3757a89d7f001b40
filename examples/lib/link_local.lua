-- The sockets of multicast DNS: one of each family for all interfaces, which
-- reports by which a message came, and sends by the one that is named.

local sockeye = require "sockeye"
local dns = require "dns_message"

local M = { port = 5353 }

local families = {
  inet = { group = "224.0.0.251", make = sockeye.inet, info = "IP_PKTINFO",
           hops = "IP_MULTICAST_TTL", all = "IP_MULTICAST_ALL" },
  inet6 = { group = "ff02::fb", make = sockeye.inet6,
            info = "IPV6_RECVPKTINFO", hops = "IPV6_MULTICAST_HOPS",
            all = "IPV6_MULTICAST_ALL" },
}

--- The interfaces to use, by index: { name =, inet = {…}, inet6 = {…} } with
-- their addresses. All that can multicast, where none is named.
function M.find(name)
  local links = {}
  for _, i in ipairs(sockeye.interfaces()) do
    local wanted = name == i.name or
      not name and i.flags.multicast and not i.flags.loopback
    if wanted and i.flags.up and i.address and families[i.address.family] then
      local link = links[i.index] or { name = i.name, inet = {}, inet6 = {} }
      links[i.index] = link
      table.insert(link[i.address.family], i.address)
    end
  end
  return links
end

local function open(family, links, port)
  local kind = families[family]
  local s = sockeye.socket(family, "dgram")
  s:setsockopt("SO_REUSEADDR", true)
  if family == "inet6" then s:setsockopt("IPV6_V6ONLY", true) end
  s:setsockopt(kind.info, true)
  s:setsockopt(kind.hops, 255)
  s:setsockopt(kind.all, false)
  s:bind(kind.make(nil, port))
  local self = { socket = s, family = family, links = {} }
  for index, link in pairs(links) do
    if #link[family] > 0 then
      self.links[index] = link
      s:setsockopt("MCAST_JOIN_GROUP",
                   { group = kind.group, interface = index })
    end
  end
  return self
end

local Ends = { __name = "link_local.Ends" }

function Ends:__close()
  for _, each in ipairs(self) do each.socket:close() end
end

--- A list of the sockets that could be had, of both families or one: each
-- { socket =, family =, links = }. It is closed by a <close> variable.
function M.open(links, port, family)
  local ends = setmetatable({}, Ends)
  local reason = "no interface to multicast on"
  for _, each in ipairs { "inet", "inet6" } do
    if each == (family or each) then
      local ok, result = pcall(open, each, links, port)
      if not ok then
        reason = result
      elseif next(result.links) then
        ends[#ends + 1] = result
      end
    end
  end
  return #ends > 0 and ends or error(reason, 0)
end

--- Sends a message by one interface, to everybody there or to one address.
function M.send(self, index, m, to)
  local kind = families[self.family]
  local scope = self.family == "inet6" and { scope = index } or nil
  self.socket:sendmsg {
    iov = dns.encode(m), control = { pktinfo = { ifindex = index } },
    name = to or kind.make(kind.group, M.port, scope),
  }
end

--- Calls f(self, index, m, from) with each message, the interface that it came
-- by, and who sent it. Skips datagrams that are not messages.
function M.receive(self, f)
  while true do
    local packet = self.socket:recvmsg { iov = 9000, control = true }
    local ok, m = pcall(dns.decode, packet.data)
    local index = packet.control.pktinfo.ifindex
    if ok and self.links[index] then f(self, index, m, packet.from) end
  end
end

return M
