local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"

describe("a name of a constant", function()
  descriptors.guard()

  local spellings = {
    { "inet", "stream" }, { "INET", "STREAM" }, { "Inet", "Stream" },
    { "AF_INET", "SOCK_STREAM" }, { "PF_INET", "sock_stream" },
    { "af_inet", "SOCK_stream" },
    { sockeye.AF_INET, sockeye.SOCK_STREAM },
    { sockeye.PF_INET, sockeye.SOCK_STREAM, sockeye.IPPROTO_TCP },
    { "inet", "stream", "tcp" }, { "inet", "stream", "IPPROTO_TCP" },
    { "inet", "stream", 6 }, { "inet", "stream", 0 },
    { "inet", "stream", nil }, { "inet", "stream", "ip" },
    { 2.0, 1.0 }, { "inet", "stream", "6", rejected = true },
  }

  for _, row in ipairs(spellings) do
    local words = {}
    for i = 1, 3 do words[i] = tostring(row[i]) end
    local text = table.concat(words, " ")
    if row.rejected then
      it("is not " .. text, function()
        errors.rejected("bad argument #3", sockeye.socket,
                        table.unpack(row, 1, 3))
      end)
    else
      it("may be " .. text, function()
        local s <close> = sockeye.socket(table.unpack(row, 1, 3))
        assert.matches("^socket%(inet stream fd %d+%)$", tostring(s))
      end)
    end
  end

  it("is the same with AF_LOCAL as with AF_UNIX", function()
    assert.equal(sockeye.AF_UNIX, sockeye.AF_LOCAL)
    assert.equal(sockeye.AF_UNIX, sockeye.PF_LOCAL)
    local s <close> = sockeye.socket("local", "dgram")
    assert.matches("^socket%(unix dgram ", tostring(s))
  end)

  local numbers = {
    AF_UNSPEC = 0, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, PF_INET6 = 10,
    AF_NETLINK = 16, AF_PACKET = 17, AF_VSOCK = 40,
    SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_RDM = 4,
    SOCK_SEQPACKET = 5, SHUT_RD = 0, SHUT_WR = 1, SHUT_RDWR = 2,
    IPPROTO_IP = 0, IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17,
    IPPROTO_IPV6 = 41, IPPROTO_ICMPV6 = 58, IPPROTO_RAW = 255,
    IPPROTO_ESP = 50, IPPROTO_UDPLITE = 136, IPPROTO_MPTCP = 262,
    SOMAXCONN = libc.is_musl() and 128 or 4096,
  }

  it("has its number in the module", function()
    for name, number in pairs(numbers) do
      assert.equal(number, sockeye[name], name)
    end
  end)

  it("has the value of C's headers", function()
    for name in pairs(sockeye) do
      assert.matches("^[%a_][%w_]*$", name)
    end
  end)

  it("of ICMPv6 may be that of /etc/protocols", function()
    for _, name in ipairs { "icmpv6", "ipv6-icmp", "IPV6-ICMP", 58 } do
      local ok, s = pcall(sockeye.socket, "inet6", "raw", name)
      if not ok then
        assert.is_true(sockeye.is_error(s))
        return pending("raw sockets of IPv6 are unavailable: " .. s.code)
      end
      assert.equal("icmpv6", s:getsockopt("SO_PROTOCOL"))
      s:close()
    end
  end)
end)

describe("a name that does not exist", function()
  descriptors.guard()

  it("is an argument error where it contains a zero", function()
    errors.rejected("#1.*name contains a zero", sockeye.socket, "inet\0",
                    "stream")
    errors.rejected("#2.*name contains a zero", sockeye.socket, "inet",
                    "stream\0dgram")
  end)

  local wrong = {
    { "nil", nil }, { "a boolean", true }, { "a table", {} },
    { "a function", print }, { "a fraction", 2.5 }, { "NaN", 0 / 0 },
    { "a negative number", -1 }, { "a number past 31 bits", 1 << 31 },
    { "the largest integer", math.maxinteger }, { "infinity", math.huge },
    { "a userdata", io.stdout },
  }

  for _, case in ipairs(wrong) do
    it("is no " .. case[1], function()
      local s <close> = sockeye.socket("inet", "stream")
      errors.rejected("bad argument #1", sockeye.socket, case[2], "stream")
      errors.rejected("bad argument #2", sockeye.socket, "inet", case[2])
      if case[2] ~= nil then
        errors.rejected("bad argument #3", sockeye.socket, "inet", "stream",
                        case[2])
        errors.rejected("bad argument #1", sockeye.socketpair, case[2])
      end
      errors.rejected("bad argument #2", s.shutdown, s, case[2])
    end)
  end

  it("is refused for its length before its words are read", function()
    local s <close> = sockeye.socket("inet", "dgram")
    local long = ("peek "):rep(1 << 21)
    -- Every word of it is a flag: only the length is refused.
    errors.rejected("too long", s.recv, s, 1, long)
    errors.rejected("unknown flag", s.recv, s, 1, ("x"):rep(200))
  end)
end)
