-- Raw sockets, ping sockets and UDP-Lite: what goes out as the script made it,
-- and what the kernel adds and takes away.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local remote = require "spec.support.remote"
local unprivileged = require "spec.support.unprivileged"

local limit <const> = 20

-- Runs f with a socket of each protocol; a reason where one cannot be had.
local function with(kinds, f)
  local sockets = {}
  local _ <close> = setmetatable({}, { __close = function()
    for _, s in ipairs(sockets) do s:close() end
  end })
  for i, kind in ipairs(kinds) do
    local ok, s = pcall(sockeye.socket, table.unpack(kind))
    if not ok then
      assert.is_true(sockeye.is_error(s))
      return pending(("no socket of %s here: %s"):format(
        table.concat(kind, " "), s.code))
    end
    sockets[i] = s:settimeout(limit)
  end
  f(table.unpack(sockets))
end

local function echo_request(type, id, sequence, data)
  local head = string.pack(">BBI2I2I2", type, 0, 0, id, sequence)
  local sum = sockeye.checksum(head .. data)
  return string.pack(">BBI2I2I2", type, 0, sum, id, sequence) .. data
end

-- Every raw socket of a host gets what all of them get: what is ours has the
-- number of this process.
local own_id <const> = sockeye.getpid() & 0xffff

