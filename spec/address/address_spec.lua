local sockeye = require "sockeye"

local errors = require "spec.support.errors"

describe("an address", function()
  local addresses = {
    inet = sockeye.inet("127.0.0.1", 80), inet6 = sockeye.inet6("::1", 80),
    unix = sockeye.unix("/a"), unnamed = sockeye.unix(),
    other = sockeye.unpack(string.pack("=H", 99) .. "abc"),
    family = sockeye.unpack("\0\0"),
  }

  it("is of the type sockeye.Address", function()
    for _, a in pairs(addresses) do
      assert.equal("userdata", type(a))
      assert.equal("sockeye.Address", getmetatable(a))
    end
  end)

  it("refuses to have its methods called on anything else", function()
    local meta = debug.getmetatable(addresses.inet)
    local names = { "pack", "key", "is_any", "is_loopback", "is_multicast",
                    "is_link_local", "is_private", "is_v4mapped", "unmap" }
    for _, name in ipairs(names) do
      local method = addresses.inet[name]
      for _, value in ipairs { "127.0.0.1:80", 1, {}, io.stdout, print,
                               sockeye } do
        errors.rejected("bad argument #1.*sockeye.Address expected", method,
                        value)
      end
      errors.rejected("bad argument #1", method)
    end
    for _, name in ipairs { "__tostring", "__index" } do
      errors.rejected("bad argument #1", meta[name], {})
    end
    errors.rejected("immutable", meta.__newindex, {})
    assert.is_false(meta.__eq({}, 1))
    assert.is_false(meta.__eq())
  end)
end)

describe("a family", function()
  it("is a name or a number", function()
    for _, family in ipairs { "inet", "AF_INET", "PF_INET", sockeye.AF_INET } do
      local s <close> = sockeye.socket(family, "dgram")
      assert.are.equal("inet", s:getsockopt "SO_DOMAIN")
    end
  end)
end)

describe("a family that not every kernel has", function()
  -- As bits/socket.h numbers them.
  local numbers = {
    alg = 38, appletalk = 5, ash = 18, atmpvc = 8, atmsvc = 20, ax25 = 3,
    bluetooth = 31, bridge = 7, caif = 37, can = 29, decnet = 12, econet = 19,
    file = 1, ib = 27, ieee802154 = 36, ipx = 4, irda = 23, isdn = 34,
    iucv = 32, kcm = 41, key = 15, llc = 26, mctp = 45, mpls = 28,
    netbeui = 13, netrom = 6, nfc = 39, phonet = 35, pppox = 24, qipcrtr = 42,
    rds = 21, rose = 11, route = 16, rxrpc = 33, security = 14, smc = 43,
    sna = 22, tipc = 30, wanpipe = 25, x25 = 9, xdp = 44,
  }

  it("has a name and a number", function()
    for name, number in pairs(numbers) do
      assert.equal(number, sockeye["AF_" .. name:upper()])
      assert.equal(number, sockeye["PF_" .. name:upper()])
      local ok, s = pcall(sockeye.socket, name, "dgram")
      if ok then s:close() end
      local other = sockeye.unpack(string.pack("=H c100", number, ""))
      assert.equal(({ file = "unix", route = "netlink" })[name] or name,
                   other.family)
    end
  end)

  it("is an error where the kernel lacks it", function()
    local err = errors.raised("EAFNOSUPPORT", "socket", sockeye.socket,
                              "decnet", "stream")
    assert.equal("decnet stream", err.subject)
  end)
end)

describe("the interface of a scope", function()
  it("is found by its name", function()
    local index = sockeye.if_nametoindex "lo"
    assert.are.equal(index, sockeye.inet6("fe80::1%lo").scope_id)
    assert.are.equal(index, sockeye.packet("lo").ifindex)
  end)

  it("is an argument error if there is none of that name", function()
    errors.rejected("bad argument #1", sockeye.inet6, "fe80::1%nosuch0")
    errors.rejected("bad argument #1", sockeye.packet, "nosuch0")
  end)
end)
