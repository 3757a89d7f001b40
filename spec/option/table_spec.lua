-- Each row of the table of options, read, written and refused by its type.

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
  memberships = is_list_of_integers,
  port_range = has_integers("low", "high"),
  meminfo = has_integers("rmem_alloc", "rcvbuf", "sndbuf"),
  txtime = has_integers("clockid", "flags"),
  address = function(v) return type(v.family) == "string" end,
  mtuinfo = is_integer,
  tcp_queue = is "string",
  tcp_repair_window = has_integers("snd_wl1", "rcv_wup"),
  tcp_zerocopy_receive = has_integers("length", "recv_skip_hint"),
  tcp_info = function(v) return type(v.state) == "string" end,
  filter = function(v) return #v == 0 end,
  fanout = function(v) return v.id == 0 and v.type == "hash" end,
  packet_stats = has_integers("packets", "drops"),
  packet_version = is "string",
  rollover_stats = has_integers("all", "huge", "failed"),
  icmp_filter = function(v) return #v % 32 == 0 and #v > 0 end,
  mptcp_info = has_integers("subflows", "token"),
  mptcp_tcpinfo = function(v) return v[1].state == "ESTABLISHED" end,
  mptcp_subflow_addrs = function(v) return v[1].remote.family == "inet" end,
  ip_msfilter = function(v) return v.mode == "exclude" end,
  group_filter = function(v) return v.mode == "exclude" end,
}

-- What an option has to be asked for with.
local questions = {
  ip_msfilter = { group = "239.255.77.1", interface = "lo" },
  group_filter = { group = "239.255.77.1", interface = "lo" },
}

-- Errors that the kernel may have for the reading of an option.
local refusals = {
  PACKET_ROLLOVER_STATS = { EINVAL = "without rollover in a group" },
  TCP_QUEUE_SEQ = { EINVAL = "for a connection under repair" },
  TCP_REPAIR_QUEUE = { EINVAL = "for a connection under repair" },
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
  filter = { { { 6, 0, 0, 0 } }, { { 0x28, 0, 0, 12 }, { 0x15, 0, 1, 0x806 },
                                   { 6, 0, 0, 0xffffffff }, { 6, 0, 0, 0 } } },
  packet_version = { "v1", "v2", "v3" },
  icmp_filter = { { "redirect" }, {}, { 1, "redirect", 6, 31 } },
  counter = { 8192 },
  ip_msfilter = {
    { group = "239.255.77.1", interface = "lo", mode = "exclude",
      sources = { "192.0.2.1", "192.0.2.2" } },
  },
}
samples_of_type.group_filter = samples_of_type.ip_msfilter

local samples_of_option = {
  SO_BINDTODEVICE = { "lo", "" },
  SO_INCOMING_CPU = { 0 },
  SO_LOCK_FILTER = { true },
  SO_MAX_PACING_RATE = string.packsize "T" == 4 and { 1, 1 << 31 } or
    { 1, 1 << 31, (1 << 40) + 1, -1 },
  SO_TIMESTAMPING = { "rx_software software", "" },
  SO_TXREHASH = { 0, 1 },
  SO_VM_SOCKETS_CONNECT_TIMEOUT = { 2.5 },
  PACKET_TIMESTAMP = { "software", "raw_hardware", "" },
  IP_OPTIONS = { "\1\1\1\1", "" },
  IPV6_ADDR_PREFERENCES = { "public home", "tmp home" },
  IPV6_CHECKSUM = { 2, -1 },
  IPV6_DSTOPTS = { "\0\0\1\4\0\0\0\0" },
  IPV6_HOPOPTS = { "\0\0\1\4\0\0\0\0" },
  IPV6_RTHDRDSTOPTS = { "\0\0\1\4\0\0\0\0" },
  IPV6_TCLASS = { 0xfc, 0 },
  ICMP6_FILTER = { { "echo_reply" }, {}, { 0, "nd_redirect", 255 } },
  ICMPV6_FILTER = { { "echo_reply" }, {}, { 0, "nd_redirect", 255 } },
  TCP_CONGESTION = { "reno" },
  TCP_DEFER_ACCEPT = { 1, 3, 0 },
  TCP_DELACK_MAX_US = { 100000, 60000 },
  TCP_FASTOPEN_KEY = { ("k"):rep(16) },
  TCP_MAXSEG = { 600, 1400 },
  TCP_REPAIR = { 1, 0 },
  TCP_RTO_MAX_MS = { 5000, 60000 },
  TCP_RTO_MIN_US = { 100000, 60000 },
  TCP_WINDOW_CLAMP = { 65536, 131072 },
  UDPLITE_RECV_CSCOV = { 8, 65535, 0 },
  UDPLITE_SEND_CSCOV = { 8, 65535, 0 },
}

-- Readable and writable, and yet not what was written.
local exceptions = {
  PACKET_FANOUT = "a socket joins a group once",
  SO_RCVBUF = "the kernel doubles it",
  SO_SNDBUF = "the kernel doubles it",
  SO_RESERVE_MEM = "needs a memory cgroup",
  IPV6_MTU = "reads the path's, writes the limit of fragments",
  IPV6_ROUTER_ALERT = "the kernel returns the socket's, which has to be -1",
  IPV6_RTHDR = "needs segment routing or mobile IPv6",
  TCP_QUEUE_SEQ = "for a connection under repair",
  TCP_REPAIR_QUEUE = "for a connection under repair",
  TCP_REPAIR_WINDOW = "for a connection under repair",
  TCP_THIN_DUPACK = "without effect since Linux 4.11",
  TCP_TIMESTAMP = "for a connection under repair",
  TCP_ULP = "needs the module of such a protocol",
  UDP_ENCAP = "the kernel takes over what is received",
}

-- A filter is of a group that has been joined.
local function join(s, option)
  local group = questions[option.type]
  if group then s:setsockopt("MCAST_JOIN_GROUP", group) end
end

local function round_trip(s, option)
  join(s, option)
  local samples = samples_of_option[option.name] or
    samples_of_type[option.type]
  assert.is_table(samples, "no samples for " .. option.type)
  for _, sample in ipairs(samples) do
    local done, reason = attempt(option, s.setsockopt, s, option.name, sample)
    if not done then return reason end
    done, reason = attempt(option, s.getsockopt, s, option.name,
                           questions[option.type])
    if not done then return reason end
    assert.same(sample, reason)
  end
end

describe("option", function()
  descriptors.guard()

  it("is known though the C library's headers are older", function()
    local known = {}
    for _, option in ipairs(sockeye.options()) do known[option.name] = true end
    assert.is_true(known.SO_PASSPIDFD)
    assert.is_true(known.SO_PASSRIGHTS)
    assert.is_true(known.SO_RCVPRIORITY)
  end)

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
          join(s, option)
          local ok, value = attempt(option, s.getsockopt, s, option.name,
                                    questions[option.type])
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
      it("rejects values of other types: " .. option.name, function()
        local s <close> = sockeye.socket("inet", "dgram")
        for _, value in ipairs { print, s, { {} } } do
          errors.rejected("bad argument", s.setsockopt, s, option.name, value)
        end
        errors.rejected("bad argument", s.setsockopt, s, option.name)
        errors.rejected("bad argument", s.setsockopt, s, option.name, nil)
      end)
    end
  end
end)
