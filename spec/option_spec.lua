local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local options = require "spec.support.options"

local function is_integer(v) return math.type(v) == "integer" end

local function is_list_of_integers(v)
  for _, n in ipairs(v) do if not is_integer(n) then return false end end
  return true
end

local function has_integers(...)
  local names = { ... }
  return function(v)
    for _, name in ipairs(names) do
      if not is_integer(v[name]) then return false end
    end
    return type(v) == "table"
  end
end

local function is(kind)
  return function(v) return type(v) == kind end
end

-- What getsockopt gives for each type.
local readings = {
  bool = is "boolean",
  int = is_integer,
  uint = function(v) return is_integer(v) and v >= 0 and v <= 0xffffffff end,
  size = function(v) return is_integer(v) and v >= 0 end,
  octet = function(v) return is_integer(v) and v >= 0 and v <= 255 end,
  word = is_integer,
  counter = is_integer,
  seconds = function(v) return math.type(v) == "float" and v >= 0 end,
  linger = function(v) return v == false or is_integer(v) end,
  string = is "string",
  label = is "string",
  bytes = is "string",
  error = function(v) return v == nil or type(v) == "string" end,
  family = is "string",
  type = is "string",
  protocol = is "string",
  discovery = is "string",
  flags = is "string",
  interface = is_integer,
  multicast_if = is "string",
  ucred = has_integers("pid", "uid", "gid"),
  groups = is_list_of_integers,
  port_range = has_integers("low", "high"),
  meminfo = has_integers("rmem_alloc", "rcvbuf", "sndbuf"),
  txtime = has_integers("clockid", "flags"),
  address = function(v) return type(v.family) == "string" end,
  mtuinfo = is_integer,
  tcp_info = function(v) return type(v.state) == "string" end,
}

-- Errors that the kernel may have for the reading of an option.
local refusals = {
  SO_PEERSEC = { ENOPROTOOPT = "without a security module" },
  SO_ORIGINAL_DST = { ENOENT = "not redirected",
                      ENOPROTOOPT = "without connection tracking" },
  IP6T_SO_ORIGINAL_DST = { ENOENT = "not redirected",
                           ENOPROTOOPT = "without connection tracking" },
}

-- What kernels before 6.0 need not know.
local recent = {
  SO_PASSPIDFD = true, SO_PASSRIGHTS = true, SO_RCVMARK = true,
  SO_RCVPRIORITY = true, SO_TXREHASH = true, IP_LOCAL_PORT_RANGE = true,
  TCP_IS_MPTCP = true, TCP_RTO_MAX_MS = true, TCP_RTO_MIN_US = true,
  TCP_DELACK_MAX_US = true,
}

local function is_unknown(option, err)
  return recent[option.name] and
    (err.code == "ENOPROTOOPT" or err.code == "EOPNOTSUPP")
end

-- A call on an option: its result, or nil and the reason to give as pending.
local function attempt(option, f, ...)
  local ok, result = pcall(f, ...)
  if ok then return true, result end
  if not sockeye.is_error(result) then error(result, 0) end
  assert.equal(option.name, result.subject)
  local excuse = refusals[option.name]
  if excuse and excuse[result.code] then return false, nil end
  if is_unknown(option, result) then
    return false, "this kernel does not have " .. option.name
  end
  if result.code == "EPERM" or result.code == "EACCES" then
    return false, option.name .. " needs a privilege"
  end
  error(result, 0)
end

-- What to write, and read back, by type; and where the kernel is choosier.
local samples_of_type = {
  bool = { true, false, true, false },
  int = { 1, 2 },
  uint = { 1, 0xffffffff },
  size = { 1, 4096 },
  octet = { 0x10, 0xfc, 0 },
  word = { 1, 1 << 31, -1 },
  seconds = { 2.5, 0.0 },
  linger = { 5, 0, false },
  discovery = { "dont", "do", "probe", "interface", "omit", "want" },
  interface = { 1, 0 },
  port_range = { { low = 40000, high = 40010 }, { low = 0, high = 0 } },
  txtime = { { clockid = 1, flags = 2 } },
  multicast_if = { "127.0.0.1" },
}

