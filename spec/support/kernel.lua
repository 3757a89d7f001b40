-- A netlink socket whose datagrams a spec has made up.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"

local M = {}

M.message = netlink.encode

local fake = {}
fake.__index = fake

function fake:send(data)
  self.sent[#self.sent + 1] = netlink.decode(data)[1]
  return #data
end

function fake:recvfrom(size, flags)
  local datagram = self.datagrams[1]
  if not datagram then
    table.remove(self.datagrams, 1)
    return false
  end
  if type(datagram) == "string" then datagram = { datagram, from = 0 } end
  local from = sockeye.netlink(datagram.from)
  if flags:find "peek" then return "", from, #datagram[1] end
  table.remove(self.datagrams, 1)
  return datagram[1]:sub(1, size), from
end

function fake:close() self.closed = true end

--- A netlink socket that receives these datagrams, one after the other: each a
-- string, or a table of it and `from`, the sender's port; false is a moment at
-- which there is none, as there has to be before each request. What it sends is
-- in its socket's list `sent`.
function M.answering(...)
  local nl = netlink.open()
  nl:close()
  nl.socket = setmetatable({ datagrams = { ... }, sent = {} }, fake)
  return nl
end

return M
