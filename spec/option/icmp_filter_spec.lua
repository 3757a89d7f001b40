-- Options of raw sockets, UDP-Lite and vsock: their values, and raw access.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

-- Runs f with a socket; a reason where there is none to be had.
local function with(family, type, protocol, f)
  local ok, s = pcall(sockeye.socket, family, type, protocol)
  if not ok then
    assert.is_true(sockeye.is_error(s))
    return pending(("no %s socket here: %s"):format(family, s.code))
  end
  local _ <close> = s
  f(s)
end

describe("ICMP filter", function()
  descriptors.guard()

  it("passes everything at first", function()
    with("inet", "raw", "icmp", function(s)
      local types = s:getsockopt("ICMP_FILTER")
      assert.equal(32, #types)
      assert.equal("echoreply", types[1])
      assert.equal(1, types[2])
      assert.equal("echo", types[9])
      assert.equal("\0\0\0\0", s:getsockopt("SOL_RAW", "ICMP_FILTER", 4))
    end)
  end)

  it("of ICMPv6 passes everything at first", function()
    with("inet6", "raw", "icmpv6", function(s)
      local types = s:getsockopt("ICMP6_FILTER")
      assert.equal(256, #types)
      assert.equal("echo_reply", types[130])
    end)
  end)

  it("has a bit for each type that is blocked", function()
    with("inet", "raw", "icmp", function(s)
      s:setsockopt("ICMP_FILTER", { "echo", 0, "ICMP_TIME_EXCEEDED", 31 })
      local bits = string.unpack("I4", s:getsockopt("SOL_RAW", 1, 4))
      assert.equal(1 << 8 | 1 | 1 << 11 | 1 << 31, ~bits & 0xffffffff)
      assert.same({ "echoreply", "echo", "time_exceeded", 31 },
                  s:getsockopt("ICMP_FILTER"))
    end)
  end)

  it("of ICMPv6 has one for each of 256", function()
    with("inet6", "raw", "icmpv6", function(s)
      s:setsockopt("ICMP6_FILTER", { 255, "nd_router_advert", 0 })
      local bytes = s:getsockopt("IPPROTO_ICMPV6", "ICMP6_FILTER", 32)
      local words = { string.unpack(("I4"):rep(8), bytes) }
      assert.equal(0xfffffffe, words[1])
      assert.equal(0xffffffff, words[4])
      assert.equal(~(1 << 134 % 32) & 0xffffffff, words[5])
      assert.equal(0x7fffffff, words[8])
    end)
  end)

  local wrong = {
    { { 32 }, "ICMP_FILTER", "0 to 31" },
    { { -1 }, "ICMP_FILTER", "out of range" },
    { { 256 }, "ICMP6_FILTER", "0 to 255" },
    { { "ecko" }, "ICMP_FILTER", "did you mean 'echo'" },
    { { "echo" }, "ICMP6_FILTER", "unknown type of ICMPv6" },
    { { "echo_reply\0" }, "ICMP6_FILTER", "zero" },
    { { 8, true }, "ICMP_FILTER", "expected, got boolean" },
    { { 0.5 }, "ICMP_FILTER", "no integer representation" },
    { { echo = true }, "ICMP_FILTER", "list of types expected" },
    { "echo", "ICMP_FILTER", "table expected" },
    { 8, "ICMP6_FILTER", "table expected" },
  }

  it("accepts only a list of types", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, row in ipairs(wrong) do
      local value, name, text = table.unpack(row)
      errors.rejected(text, s.setsockopt, s, name, value)
    end
  end)

  it("is one of raw sockets", function()
    local s <close> = sockeye.socket("inet", "stream")
    local err = errors.raised("ENOPROTOOPT", "setsockopt", s.setsockopt, s,
                              "ICMP_FILTER", { "echo" })
    assert.equal("ICMP_FILTER", err.subject)
  end)
end)

describe("option of UDP-Lite", function()
  descriptors.guard()

  it("is a count of bytes", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, count in ipairs { -1, 65536, 1.5 } do
      errors.rejected("bad argument", s.setsockopt, s,
                      "UDPLITE_SEND_CSCOV", count)
    end
  end)
end)

describe("option of vsock", function()
  descriptors.guard()

  it("is at the level AF_VSOCK", function()
    with("vsock", "stream", nil, function(s)
      s:setsockopt("SO_VM_SOCKETS_BUFFER_SIZE", 16384)
      assert.equal(16384, string.unpack("I8", s:getsockopt("AF_VSOCK", 0, 8)))
      assert.equal(16384, string.unpack("I8",
        s:getsockopt(40, "SO_VM_SOCKETS_BUFFER_SIZE", 8)))
      s:setsockopt("AF_VSOCK", 0, string.pack("I8", 8192))
      assert.equal(8192, s:getsockopt("SO_VM_SOCKETS_BUFFER_SIZE"))
    end)
  end)

  it("is never less than zero", function()
    local s <close> = sockeye.socket("inet", "dgram")
    errors.rejected("bad argument", s.setsockopt, s,
                    "SO_VM_SOCKETS_BUFFER_SIZE", -1)
  end)
end)
