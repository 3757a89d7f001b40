-- Prints packets as the sniffer does: any bytes become one line, or are
-- reported as malformed.

package.path = package.path .. ";./examples/lib/?.lua"
local packet = require "packet"

local protocols = { "ip", "ipv6", "arp", 0x1234 }

local function check(data, from)
  local line = packet.line(data, from)
  if not line then return end
  assert(not line:find "\n", "several lines")
  assert(#line < 300 + 20 * #data, "a line without an end")
end

return function(input)
  check(input)
  check(input:sub(2), core.packet(
    1, protocols[(input:byte() or 0) % #protocols + 1],
    { address = "02:42:ac:11:00:02" }))
end
