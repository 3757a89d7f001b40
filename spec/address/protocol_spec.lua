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

  -- The keywords of the registry, as IANA writes them, and their numbers.
  local registry <const> = {
    { "ICMP", 1 }, { "IPv4", 4 }, { "BBN-RCC-MON", 10 }, { "TP++", 39 },
    { "IPv6-Frag", 44 }, { "RSVP", 46 }, { "ESP", 50 }, { "IPv6-ICMP", 58 },
    { "AX.25", 93 }, { "IPComp", 108 }, { "A/N", 107 }, { "VRRP", 112 },
    { "OSPFIGP", 89 }, { "ospf", 89 }, { "EIGRP", 88 }, { "L2TP", 115 },
    { "HIP", 139 }, { "ROHC", 142 }, { "Ethernet", 143 }, { "BIT-EMU", 147 },
  }

  it("is any of IANA's for a raw socket", function()
    for _, row in ipairs(registry) do
      local made, s = pcall(sockeye.socket, "inet", "raw", row[1])
      if not made then return pending(s.message) end
      local _ <close> = s
      local number <const> = string.unpack("=i4",
        s:getsockopt("SOL_SOCKET", "SO_PROTOCOL", 4))
      assert.equal(row[2], number, row[1])
      assert.is_string(s:getsockopt "SO_PROTOCOL")
    end
    assert.equal(89, sockeye.IPPROTO_OSPF)
    assert.equal(4, sockeye.IPPROTO_IPIP)
    assert.is_nil(sockeye["IPPROTO_AX.25"])
    assert.is_nil(sockeye["IPPROTO_BBN-RCC-MON"])
  end)

  it("has no name in a family that has none for it", function()
    for _, kind in ipairs { { "unix", "stream" }, { "xdp", "raw" } } do
      local ok, s = pcall(sockeye.socket, table.unpack(kind))
      local _ <close> = ok and s or nil
      if ok then assert.equal(0, s:getsockopt "SO_PROTOCOL") end
    end
    local err = errors.raised("EPROTONOSUPPORT", "socket", sockeye.socket,
                              "unix", "stream", "tcp")
    assert.equal("unix stream tcp", err.subject)
  end)

  it("has the family's name in an error", function()
    for _, case in ipairs {
      { "can", "raw", 1, "can raw raw" }, { "can", "raw", "CAN_RAW",
        "can raw raw" }, { "can", "dgram", "isotp", "can dgram isotp" },
      { "bluetooth", "stream", "rfcomm", "bluetooth stream rfcomm" },
      { "rds", "seqpacket", 1, "rds seqpacket 1" },
      { "key", "raw", "PF_KEY_V2", "key raw key_v2" },
      { "inet", "seqpacket", "sctp", "inet seqpacket sctp" },
      { "inet", "dccp", "dccp", "inet dccp dccp" },
    } do
      local ok, err = pcall(sockeye.socket, case[1], case[2], case[3])
      if ok then
        err:close()
      else
        assert.equal(case[4], err.subject)
      end
    end
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
