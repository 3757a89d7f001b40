-- The requests that change links, addresses and routes, as they are sent.

local netlink = require "sockeye.netlink"
local kernel = require "spec.support.kernel"

describe("a change", function()
  local request = string.pack("=I4I2I2I4I4", 16, 16, 0, 1, 0)
  local accepted = kernel.message { type = 2, seq = 1,
                                    data = "\0\0\0\0" .. request }
  local create <const> = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL

  local changes = {
    { "set_link", { ifindex = 1, up = true }, "RTM_SETLINK", 0 },
    { "add_address", { ifindex = 1, ["local"] = "10.0.0.1/8" }, "RTM_NEWADDR",
      create },
    { "delete_address", { ifindex = 1, ["local"] = "10.0.0.1/8" },
      "RTM_DELADDR", 0 },
    { "add_route", { dst = "10.0.0.0/8" }, "RTM_NEWROUTE", create },
    { "delete_route", { dst = "10.0.0.0/8" }, "RTM_DELROUTE", 0 },
  }
  for _, case in ipairs(changes) do
    local method, argument, type, flags = table.unpack(case)
    it(("is one acknowledged request: %s"):format(method), function()
      local nl = kernel.answering(false, accepted)
      assert.equal(nl, nl[method](nl, argument))
      assert.equal(1, #nl.socket.sent)
      local sent = nl.socket.sent[1]
      assert.equal(netlink[type], sent.type)
      assert.equal(netlink.NLM_F_REQUEST | netlink.NLM_F_ACK | flags,
                   sent.flags)
    end)
  end
end)
