-- The protocols that a socket may be made for.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local unprivileged = require "spec.support.unprivileged"

describe("the protocol of a socket", function()
  descriptors.guard()

  it("is IP's by name", function()
    for _, protocol in ipairs { "udp", "UDP", "IPPROTO_UDP",
                                sockeye.IPPROTO_UDP } do
      local s <close> = sockeye.socket("inet", "dgram", protocol)
      assert.equal("udp", s:getsockopt("SO_PROTOCOL"))
    end
  end)

  it("is Ethernet's for a packet socket, in network byte order to the system",
    function()
      for _, protocol in ipairs { "arp", "ARP", "eth_p_arp", "ETH_P_ARP",
                                  sockeye.ETH_P_ARP, 0x0806 } do
        local s <close>, reason = sockets.packet("raw", protocol)
        if not s then return pending(reason) end
        assert.equal("\8\6", s:getsockname():pack():sub(3, 4))
      end
    end)

  it("is none for a packet socket made without one", function()
    local s <close>, reason = sockets.packet("dgram")
    if not s then return pending(reason) end
    assert.equal("\0\0", s:getsockname():pack():sub(3, 4))
    assert.equal(0, s:getsockopt("SO_PROTOCOL"))
  end)

  it("is a subsystem of the kernel for a netlink socket", function()
    for _, protocol in ipairs { "usersock", "NETLINK_USERSOCK",
                                sockeye.NETLINK_USERSOCK, 2 } do
      local s <close> = sockeye.socket("netlink", "raw", protocol)
      assert.equal("usersock", s:getsockopt("SO_PROTOCOL"))
    end
    local s <close> = sockeye.socket("netlink", "dgram")
    assert.equal("route", s:getsockopt("SO_PROTOCOL"))
  end)

  it("is not one of another family", function()
    errors.rejected("#3.*unknown netlink protocol 'tcp'", sockeye.socket,
                    "netlink", "raw", "tcp")
    errors.rejected("#3.*unknown protocol 'arp'", sockeye.socket, "inet",
                    "dgram", "arp")
    errors.rejected("#3.*unknown Ethernet protocol 'tcp'", sockeye.socket,
                    "packet", "raw", "tcp")
    errors.rejected("#3.*did you mean 'arp'", sockeye.socket, "packet",
                    "raw", "arpp")
    errors.rejected("#3.*0 to 65535", sockeye.socket, "packet", "raw", 65536)
    errors.rejected("#3.*out of range", sockeye.socket, "packet", "raw", -1)
    errors.rejected("#3", sockeye.socket, "packet", "raw", 1.5)
    errors.rejected("#3", sockeye.socketpair, "unix", "stream", "arp")
  end)

  it("is named in the error if there is no such socket", function()
    local s <close>, reason = sockets.packet("raw")
    if not s then return pending(reason) end
    local err = errors.raised("ESOCKTNOSUPPORT", "socket", sockeye.socket,
                              "packet", "stream", "arp")
    assert.equal("packet stream arp", err.subject)
  end)

  it("needs a privilege for a packet socket", function()
    local result, reason = unprivileged.lua [[
      local sockeye = require "sockeye"
      local _, err = pcall(sockeye.socket, "packet", "raw", "all")
      print(err.code, err.call, err.subject)
    ]]
    if not result then return pending(reason) end
    assert.equal("EPERM\tsocket\tpacket raw all\n", result.stdout)
  end)
end)