describe("raw ICMP", function()
  descriptors.guard()

  local raw4 <const> = { "inet", "raw", "icmp" }
  local raw6 <const> = { "inet6", "raw", "icmpv6" }

  -- The next message of this id: its header (of IPv4), and it.
  local function next_of(s, id)
    while true do
      local packet, from = s:recvfrom(2048)
      local size = s:getsockopt("SO_DOMAIN") == "inet" and
        (packet:byte(1) & 15) * 4 or 0
      local message = packet:sub(size + 1)
      if #message >= 8 and string.unpack(">I2", message, 5) == id then
        return packet:sub(1, size), message, from
      end
    end
  end

  it("is echoed with a header of IPv4 before it", function()
    with({ raw4 }, function(s)
      local id, data = own_id, ("data"):rep(14)
      s:setsockopt("ICMP_FILTER", { "echoreply" })
      s:sendto(echo_request(8, id, 7, data), "127.0.0.1:0")
      local header, message, from = next_of(s, id)
      assert.equal("127.0.0.1:0", tostring(from))
      assert.equal(0, sockeye.checksum(header))
      assert.equal(sockeye.IPPROTO_ICMP, header:byte(10))
      assert.equal(0, sockeye.checksum(message))
      assert.equal(string.pack(">BB", 0, 0), message:sub(1, 2))
      assert.equal(string.pack(">I2I2", id, 7) .. data, message:sub(5))
    end)
  end)

  it("is not answered with a wrong checksum", function()
    with({ raw4 }, function(s)
      local id = own_id
      s:setsockopt("ICMP_FILTER", { "echoreply" })
      local request = echo_request(8, id, 1, "wrong")
      s:sendto(request:sub(1, -2) .. "h", "127.0.0.1:0")
      s:sendto(echo_request(8, id, 2, "right"), "127.0.0.1:0")
      local _, message = next_of(s, id)
      assert.equal("right", message:sub(9))
    end)
  end)

  it("arrives without the IPv6 header; the kernel adds its checksum",
     function()
    with({ raw6 }, function(s)
      local id = own_id
      s:setsockopt("ICMP6_FILTER", { "echo_reply" })
      s:sendto(string.pack(">BBI2I2I2", 128, 0, 0, id, 9) .. "six", "[::1]:0")
      local _, message, from = next_of(s, id)
      assert.equal("::1", from.host)
      assert.equal(129, message:byte(1))
      assert.equal("six", message:sub(9))
      local address = sockeye.inet6("::1"):pack():sub(9, 24)
      local pseudo = address .. address ..
        string.pack(">I4I4", #message, sockeye.IPPROTO_ICMPV6)
      assert.equal(0, sockeye.checksum(message, sockeye.checksum(pseudo)))
    end)
  end)

  it("arrives only in the types that the filter passes", function()
    local rows = {
      { raw4, "ICMP_FILTER", "127.0.0.1:0", 8, { "echo" }, { 8 } },
      { raw4, "ICMP_FILTER", "127.0.0.1:0", 8, { 0 }, { 0 } },
      { raw4, "ICMP_FILTER", "127.0.0.1:0", 8, { 0, 8 }, { 8, 0 } },
      { raw6, "ICMP6_FILTER", "[::1]:0", 128, { "echo_request" }, { 128 } },
      { raw6, "ICMP6_FILTER", "[::1]:0", 128, { 129 }, { 129 } },
    }
    for _, row in ipairs(rows) do
      local kind, option, to, request, passing, wanted = table.unpack(row)
      with({ kind }, function(s)
        s:setsockopt(option, passing)
        local id = own_id
        for sequence = 1, 2 do
          s:sendto(echo_request(request, id, sequence, ""), to)
        end
        for sequence = 1, 2 do
          for _, type in ipairs(wanted) do
            local _, message = next_of(s, id)
            assert.equal(type, message:byte(1))
            assert.equal(sequence, (string.unpack(">I2", message, 7)))
          end
        end
      end)
    end
  end)
end)

describe("a raw protocol of IPv6", function()
  descriptors.guard()

  -- RFC 3692 leaves it to experiments.
  local kind <const> = { "inet6", "raw", 253 }
  local tail <const> = "\0\0" .. string.pack(">I2", own_id) .. "rest of it"

  local function next_of(s)
    local data
    repeat data = s:recv(99) until data:sub(7) == tail:sub(3)
    return data
  end

  it("gets its checksum at the offset that IPV6_CHECKSUM sets", function()
    with({ kind, kind }, function(s, r)
      s:setsockopt("IPV6_CHECKSUM", 4)
      s:sendto("abcd" .. tail, "[::1]:0")
      local data = next_of(r)
      local address = sockeye.inet6("::1"):pack():sub(9, 24)
      local pseudo = address .. address .. string.pack(">I4I4", #data, 253)
      assert.equal("abcd", data:sub(1, 4))
      assert.are_not.equal("\0\0", data:sub(5, 6))
      assert.equal(0, sockeye.checksum(data, sockeye.checksum(pseudo)))
    end)
  end)

  it("does not arrive with a wrong checksum", function()
    with({ kind, kind, kind }, function(s, checking, trusting)
      checking:setsockopt("IPV6_CHECKSUM", 4)
      s:sendto("lack" .. tail, "[::1]:0")
      s:setsockopt("IPV6_CHECKSUM", 4)
      s:sendto("with" .. tail, "[::1]:0")
      assert.equal("lack", next_of(trusting):sub(1, 4))
      assert.equal("with", next_of(trusting):sub(1, 4))
      assert.equal("with", next_of(checking):sub(1, 4))
    end)
  end)

  it("accepts even offsets only", function()
    with({ kind }, function(s)
      errors.raised("EINVAL", "setsockopt", s.setsockopt, s, "IPV6_CHECKSUM",
                    3)
      assert.equal(-1, s:getsockopt("IPV6_CHECKSUM"))
    end)
  end)
end)

describe("UDP-Lite", function()
  descriptors.guard()

  local lite <const> = { "inet", "dgram", "udplite" }
  local raw <const> = { "inet", "raw", "udplite" }

  it("is received as it was sent", function()
    with({ lite, lite }, function(s, r)
      r:bind("127.0.0.1:0")
      s:setsockopt("UDPLITE_SEND_CSCOV", 12)
      s:connect(r:getsockname())
      s:send("head and tail")
      local data, from = r:recvfrom(99)
      assert.equal("head and tail", data)
      assert.equal(s:getsockname(), from)
      assert.equal("udplite", s:getsockopt("SO_PROTOCOL"))
    end)
  end)

  it("has in its header how much the checksum covers", function()
    with({ lite, raw, lite }, function(s, all, r)
      r:bind("127.0.0.1:0")
      s:setsockopt("UDPLITE_SEND_CSCOV", 12)
      s:sendto("headtail", r:getsockname())
      repeat
        local packet = all:recv(99):sub(21)
        local _, to, coverage = string.unpack(">I2I2I2", packet)
        if to == r:getsockname().port then assert.equal(12, coverage) end
      until to == r:getsockname().port
    end)
  end)

  -- A datagram from 127.0.0.1 to itself, the checksum being over `coverage`.
  local function datagram(port, coverage, data)
    local size = #data + 8
    local head = string.pack(">I2I2I2I2", 9, port, coverage, 0)
    local pseudo = "\127\0\0\1\127\0\0\1" .. string.pack(">I2I2", 136, size)
    local covered = (head .. data):sub(1, coverage == 0 and -1 or coverage)
    local sum = sockeye.checksum(pseudo .. covered)
    return head:sub(1, 6) .. string.pack(">I2", sum) .. data
  end

  it("arrives with a tail that was damaged on the way", function()
    with({ raw, lite }, function(s, r)
      local port = r:bind("127.0.0.1:0"):getsockname().port
      local function damaged(coverage)
        local packet = datagram(port, coverage, "head tail")
        return packet:sub(1, -2) .. "?"
      end
      s:sendto(damaged(0), "127.0.0.1:0")
      s:sendto(damaged(17), "127.0.0.1:0")
      s:sendto(damaged(12), "127.0.0.1:0")
      assert.equal("head tai?", r:recv(99))
    end)
  end)

  it("is dropped if less is covered than the receiver requires", function()
    with({ raw, lite }, function(s, r)
      local port = r:bind("127.0.0.1:0"):getsockname().port
      r:setsockopt("UDPLITE_RECV_CSCOV", 16)
      s:sendto(datagram(port, 15, "too little"), "127.0.0.1:0")
      s:sendto(datagram(port, 16, "just enough"), "127.0.0.1:0")
      s:sendto(datagram(port, 0, "all of it"), "127.0.0.1:0")
      assert.equal("just enough", r:recv(99))
      assert.equal("all of it", r:recv(99))
    end)
  end)
end)

-- The source is one that neither host has.
local spoof_script = [[
local sockeye = require "sockeye"
local remote = require("spec.support.remote").connect(arg[1])
local family, peer, source, protocol = table.unpack(arg, 2, 5)
local v6 = family == "inet6"
local make = v6 and sockeye.inet6 or sockeye.inet

local function bytes_of(host)
  local packed = make(host, 0):pack()
  return v6 and packed:sub(9, 24) or packed:sub(5, 8)
end

local function ip(data)
  if v6 then
    return string.pack(">I4I2BB", 0x60000000, #data, 17, 9) ..
      bytes_of(source) .. bytes_of(peer) .. data
  end
  return string.pack(">BBI2I2I2BBI2", 0x45, 0, 20 + #data, 0, 0, 9, 17, 0) ..
    bytes_of(source) .. bytes_of(peer) .. data
end

local function udp(port, data)
  local size = 8 + #data
  local head = string.pack(">I2I2I2", 4321, port, size)
  local pseudo = bytes_of(source) .. bytes_of(peer) ..
    (v6 and string.pack(">I4I4", size, 17) or string.pack(">I2I2", 17, size))
  local sum = sockeye.checksum(pseudo .. head .. "\0\0" .. data)
  return head .. string.pack(">I2", sum) .. data
end

local port = remote(("r = sockeye.socket(%q, 'dgram'):settimeout(20) " ..
  "r:bind(sockeye.%s(%q, 0)) return r:getsockname().port"):format(
  family, v6 and "inet6" or "inet", peer))
local s = sockeye.socket(family, "raw", protocol)
local option = v6 and "IPV6_HDRINCL" or "IP_HDRINCL"
if protocol ~= "raw" then s:setsockopt(option, true) end
assert(s:getsockopt(option))
s:sendto(ip(udp(math.tointeger(port), "not from here")), make(peer, 0))
io.write(remote "data, from = r:recvfrom(99) return data .. ' ' .. from.host")
]]

describe("a header of the script's own", function()
  descriptors.guard()

  local rows = {
    { "inet", "address", "10.77.0.99", "raw" },
    { "inet", "address", "10.77.0.99", "udp" },
    { "inet6", "address6", "fd00:77::99", "raw" },
    { "inet6", "address6", "fd00:77::99", "udp" },
  }

  for _, row in ipairs(rows) do
    local family, field, source, protocol = table.unpack(row)
    it(("can have any source: %s %s #namespace"):format(family, protocol),
       function()
      netns.with_namespaces(function(ns)
        assert.equal("not from here " .. source,
          remote.run(ns.a, ns.b, spoof_script,
                     { family, ns.b[field], source, protocol }))
      end)
    end)
  end
end)

-- A socket that sends echo requests without any privilege.
local ping_script = [[
local sockeye = require "sockeye"
local family, protocol, request, host = table.unpack(arg)
local ok, s = pcall(sockeye.socket, family, "dgram", protocol)
if not ok then
  print(s.code, s.call)
  return
end
local to = (family == "inet6" and sockeye.inet6 or sockeye.inet)(host, 0)
s:settimeout(20)
s:sendto(string.pack(">BBI2I2I2", request, 0, 0, 0xdead, 5) .. "ping", to)
local reply, from = s:recvfrom(99)
local type, code, _, id, sequence = string.unpack(">BBI2I2I2", reply)
assert(id == s:getsockname().port)
print(type, code, sequence, reply:sub(9), from.host)
]]

describe("ping socket", function()
  descriptors.guard()

  it("is open to the groups that the system allows #namespace", function()
    netns.with_namespaces(function(ns)
      local kinds = {
        { { "inet", "icmp", "8", "127.0.0.1" }, "0\t0\t5\tping\t127.0.0.1\n" },
        { { "inet", "icmp", "8", ns.b.address },
          "0\t0\t5\tping\t" .. ns.b.address .. "\n" },
        { { "inet6", "icmpv6", "128", "::1" }, "129\t0\t5\tping\t::1\n" },
        { { "inet6", "icmpv6", "128", ns.b.address6 },
          "129\t0\t5\tping\t" .. ns.b.address6 .. "\n" },
      }
      local function set(range)
        ns.a:must(("echo '%s' >/proc/sys/net/ipv4/ping_group_range"):format(
          range))
      end
      for _, kind in ipairs(kinds) do
        set "1 0"
        local result = ns.a:lua(ping_script, { args = kind[1] })
        assert.equal("EACCES\tsocket\n", result.stdout .. result.stderr)
        set "0 2147483647"
        result = ns.a:lua(ping_script, { args = kind[1] })
        assert.equal(kind[2], result.stdout .. result.stderr)
      end
    end)
  end)
end)

describe("raw socket without privilege", function()
  descriptors.guard()

  it("raises EPERM from the call that asked for it", function()
    local script = [[
      local sockeye = require "sockeye"
      for _, family in ipairs { "inet", "inet6" } do
        local ok, err = pcall(sockeye.socket, family, "raw", "udp")
        print(ok, err.code, err.call)
      end
    ]]
    local result, reason = unprivileged.lua(script)
    if not result then return pending(reason) end
    assert.equal("", result.stderr)
    assert.equal(("false\tEPERM\tsocket\n"):rep(2), result.stdout)
  end)
end)