local samples_of_option = {
  SO_BINDTODEVICE = { "lo", "" },
  SO_INCOMING_CPU = { 0 },
  SO_LOCK_FILTER = { true },
  SO_MAX_PACING_RATE = { 1, 1 << 31, (1 << 40) + 1, -1 },
  SO_TIMESTAMPING = { "rx_software software", "" },
  SO_TXREHASH = { 0, 1 },
  IP_OPTIONS = { "\1\1\1\1", "" },
  IPV6_ADDR_PREFERENCES = { "public home", "tmp home" },
  IPV6_CHECKSUM = { 2, -1 },
  IPV6_DSTOPTS = { "\0\0\1\4\0\0\0\0" },
  IPV6_HOPOPTS = { "\0\0\1\4\0\0\0\0" },
  IPV6_RTHDRDSTOPTS = { "\0\0\1\4\0\0\0\0" },
  IPV6_TCLASS = { 0xfc, 0 },
  TCP_CONGESTION = { "reno" },
  TCP_DEFER_ACCEPT = { 1, 3, 0 },
  TCP_DELACK_MAX_US = { 100000, 60000 },
  TCP_FASTOPEN_KEY = { ("k"):rep(16) },
  TCP_MAXSEG = { 600, 1400 },
  TCP_REPAIR = { 1, 0 },
  TCP_RTO_MAX_MS = { 5000, 60000 },
  TCP_RTO_MIN_US = { 100000, 60000 },
  TCP_WINDOW_CLAMP = { 65536, 131072 },
}

-- Readable and writable, and yet not what was written.
local exceptions = {
  SO_RCVBUF = "the kernel doubles it",
  SO_SNDBUF = "the kernel doubles it",
  SO_RESERVE_MEM = "needs a memory cgroup",
  IPV6_MTU = "reads the path's, writes the limit of fragments",
  IPV6_ROUTER_ALERT = "the kernel tells the socket's, which has to be -1",
  IPV6_RTHDR = "needs segment routing or mobile IPv6",
  TCP_THIN_DUPACK = "without effect since Linux 4.11",
  TCP_TIMESTAMP = "for a connection under repair",
  TCP_ULP = "needs the module of such a protocol",
  UDP_ENCAP = "the kernel takes over what is received",
}

local function round_trip(s, option)
  local samples = samples_of_option[option.name] or
    samples_of_type[option.type]
  assert.is_table(samples, "no samples for " .. option.type)
  for _, sample in ipairs(samples) do
    local done, reason = attempt(option, s.setsockopt, s, option.name, sample)
    if not done then return reason end
    done, reason = attempt(option, s.getsockopt, s, option.name)
    if not done then return reason end
    assert.same(sample, reason)
  end
end

