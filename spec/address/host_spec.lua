-- Hosts of IP as a script names them.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("host of an option", function()
  descriptors.guard()

  it("is numeric text or an Address, whose port does not matter", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, group in ipairs { "239.255.77.6",
                             sockeye.inet("239.255.77.6", 80) } do
      local of = { group = group, interface = "lo" }
      s:setsockopt("MCAST_JOIN_GROUP", of)
      errors.raised("EADDRINUSE", "setsockopt", s.setsockopt, s,
                    "MCAST_JOIN_GROUP", of)
      s:setsockopt("MCAST_LEAVE_GROUP", of)
    end
  end)

  -- The option, what is not a host for it, and what the error says.
  local wrong = {
    { "MCAST_JOIN_GROUP", "numeric", false, 5, {}, "", "localhost",
      "239.255.77", "239.255.77.6\0", "ff05::6%lo", sockeye.unix "/x" },
    { "IP_ADD_MEMBERSHIP", "IPv4", false, "localhost", "ff05::6",
      "239.255.77.6\0", sockeye.inet6 "ff05::6" },
    { "IPV6_ADD_MEMBERSHIP", "IPv6", false, "localhost", "239.255.77.6",
      "ff05::6\0", sockeye.inet "239.255.77.6" },
  }

  for _, row in ipairs(wrong) do
    it("is of the family that is wanted: " .. row[2], function()
      local s <close> = sockeye.socket("inet6", "dgram")
      for i = 3, #row do
        errors.rejected("'group': " .. row[2] .. " address expected",
                        s.setsockopt, s, row[1],
                        { group = row[i], interface = "lo" })
      end
    end)
  end
end)
