-- Batches of messages, and datagram sockets to send them between.

local assert = require "luassert"

local sockets = require "spec.support.sockets"

local M = {}

--- Strings of many lengths, the empty one among them.
function M.strings(count)
  local list = {}
  for i = 1, count do
    list[i] = i % 50 == 7 and "" or ("%d "):format(i):rep(i % 13)
  end
  return list
end

local function pair(address)
  return function()
    return sockets.bound(address or sockets.unix_name(), "dgram"),
      sockets.bound(address or sockets.unix_name(), "dgram")
  end
end

--- What makes two datagram sockets that are bound, by family.
M.families = {
  inet = pair "127.0.0.1:0", inet6 = pair "[::1]:0", unix = pair(),
}

--- Everything that `count` messages are, and their senders, received by as many
-- calls as it takes.
function M.receive(s, count, n, size)
  local data, from = {}, {}
  while #data < count do
    local some, senders = s:recvmany(n, size)
    assert.is_true(#some > 0 and #some <= n and #some == #senders)
    table.move(some, 1, #some, #data + 1, data)
    table.move(senders, 1, #senders, #from + 1, from)
  end
  return data, from
end

--- Sends batches of two without waiting until one fails. Returns how many of
-- its messages were sent.
function M.send_until_full(s, to)
  s:settimeout(0)
  local ok, sent
  repeat ok, sent = s:sendmany({ "filling", "filling" }, to) until not ok
  s:settimeout(20)
  return sent
end

return M
