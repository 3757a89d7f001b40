-- Addresses of the families that have a file of their own: what holds for all.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local makers = {
  packet = function(random)
    local length = math.random(0, 8)
    local octets = random(length) .. ("\0"):rep(8 - length)
    return string.pack("=H c2 c4 H B B c8", sockeye.AF_PACKET, random(2),
                       random(4), math.random(0, 65535), math.random(0, 255),
                       length, octets)
  end,
  ["long packet"] = function(random)
    local length = math.random(9, 116)
    return string.pack("=H c2 c4 H B B", sockeye.AF_PACKET, random(2),
                       random(4), math.random(0, 65535), math.random(0, 255),
                       length) .. random(length)
  end,
  netlink = function(random)
    return string.pack("=H H c4 c4", sockeye.AF_NETLINK, 0, random(4),
                       random(4))
  end,
  vsock = function(random)
    return string.pack("=H H c4 c4 c4", sockeye.AF_VSOCK, 0, random(4),
                       random(4), "\0\0\0\0")
  end,
  can = function(random)
    local tail = { "", random(8), random(13) .. "\0\0\0" }
    return string.pack("=H H c4", sockeye.AF_CAN, 0, random(4)) ..
      tail[math.random(3)]
  end,
  alg = function(random)
    local function text(size)
      local bytes = random(math.random(0, size - 1)):gsub("\0.*", "")
      return bytes .. ("\0"):rep(size - #bytes)
    end
    return string.pack("=H c14 c4 c4 c64", sockeye.AF_ALG, text(14),
                       random(4), random(4), text(64))
  end,
  tipc = function(random)
    local kind = math.random(0, 255)
    return string.pack("=H B c1 c8 c4", sockeye.AF_TIPC, kind, random(1),
                       random(8), kind == 3 and "" or random(4))
  end,
  ["known tipc"] = function(random)
    local kind = math.random(1, 3)
    return string.pack("=H B b c8 c4", sockeye.AF_TIPC, kind,
                       math.random(-3, 3), random(8),
                       kind == 3 and "" or random(4))
  end,
}

local function random_bytes(n)
  local bytes = {}
  for i = 1, n do bytes[i] = string.char(math.random(0, 255)) end
  return table.concat(bytes)
end

-- Whether the structure and its text give the same address.
local function reads_back(bytes)
  local a = sockeye.unpack(bytes)
  local again = sockeye.address(tostring(a))
  return a:pack() == bytes and a.bytes == bytes:sub(3) and
    tostring(again) == tostring(a) and again:pack() == bytes and
    again == a and again:key() == a:key()
end

describe("an address of another family", function()
  descriptors.guard()

  for name, make in pairs(makers) do
    it("reads back whatever is in the structure: " .. name, function()
      math.randomseed(7)
      for _ = 1, 500 do
        local bytes = make(random_bytes)
        assert.is_true(reads_back(bytes), ("%q"):format(bytes))
      end
    end)
  end

  -- No two of these are equal.
  local distinct = {
    sockeye.packet(), sockeye.packet(1), sockeye.packet(nil, "ip"),
    sockeye.packet(nil, "arp"),
    sockeye.packet(nil, nil, { address = "\0" }),
    sockeye.packet(nil, nil, { address = "\0\0" }),
    sockeye.packet(nil, nil, { hatype = "ether" }),
    sockeye.packet(nil, nil, { pkttype = "outgoing" }),
    sockeye.netlink(), sockeye.netlink(1), sockeye.netlink(0, 1),
    sockeye.vsock("any", "any"), sockeye.vsock("any", 0),
    sockeye.vsock(0, "any"), sockeye.vsock(0, 0), sockeye.inet(),
    sockeye.can(), sockeye.can(1), sockeye.can(1, { rx_id = 0 }),
    sockeye.can(1, { rx_id = 1 }), sockeye.can(1, { tx_id = 1 }),
    sockeye.can(1, { addr = 0 }), sockeye.can(1, { addr = 1 }),
    sockeye.alg("hash", "sha256"), sockeye.alg("hash", "sha1"),
    sockeye.alg("hash", "sha256", { feat = 1 }),
    sockeye.alg("hash", "sha256", { mask = 1 }),
    sockeye.tipc("id", { ref = 1, node = 2 }),
    sockeye.tipc("name", { type = 1, instance = 2 }),
    sockeye.tipc("name", { type = 1, instance = 2, scope = "node" }),
    sockeye.tipc("nameseq", { type = 1, lower = 2, upper = 2 }),
  }

  it("is equal to itself made again, and to no other", function()
    for i, a in ipairs(distinct) do
      for j, b in ipairs(distinct) do
        local again = sockeye.unpack(b:pack())
        assert.equal(i == j, a == again)
        assert.equal(i == j, a:key() == again:key())
      end
    end
  end)

  it("is immutable, and of the type of all addresses", function()
    for _, a in ipairs(distinct) do
      assert.equal("sockeye.Address", getmetatable(a))
      errors.rejected("immutable", function() a.port = 1 end)
      assert.is_true(rawequal(a, a:unmap()))
      assert.is_true(rawequal(a, sockeye.address(a)))
    end
  end)

  it("has the fields of its family alone", function()
    local fields = {
      packet = { "interface", "ifindex", "protocol", "hatype", "pkttype",
                 "address" },
      netlink = { "pid", "groups" },
      vsock = { "cid", "port" },
      can = { "interface", "ifindex", "rx_id", "tx_id" },
      alg = { "type", "name", "feat", "mask" },
      tipc = { "addrtype", "scope", "type", "lower", "upper" },
      inet = { "host", "port" },
    }
    local full = {
      packet = sockeye.packet("lo", "ip", { address = "\1" }),
      netlink = sockeye.netlink(), vsock = sockeye.vsock(1, 1),
      can = sockeye.can("lo", { rx_id = 1 }), alg = sockeye.alg("a", "b"),
      tipc = sockeye.tipc("nameseq", { type = 1, lower = 1 }),
      inet = sockeye.inet(),
    }
    for family, a in pairs(full) do
      local own = {}
      for _, name in ipairs(fields[family]) do own[name] = true end
      for _, names in pairs(fields) do
        for _, name in ipairs(names) do
          assert.equal(own[name] or false, a[name] ~= nil,
                       family .. " " .. name)
        end
      end
      assert.equal(family, a.family)
      assert.is_nil(a.path)
      assert.is_nil(a.scope_id)
      assert.is_nil(a[1])
    end
  end)

  local rejected = {
    { "a packet address cut short", sockeye.packet():pack():sub(1, 19) },
    { "a packet address without anything", "\17\0" },
    { "fewer octets than its length says",
      string.pack("=H c9 B c8", sockeye.AF_PACKET, "", 9, "12345678") },
    { "more octets than fit",
      string.pack("=H c9 B c116", sockeye.AF_PACKET, "", 255, "") },
    { "a netlink address cut short", sockeye.netlink():pack():sub(1, 11) },
    { "a vsock address cut short", sockeye.vsock(1, 1):pack():sub(1, 15) },
    { "a CAN address cut short", sockeye.can():pack():sub(1, 7) },
    { "an algorithm cut short", sockeye.alg("a", "b"):pack():sub(1, 87) },
    { "a TIPC address cut short",
      sockeye.tipc("id", { ref = 1, node = 1 }):pack():sub(1, 15) },
  }

  for _, case in ipairs(rejected) do
    it("is not made of " .. case[1], function()
      errors.rejected("bad argument #1.*too short", sockeye.unpack, case[2])
    end)
  end

  it("has zeros where a field has no meaning", function()
    local same = {
      { sockeye.packet("lo", "ip", { address = "\1\2" }),
        function(bytes) return bytes:sub(1, 14) .. "xxxxxx" end },
      { sockeye.packet("lo"), function(bytes) return bytes .. "more" end },
      { sockeye.netlink(5, 6),
        function(bytes) return bytes:sub(1, 2) .. "xx" .. bytes:sub(5) end },
      { sockeye.vsock(5, 6),
        function(bytes)
          return bytes:sub(1, 2) .. "xx" .. bytes:sub(5, 13) .. "xxxmore"
        end },
      { sockeye.can(1), function(bytes)
          return bytes:sub(1, 2) .. "xx" .. bytes:sub(5) .. "more"
        end },
      { sockeye.can(1, { addr = 1 }), function(bytes)
          return bytes:sub(1, 21) .. "xxxmore"
        end },
      { sockeye.alg("ab", "cd"), function(bytes)
          return bytes:sub(1, 5) .. "x" .. bytes:sub(7, 28) .. "x" ..
            bytes:sub(30)
        end },
      { sockeye.tipc("id", { ref = 1, node = 2 }), function(bytes)
          return bytes:sub(1, 12) .. "xxxxmore"
        end },
    }
    for _, case in ipairs(same) do
      local bytes = case[1]:pack()
      assert.equal(case[1], sockeye.unpack(case[2](bytes)))
      assert.equal(bytes, sockeye.unpack(case[2](bytes)):pack())
    end
  end)
end)

describe("an address from bytes", function()
  it("has the form that the kernel uses", function()
    local inet = sockeye.inet("127.0.0.1", 80):pack()
    local unix_family = string.pack("=H", sockeye.AF_UNIX)
    local full_path = "/" .. ("p"):rep(107)
    local same = {
      { "127.0.0.1:80", inet:sub(1, 8) .. "xxxxxxxx" },
      { "127.0.0.1:80", inet .. "more" },
      { "[::1]:80", sockeye.inet6("::1", 80):pack() .. "more" },
      { "unix:/a", unix_family .. "/a" },
      { "unix:/a", unix_family .. "/a\0rest" },
      { "unix:/a", unix_family .. "/a\0" .. ("x"):rep(105) },
      { "unix:" .. full_path, unix_family .. full_path },
    }
    for _, case in ipairs(same) do
      local a = sockeye.unpack(case[2])
      assert.equal(sockeye.address(case[1]), a)
      assert.equal(sockeye.address(case[1]):pack(), a:pack())
    end
  end)
end)

describe("an address from the system", function()
  descriptors.guard()

  local names = {
    { "a path", function(folder) return folder .. "/s" end },
    { "a path of 107 bytes", function(folder)
      return folder .. "/" .. ("p"):rep(106 - #folder)
    end },
    { "a path of 108 bytes", function(folder)
      return folder .. "/" .. ("p"):rep(107 - #folder)
    end },
    { "an abstract name", function(folder) return "\0" .. folder end },
    { "an abstract name with zeros", function(folder)
      return "\0" .. folder .. "\0\0x\0"
    end },
    { "an abstract name of 108 bytes", function(folder)
      return "\0" .. folder .. ("n"):rep(107 - #folder)
    end },
  }

  for _, case in ipairs(names) do
    it(("is what was bound: %s"):format(case[1]), function()
      local folder = os.tmpname()
      os.remove(folder)
      os.execute("mkdir " .. folder)
      local path = case[2](folder)
      local s <close> = sockeye.socket("unix", "dgram")
      local bound = s:bind(sockeye.unix(path)):getsockname()
      assert.equal(path, bound.path)
      assert.equal(sockeye.unix(path), bound)
      assert.equal(sockeye.unix(path):key(), bound:key())
      os.execute("rm -r " .. folder)
    end)
  end

  it("is unnamed for a unix socket that was not bound", function()
    local a, b = sockeye.socketpair("unix", "dgram")
    assert.equal(sockeye.unix(), a:getsockname())
    assert.equal(sockeye.unix(), b:getpeername())
    a:close()
    b:close()
  end)

  it("is chosen where the unnamed address is bound", function()
    local s <close> = sockeye.socket("unix", "dgram")
    local path = s:bind(sockeye.unix()):getsockname().path
    assert.matches("^\0%x%x%x%x%x$", path)
  end)
end)
