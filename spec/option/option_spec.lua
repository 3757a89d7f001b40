local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("option", function()
  descriptors.guard()

  local misnamed = {
    SO_REUSEADR = "did you mean 'SO_REUSEADDR'",
    so_reuseaddr = "did you mean 'SO_REUSEADDR'",
    REUSEADDR = "did you mean 'SO_REUSEADDR'",
    nodelay = "did you mean 'TCP_NODELAY'",
    TCP_KEEPIDEL = "did you mean 'TCP_KEEPIDLE'",
    [""] = "unknown option ''",
    ["entirely something else"] = "unknown option",
  }

  for name, pattern in pairs(misnamed) do
    it(("is not %q"):format(name), function()
      local s <close> = sockeye.socket("inet", "stream")
      errors.rejected(pattern, s.getsockopt, s, name)
      errors.rejected(pattern, s.setsockopt, s, name, true)
    end)
  end

  it("has a name", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.rejected("string expected", s.getsockopt, s, 2)
    errors.rejected("string expected", s.getsockopt, s)
    errors.rejected("string expected", s.setsockopt, s, 2, 1)
  end)

  it("returns the socket when written", function()
    local s <close> = sockeye.socket("inet", "stream")
    assert.equal(s, s:setsockopt("SO_REUSEADDR", true))
    assert.equal(s, s:setsockopt("SOL_SOCKET", "SO_REUSEADDR", 0))
  end)

  it("is named in the system's errors", function()
    local s <close> = sockeye.socket("inet", "stream")
    local err = errors.raised("EINVAL", "setsockopt", s.setsockopt, s,
                              "IP_TTL", 1000)
    assert.equal("IP_TTL", err.subject)
    err = errors.raised("EOPNOTSUPP", "getsockopt", s.getsockopt, s,
                        "IPV6_V6ONLY")
    assert.equal("IPV6_V6ONLY", err.subject)
  end)

  it("raises ENOTSOCK from a descriptor that is no socket", function()
    local a, b = sockeye.pipe()
    local err = errors.raised("ENOTSOCK", "getsockopt", a.getsockopt, a,
                              "SO_TYPE")
    assert.equal("SO_TYPE", err.subject)
    a:close()
    b:close()
  end)

  it("raises EBADF from a closed socket", function()
    local s = sockeye.socket("inet", "stream")
    s:close()
    errors.raised("EBADF", "getsockopt", s.getsockopt, s, "SO_TYPE")
    errors.raised("EBADF", "setsockopt", s.setsockopt, s, "SO_DEBUG", true)
  end)
end)

