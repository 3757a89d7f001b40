local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"

local full_path <const> = "/" .. ("p"):rep(107)

-- The family as it stands at the start of the structure.
local unix_family <const> = string.pack("=H", sockeye.AF_UNIX)
local strange_family <const> = string.pack("=H", 99)

describe("a printed address", function()
  local cases = {
    { "0.0.0.0:0", sockeye.inet() },
    { "127.0.0.1:80", sockeye.inet("127.0.0.1", 80) },
    { "255.255.255.255:65535", sockeye.inet("255.255.255.255", 65535) },
    { "[::]:0", sockeye.inet6() },
    { "[::1]:80", sockeye.inet6("0:0:0:0:0:0:0:1", 80) },
    { "[::ffff:1.2.3.4]:5", sockeye.inet6("::ffff:1.2.3.4", 5) },
    { "[fe80::1%lo]:80", sockeye.inet6("fe80::1", 80, { scope = "lo" }) },
    { "[fe80::1%lo]:80", sockeye.inet6("fe80::1%lo", 80) },
    { "[fe80::1%4294967295]:80",
      sockeye.inet6("fe80::1", 80, { scope = 4294967295 }) },
    { "[1111:2222:3333:4444:5555:6666:7777:8888%lo]:65535",
      sockeye.inet6("1111:2222:3333:4444:5555:6666:7777:8888%lo", 65535) },
    { "unix:/run/a.sock", sockeye.unix("/run/a.sock") },
    { "unix:" .. full_path, sockeye.unix(full_path) },
    { "unix:@name", sockeye.unix("\0name") },
    { "unix:@a\0\0b\0", sockeye.unix("\0a\0\0b\0") },
    { "unix:@", sockeye.unix("\0") },
    { "unix:", sockeye.unix() },
  }

  for _, case in ipairs(cases) do
    it(("is %q, and read back"):format(case[1]:sub(1, 60)), function()
      assert.equal(case[1], tostring(case[2]))
      assert.equal(case[2], sockeye.address(case[1]))
      assert.equal(case[2]:pack(), sockeye.address(case[1]):pack())
    end)
  end

  it("with a path that begins with @ is another path to the same file",
    function()
      assert.equal("unix:./@a", tostring(sockeye.unix("@a")))
    end)

  it("reads back with interfaces of any name #namespace", function()
    netns.with_namespaces(function(ns)
      for _, name in ipairs { "eth0", "77", "1", "a@b", "[x]", "0x7",
                              "fifteen-letters" } do
        ns.a:must("ip link set dev wire1 down")
        ns.a:must("ip link set dev wire1 name '" .. name .. "'")
        local result = ns.a:lua([[
          local sockeye = require "sockeye"
          local index = sockeye.if_nametoindex(arg[1])
          local a = sockeye.inet6("fe80::1", 80, { scope = index })
          local b = sockeye.address(tostring(a))
          assert(a == b and b.scope_id == index, tostring(a))
        ]], { args = { name } })
        assert.equal("", result.stderr)
        ns.a:must("ip link set dev '" .. name .. "' name wire1")
      end
    end)
  end)

  it("reads back whatever is in the structure", function()
    math.randomseed(7)
    local function random_bytes(n)
      local bytes = {}
      for i = 1, n do bytes[i] = string.char(math.random(0, 255)) end
      return table.concat(bytes)
    end
    local makers = {
      function() return string.pack("=Hc14", sockeye.AF_INET,
                                    random_bytes(14)) end,
      -- Without a flow, which is not printed.
      function() return string.pack("=Hc2I4c20", sockeye.AF_INET6,
                                    random_bytes(2), 0, random_bytes(20)) end,
      function()
        return unix_family .. "\0" .. random_bytes(math.random(0, 107))
      end,
      function()
        return unix_family .. "/" .. random_bytes(math.random(0, 107))
      end,
    }
    for i = 1, 2000 do
      local a = sockeye.unpack(makers[i % #makers + 1]())
      local again = sockeye.address(tostring(a))
      assert.equal(a, again)
      assert.equal(a:pack(), again:pack())
      assert.equal(a, sockeye.unpack(a:pack()))
    end
  end)

  it("leaves out the flow", function()
    local a = sockeye.inet6("::1", 80, { flowinfo = 7 })
    assert.equal("[::1]:80", tostring(a))
  end)
end)

describe("equality of addresses", function()
  -- No two of these are equal.
  local distinct = {
    sockeye.inet(), sockeye.inet("0.0.0.0", 1), sockeye.inet("0.0.0.1"),
    sockeye.inet6(), sockeye.inet6("::", 1), sockeye.inet6("::1"),
    sockeye.inet6("::", 0, { flowinfo = 1 }),
    sockeye.inet6("::", 0, { scope = 1 }), sockeye.inet6("::", 0,
      { scope = 1 << 31 }),
    sockeye.inet6("::ffff:0.0.0.0"), sockeye.unix(), sockeye.unix("a"),
    sockeye.unix("\0a"), sockeye.unix("\0a\0"), sockeye.unix("\0"),
    sockeye.unix("\0\0"), sockeye.unix("./a"), sockeye.unix(full_path),
    sockeye.unix(full_path:sub(1, -2)), sockeye.unpack("\0\0"),
    sockeye.unpack(strange_family), sockeye.unpack(strange_family .. "\0"),
  }

  it("holds for the same address made twice, and no other", function()
    for i, a in ipairs(distinct) do
      for j, b in ipairs(distinct) do
        local again = sockeye.unpack(b:pack())
        assert.equal(i == j, a == again)
        assert.equal(i == j, a:key() == again:key())
        assert.equal(i ~= j, a ~= again)
      end
    end
  end)

  it("does not hold for values that are no addresses", function()
    local a = sockeye.inet()
    for _, value in ipairs { "0.0.0.0:0", 0, true, {}, io.stdout, print } do
      assert.is_false(a == value)
      assert.is_false(value == a)
    end
  end)

  it("is equality of keys, which are for tables", function()
    local seen = {}
    seen[sockeye.inet("127.0.0.1", 80):key()] = "here"
    assert.equal("here", seen[sockeye.address("127.0.0.1:80"):key()])
    assert.is_nil(seen[sockeye.address("127.0.0.1:81"):key()])
    assert.equal("string", type(sockeye.inet():key()))
  end)

  it("holds for addresses that the system returns", function()
    local s <close> = sockeye.socket("inet", "dgram")
    s:bind("127.0.0.1:0")
    local a = s:getsockname()
    assert.equal(sockeye.inet("127.0.0.1", a.port), a)
    assert.equal(sockeye.inet("127.0.0.1", a.port):key(), a:key())
    local s6 <close> = sockeye.socket("inet6", "dgram")
    assert.equal(sockeye.inet6(), s6:getsockname())
  end)
end)

describe("an address", function()
  local addresses = {
    inet = sockeye.inet("127.0.0.1", 80), inet6 = sockeye.inet6("::1", 80),
    unix = sockeye.unix("/a"), unnamed = sockeye.unix(),
    other = sockeye.unpack(strange_family .. "abc"),
    family = sockeye.unpack("\0\0"),
  }

  it("is immutable", function()
    for _, a in pairs(addresses) do
      local before = a:pack()
      for _, field in ipairs { "port", "host", "family", "path", "pack",
                               "new", 1 } do
        errors.rejected("an address is immutable", function()
          a[field] = 1
        end)
      end
      assert.equal(before, a:pack())
    end
  end)

  it("has no other fields", function()
    for _, a in pairs(addresses) do
      for _, field in ipairs { 1, 1.5, true, {}, print } do
        assert.is_nil(a[field])
      end
      for _, field in ipairs { "ports", "" } do
        errors.rejected("unknown field", function() return a[field] end)
      end
    end
  end)

  it("returns itself from unmapped if it is not v4-mapped", function()
    for _, a in pairs(addresses) do
      assert.is_true(rawequal(a, a:unmap()))
    end
  end)
end)

describe("what kind of address", function()
  local kinds = { "any", "loopback", "multicast", "link_local", "private",
                  "v4mapped" }

  -- Host, and the kinds that hold for it. Both sides of each boundary.
  local cases = {
    { "0.0.0.0", "any" }, { "0.0.0.1" }, { "1.0.0.0" }, { "9.255.255.255" },
    { "10.0.0.0", "private" }, { "10.255.255.255", "private" },
    { "11.0.0.0" }, { "126.255.255.255" }, { "127.0.0.0", "loopback" },
    { "127.0.0.1", "loopback" }, { "127.255.255.255", "loopback" },
    { "128.0.0.0" }, { "169.253.255.255" }, { "169.254.0.0", "link_local" },
    { "169.254.255.255", "link_local" }, { "169.255.0.0" },
    { "172.15.255.255" }, { "172.16.0.0", "private" },
    { "172.31.255.255", "private" }, { "172.32.0.0" },
    { "192.167.255.255" }, { "192.168.0.0", "private" },
    { "192.168.255.255", "private" }, { "192.169.0.0" },
    { "223.255.255.255" }, { "224.0.0.0", "multicast" },
    { "239.255.255.255", "multicast" }, { "240.0.0.0" },
    { "255.255.255.255" },
    { "::", "any" }, { "::1", "loopback" }, { "::2" }, { "1::" },
    { "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" }, { "fc00::", "private" },
    { "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private" }, { "fe00::" },
    { "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "fe80::", "link_local" },
    { "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link_local" },
    { "fec0::" }, { "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    { "ff00::", "multicast" },
    { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast" },
    { "::ffff:0.0.0.0", "v4mapped" }, { "::ffff:127.0.0.1", "v4mapped" },
    { "::ffff:10.0.0.1", "v4mapped" }, { "::fffe:1.2.3.4" },
    { "::1:ffff:1.2.3.4" }, { "::127.0.0.1" },
  }

  for _, case in ipairs(cases) do
    local host = case[1]
    it(("%s is: %s"):format(host, case[2] or "no special one"), function()
      local make = host:find(":", 1, true) and sockeye.inet6 or sockeye.inet
      local a = make(host, 1)
      for _, kind in ipairs(kinds) do
        assert.equal(kind == case[2], a["is_" .. kind](a), kind)
      end
    end)
  end

  it("is none for other families", function()
    for _, a in ipairs { sockeye.unix(), sockeye.unix("/a"),
                         sockeye.unix(("\0"):rep(16)),
                         sockeye.unpack("\0\0"),
                         sockeye.unpack(strange_family .. "a") } do
      for _, kind in ipairs(kinds) do
        assert.is_false(a["is_" .. kind](a))
      end
    end
  end)
end)

describe("a v4-mapped address, unmapped,", function()
  local cases = {
    { "[::ffff:127.0.0.1]:80", "127.0.0.1:80" },
    { "[::ffff:0.0.0.0]:0", "0.0.0.0:0" },
    { "[::ffff:255.255.255.255%lo]:65535", "255.255.255.255:65535" },
  }

  for _, case in ipairs(cases) do
    it("is " .. case[2], function()
      local plain = sockeye.address(case[1]):unmap()
      assert.equal(sockeye.address(case[2]), plain)
      assert.equal("inet", plain.family)
    end)
  end
end)
