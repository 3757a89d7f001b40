-- Whether the kernel has a family, a protocol or an option.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local unprivileged = require "spec.support.unprivileged"
local worlds = require "spec.support.worlds"

local supports <const> = sockeye.supports

describe("what the kernel supports", function()
  descriptors.guard()

  it("is what sockets can be made of", function()
    for _, name in ipairs { "inet", "AF_INET", "unix", "netlink", "tcp",
                            "IPPROTO_UDP", "udp", "ip", "NETLINK_ROUTE" } do
      assert.is_true(supports(name), name)
    end
    for _, name in ipairs { "decnet", "AF_IPX", "hmp", "IPPROTO_EMCON" } do
      assert.is_false(supports(name), name)
    end
  end)

  local kinds = {
    { "can", "can", "raw" }, { "alg", "alg", "seqpacket" },
    { "tipc", "tipc", "rdm" }, { "rds", "rds", "seqpacket" },
    { "vsock", "vsock", "stream" }, { "xdp", "xdp", "raw" },
    { "sctp", "inet", "stream", "sctp" },
    { "dccp", "inet", "dccp", "dccp" },
    { "mptcp", "inet", "stream", "mptcp" },
    { "udplite", "inet", "dgram", "udplite" },
    { "isotp", "can", "dgram", "isotp" },
    { "NETLINK_XFRM", "netlink", "raw", "xfrm" },
    { "BTPROTO_RFCOMM", "bluetooth", "stream", "rfcomm" },
  }

  for _, kind in ipairs(kinds) do
    it("is what socket says: " .. kind[1], function()
      local made, s = pcall(sockeye.socket, table.unpack(kind, 2))
      if made then s:close() end
      local answer = supports(kind[1])
      assert.equal(made or s.code == "EPERM" or s.code == "EACCES", answer)
      assert.equal(answer, worlds.in_task(function()
        return supports(kind[1])
      end))
    end)
  end

  it("has the options that can be read", function()
    for _, option in ipairs(sockeye.options()) do
      local ok, answer = pcall(supports, option.name)
      if ok then
        assert.is_boolean(answer)
      else
        assert.is_true(answer.code == "EPERM" or answer.code == "EACCES")
        assert.equal("socket", answer.call)
      end
    end
    for _, name in ipairs { "SO_REUSEADDR", "SO_PEERCRED", "IP_TTL",
                            "IP_ADD_MEMBERSHIP", "TCP_NODELAY", "UDP_CORK",
                            "SO_DETACH_FILTER" } do
      assert.is_true(supports(name), name)
    end
  end)

  it("says no of an option where the kernel does", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, name in ipairs { "TCP_MD5SIG", "TCP_RTO_MIN_US" } do
      local option = sockeye[name]
      local ok, err = pcall(s.setsockopt, s, "IPPROTO_TCP", option,
                            ("\0"):rep(256))
      assert.equal(ok or err.code ~= "ENOPROTOOPT",
                   supports(name) and true or false, name)
    end
  end)

  it("rejects what nobody knows", function()
    local rejected = {
      { "tcpp", "tcp" }, { "inett", "inet" }, { "ipv6", "inet6" },
      { "ipv4", "inet" }, { "TCP_FASTOPN", "TCP_FASTOPEN" },
    }
    for _, case in ipairs(rejected) do
      errors.rejected(("unknown family, protocol or option '%s', did you " ..
                       "mean '%s'"):format(case[1], case[2]), supports,
                      case[1])
    end
    errors.rejected("unknown family, protocol or option", supports,
                    "nothing like it")
    errors.rejected("bad argument", supports, "tcp\0")
    errors.rejected("bad argument", supports)
    errors.rejected("bad argument", supports, {})
  end)

  it("counts what needs a privilege", function()
    local result, reason = unprivileged.lua [[
      local sockeye = require "sockeye"
      print(sockeye.supports "packet", sockeye.supports "raw",
            select(2, pcall(sockeye.supports, "PACKET_VERSION")).code)
    ]]
    if not result then return pending(reason) end
    assert.equal("true\ttrue\tEPERM\n", result.stdout)
  end)
end)