describe("raw option", function()
  descriptors.guard()

  local levels = { "SOL_SOCKET", "socket", sockeye.SOL_SOCKET }

  for _, level in ipairs(levels) do
    it("has a level: " .. tostring(level), function()
      local s <close> = sockeye.socket("inet", "stream")
      s:setsockopt(level, "SO_KEEPALIVE", 1)
      assert.is_true(s:getsockopt("SO_KEEPALIVE"))
      assert.equal(1, s:getsockopt(level, "SO_KEEPALIVE"))
    end)
  end

  it("has a level of the protocol's name", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, level in ipairs { "IPPROTO_TCP", "SOL_TCP", sockeye.IPPROTO_TCP } do
      s:setsockopt(level, "TCP_KEEPCNT", 3)
      assert.equal(3, s:getsockopt(level, "TCP_KEEPCNT"))
    end
    errors.rejected("unknown option level 'SOL_SOCKT'", s.getsockopt, s,
                    "SOL_SOCKT", 1)
    errors.rejected("unknown protocol", s.getsockopt, s, "IPPROTO_X", 1)
  end)

  it("has every number of the table", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, option in ipairs(sockeye.options()) do
      if option.type == "bool" and option.readable then
        local ok, typed = pcall(s.getsockopt, s, option.name)
        local raw_ok, raw = pcall(s.getsockopt, s, option.level, option.number)
        assert.equal(ok, raw_ok)
        if ok then assert.equal(typed, raw ~= 0) end
      end
    end
  end)

  it("has a name only at its own level", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.rejected("'TCP_NODELAY' is at level IPPROTO_TCP", s.getsockopt, s,
                    "SOL_SOCKET", "TCP_NODELAY")
    errors.rejected("did you mean 'TCP_NODELAY'", s.setsockopt, s,
                    "IPPROTO_TCP", "TCP_NODELAI", 1)
  end)

  it("is bytes where a size is given", function()
    local s <close> = sockeye.socket("inet", "stream")
    assert.equal(string.pack("=i4", 0),
                 s:getsockopt("SOL_SOCKET", "SO_KEEPALIVE", 4))
    s:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", string.pack("=i4", 1))
    assert.equal(string.pack("=i4", 1),
                 s:getsockopt("SOL_SOCKET", "SO_KEEPALIVE", 1000))
    s:setsockopt("SOL_SOCKET", "SO_LINGER", string.pack("=i4i4", 1, 7))
    assert.equal(7, s:getsockopt("SO_LINGER"))
    assert.equal(8, #s:getsockopt("IPPROTO_TCP", "TCP_INFO", 8))
    assert.is_true(#s:getsockopt("IPPROTO_TCP", "TCP_INFO", 1 << 20) > 100)
    assert.equal("", s:getsockopt("SOL_SOCKET", "SO_BINDTODEVICE", 16))
  end)

  it("is any integer of an int's size", function()
    local s <close> = sockeye.socket("inet", "stream")
    s:setsockopt("IPPROTO_TCP", "TCP_NOTSENT_LOWAT", 0xffffffff)
    assert.equal(0xffffffff, s:getsockopt("TCP_NOTSENT_LOWAT"))
    assert.equal(-1, s:getsockopt("IPPROTO_TCP", "TCP_NOTSENT_LOWAT"))
    s:setsockopt("IPPROTO_IP", "IP_TTL", -1)
    for _, number in ipairs { 1 << 32, -(1 << 31) - 1, 0.5 } do
      errors.rejected("bad argument", s.setsockopt, s, "IPPROTO_IP", "IP_TTL",
                      number)
    end
    for _, value in ipairs { true, {}, print } do
      errors.rejected("bad argument", s.setsockopt, s, "IPPROTO_IP", "IP_TTL",
                      value)
    end
  end)

  it("has a limited size", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, size in ipairs { -1, (1 << 20) + 1, 0.5, "x" } do
      errors.rejected("bad argument", s.getsockopt, s, "SOL_SOCKET", "SO_TYPE",
                      size)
    end
    errors.rejected("too long", s.setsockopt, s, "SOL_SOCKET", "SO_DEBUG",
                    ("x"):rep((1 << 20) + 1))
  end)

  it("is named by its level and number in an error", function()
    local s <close> = sockeye.socket("inet", "stream")
    local cases = {
      { "getsockopt", "SOL_SOCKET", 9999 }, { "getsockopt", 1, 9999, 4 },
      { "setsockopt", "IPPROTO_TCP", 9999, 1 },
    }
    for _, case in ipairs(cases) do
      local err = errors.raised("ENOPROTOOPT", case[1], s[case[1]], s,
                                table.unpack(case, 2))
      assert.equal(case[2] .. "/" .. case[3], err.subject)
    end
  end)

  it("has levels among the module's constants", function()
    assert.equal(sockeye.IPPROTO_TCP, sockeye.SOL_TCP)
    assert.equal(sockeye.IPPROTO_IPV6, sockeye.SOL_IPV6)
    assert.equal(sockeye.IPPROTO_UDP, sockeye.SOL_UDP)
    assert.equal(sockeye.IPPROTO_IP, sockeye.SOL_IP)
    assert.is_true(math.type(sockeye.SOL_SOCKET) == "integer")
  end)

  -- The kernel says how long the whole list is, however much it has written.
  it("has no more bytes than were asked for", function()
    local s <close> = sockeye.socket("netlink", "raw", "route")
    s:bind(sockeye.netlink())
    s:setsockopt("NETLINK_ADD_MEMBERSHIP", 1)
    for size = 0, 12 do
      local bytes = s:getsockopt("SOL_NETLINK", "NETLINK_LIST_MEMBERSHIPS",
                                 size)
      assert.equal(size < 4 and ("\0"):rep(size) or
                   ("\1" .. ("\0"):rep(11)):sub(1, #bytes), bytes)
      assert.is_true(#bytes <= size)
    end
    assert.same({ 1 }, s:getsockopt "NETLINK_LIST_MEMBERSHIPS")
  end)

  -- Reading the group runs the script's code.
  it("is not read from another socket than its own", function()
    local s <close> = sockeye.socket("inet", "dgram")
    local opened
    local group = setmetatable({ interface = "127.0.0.1" }, {
      __index = function()
        s:close()
        opened = opened or sockeye.socket("inet", "dgram")
        return "239.1.2.3"
      end,
    })
    errors.raised("EBADF", "getsockopt", s.getsockopt, s, "IP_MSFILTER", group)
    opened:close()
  end)
end)