describe("option", function()
  descriptors.guard()

  it("is one of at least ninety, each with a name of its own", function()
    local seen = {}
    for _, option in ipairs(sockeye.options()) do
      assert.is_nil(seen[option.name])
      seen[option.name] = true
      assert.is_true(option.readable or option.writable)
      assert.is_true(math.type(option.number) == "integer")
      assert.is_true(math.type(sockeye[option.level]) == "integer")
    end
    assert.is_true(#sockeye.options() >= 90)
  end)

  for _, option in ipairs(sockeye.options()) do
    if option.readable then
      it("can be read: " .. option.name, function()
        local reason
        local fits, why = options.with_socket(option, function(s)
          local ok, value = attempt(option, s.getsockopt, s, option.name)
          if not ok then reason = value return end
          assert.is_function(readings[option.type])
          assert.is_true(readings[option.type](value))
        end)
        if not fits or reason then return pending(reason or why) end
      end)
    else
      it("cannot be read: " .. option.name, function()
        local s <close> = sockeye.socket("inet", "dgram")
        errors.rejected(option.name .. "' can only be written",
                        s.getsockopt, s, option.name)
      end)
    end

    if not option.writable then
      it("cannot be written: " .. option.name, function()
        local s <close> = sockeye.socket("inet", "dgram")
        errors.rejected(option.name .. "' can only be read",
                        s.setsockopt, s, option.name, 1)
      end)
    elseif option.readable and not exceptions[option.name] then
      it("is read as it was written: " .. option.name, function()
        local reason
        local fits, why = options.with_socket(option, function(s)
          reason = round_trip(s, option)
        end)
        if not fits or reason then return pending(reason or why) end
      end)
    end

    if option.writable then
      it("has values of its type alone: " .. option.name, function()
        local s <close> = sockeye.socket("inet", "dgram")
        for _, value in ipairs { print, s, { 1 } } do
          errors.rejected("bad argument", s.setsockopt, s, option.name, value)
        end
        errors.rejected("bad argument", s.setsockopt, s, option.name)
        errors.rejected("bad argument", s.setsockopt, s, option.name, nil)
      end)
    end
  end

  local outside = {
    bool = { 1, 0, "true" },
    int = { 1 << 31, -(1 << 31) - 1, 1.5, true, "many" },
    uint = { -1, 1 << 32, 0.5, true },
    size = { -1, 1 << 31, true },
    octet = { -1, 256, true },
    word = { -2, 1.5, true },
    seconds = { -1, 0 / 0, math.huge, true, "soon" },
    linger = { true, -1, 1 << 31, 1.5, "long" },
    string = { "sixteen bytes, so", "a\0b", true },
    filter = { "", "1234567", ("12345678"):rep(4097), true },
    discovery = { "dunno", "", true, -1 },
    flags = { "rx_sofware", true },
    interface = { "nosuchinterface", -1, 1 << 31, 1.5, true },
    multicast_if = { "nosuchinterface", -1, 1.5, true },
    port_range = { {}, { low = 1 }, { low = 2, high = 1 },
                   { low = 1, high = 65536 }, { low = 1, high = 2, step = 1 },
                   1 },
    txtime = { {}, { clockid = 1 }, { clockid = "x", flags = 0 },
               { clockid = 1, flags = -1 }, { clockid = 1, flags = 0, f = 1 } },
    in6_pktinfo = { {}, { address = "127.0.0.1" }, { address = "::1", x = 1 },
                    { address = "::1", interface = "nosuchinterface" } },
  }

  it("takes nothing that its type has no room for", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, option in ipairs(sockeye.options()) do
      local values = option.writable and outside[option.type] or {}
      for _, value in ipairs(values) do
        errors.rejected("bad argument", s.setsockopt, s, option.name, value)
      end
    end
  end)

  local group_types = {
    ip_mreqn = { group = "239.255.77.1", wrong = "ff02::77" },
    ip_mreq_source = { group = "239.255.77.1", wrong = "ff02::77",
                       source = "127.0.0.1" },
    ipv6_mreq = { group = "ff02::77", wrong = "239.255.77.1" },
    group_req = { group = "239.255.77.1" },
    group_source_req = { group = "239.255.77.1", source = "127.0.0.1" },
  }

  it("tells what is wrong with a multicast group", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, option in ipairs(sockeye.options()) do
      local good = group_types[option.type]
      if good then
        local function refuse(pattern, fields)
          local value = { group = good.group, source = good.source }
          for name, field in pairs(fields) do value[name] = field or nil end
          errors.rejected(pattern, s.setsockopt, s, option.name, value)
        end
        refuse("'group'", { group = false })
        refuse("'group'", { group = "eth0" })
        refuse("'group'", { group = 5 })
        refuse("'group'", { group = sockeye.unix("/x") })
        if good.wrong then refuse("'group'", { group = good.wrong }) end
        refuse("'interface'", { interface = "nosuchinterface" })
        refuse("'interface'", { interface = -1 })
        refuse("'interface'", { interface = 0.5 })
        refuse("did you mean 'interface'", { interfase = "lo" })
        if good.source then
          refuse("'source'", { source = false })
          refuse("'source'", { source = "::1" })
        else
          refuse("unknown field", { source = "127.0.0.1" })
        end
        if option.type == "ip_mreq_source" then
          refuse("'interface'", { interface = 0x7fffffff })
        elseif option.type ~= "ip_mreqn" then
          refuse("'interface'", { interface = "192.0.2.254" })
        end
      end
    end
  end)

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

  it("gives the socket itself when written", function()
    local s <close> = sockeye.socket("inet", "stream")
    assert.equal(s, s:setsockopt("SO_REUSEADDR", true))
    assert.equal(s, s:setsockopt("SOL_SOCKET", "SO_REUSEADDR", 0))
  end)

  it("is named by what the system says of it", function()
    local s <close> = sockeye.socket("inet", "stream")
    local err = errors.raised("EINVAL", "setsockopt", s.setsockopt, s,
                              "IP_TTL", 1000)
    assert.equal("IP_TTL", err.subject)
    err = errors.raised("EOPNOTSUPP", "getsockopt", s.getsockopt, s,
                        "IPV6_V6ONLY")
    assert.equal("IPV6_V6ONLY", err.subject)
  end)

  it("belongs to an open socket", function()
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

  it("has a name of its own level alone", function()
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

  it("has a size within reason", function()
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
end)
