local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local sun_path_size <const> = 108
local full_path <const> = "/" .. ("p"):rep(sun_path_size - 1)

-- The family as it stands at the start of the structure.
local unix_family <const> = string.pack("=H", sockeye.AF_UNIX)
local strange_family <const> = string.pack("=H", 99)
-- A family that nothing more is known of.
local x25_family <const> = 9
local inet_family <const> = string.pack("=H", sockeye.AF_INET)

local function lo_index()
  local a = sockeye.inet6("fe80::1%lo", 0)
  return a.scope_id
end

-- What the fields of an address are, in the order of the cases below.
local function fields(a)
  return { family = a.family, host = a.host, port = a.port,
           flowinfo = a.flowinfo, scope_id = a.scope_id, path = a.path }
end

describe("an inet address", function()
  descriptors.guard()

  local cases = {
    { {}, "0.0.0.0", 0 },
    { { nil, 80 }, "0.0.0.0", 80 },
    { { "*", 80 }, "0.0.0.0", 80 },
    { { "127.0.0.1" }, "127.0.0.1", 0 },
    { { "127.0.0.1", 80 }, "127.0.0.1", 80 },
    { { "127.0.0.1", 80.0 }, "127.0.0.1", 80 },
    { { "127.0.0.1", "80" }, "127.0.0.1", 80 },
    { { "255.255.255.255", 65535 }, "255.255.255.255", 65535 },
    { { "1.2.3.4", 1 }, "1.2.3.4", 1 },
  }

  for _, case in ipairs(cases) do
    local host, port = case[2], case[3]
    it(("has host %s and port %d"):format(host, port), function()
      assert.same({ family = "inet", host = host, port = port },
                  fields(sockeye.inet(table.unpack(case[1], 1, 2))))
    end)
  end

  local hosts = {
    "", "127.1", "127.0.0", "127.0.0.1.1", "256.0.0.1", "010.0.0.1",
    "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "0x7f.0.0.1", "localhost", "::1",
    "1.2.3.4:80", "1.2.3.4\0", "\0", "**", ("1"):rep(10000),
  }

  for _, host in ipairs(hosts) do
    it(("is not made of %q"):format(host:sub(1, 30)), function()
      errors.rejected("bad argument #1", sockeye.inet, host, 80)
    end)
  end

  local ports = { -1, 65536, 1 << 32, math.mininteger, math.maxinteger, 80.5,
                  0 / 0, math.huge, "http", "", true, {}, print }

  for _, port in ipairs(ports) do
    it("has no port " .. tostring(port):gsub(": .*", ""), function()
      errors.rejected("bad argument #2", sockeye.inet, "127.0.0.1", port)
      errors.rejected("bad argument #2", sockeye.inet6, "::1", port)
    end)
  end
end)

describe("an inet6 address", function()
  descriptors.guard()
  local lo = lo_index()

  local cases = {
    { {}, "::", 0, 0, 0 },
    { { "*", 80 }, "::", 80, 0, 0 },
    { { nil, 80, {} }, "::", 80, 0, 0 },
    { { "::1", 65535 }, "::1", 65535, 0, 0 },
    { { "2001:DB8:0:0:0:0:0:1", 1 }, "2001:db8::1", 1, 0, 0 },
    { { "::ffff:1.2.3.4", 1 }, "::ffff:1.2.3.4", 1, 0, 0 },
    { { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" },
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 0, 0 },
    { { "fe80::1%lo", 80 }, "fe80::1", 80, 0, lo },
    { { "fe80::1%1", 80 }, "fe80::1", 80, 0, 1 },
    { { "fe80::1%4294967295", 80 }, "fe80::1", 80, 0, 4294967295 },
    { { "fe80::1", 80, { scope = "lo" } }, "fe80::1", 80, 0, lo },
    { { "fe80::1", 80, { scope = 7 } }, "fe80::1", 80, 0, 7 },
    { { "fe80::1", 80, { scope = 7.0 } }, "fe80::1", 80, 0, 7 },
    { { "fe80::1", 80, { scope = "7" } }, "fe80::1", 80, 0, 7 },
    { { "fe80::1", 80, { scope = 0 } }, "fe80::1", 80, 0, 0 },
    { { "fe80::1", 80, { scope = 4294967295 } }, "fe80::1", 80, 0,
      4294967295 },
    { { "fe80::1%lo", 80, { scope = 9 } }, "fe80::1", 80, 0, 9 },
    { { "fe80::1%9", 80, { flowinfo = 3 } }, "fe80::1", 80, 3, 9 },
    { { "::1", 80, { flowinfo = 0x0fffffff } }, "::1", 80, 0x0fffffff, 0 },
    { { "::1", 80, { flowinfo = 0x12345, scope = "lo" } }, "::1", 80,
      0x12345, lo },
  }

  for _, case in ipairs(cases) do
    local host, port, flowinfo, scope = table.unpack(case, 2)
    it(("has host %s, port %d, flow %x, scope %d"):format(host, port,
                                                          flowinfo, scope),
      function()
        assert.same({ family = "inet6", host = host, port = port,
                      flowinfo = flowinfo, scope_id = scope },
                    fields(sockeye.inet6(table.unpack(case[1], 1, 3))))
      end)
  end

  local hosts = {
    "", ":", ":::", "1::2::3", "::g", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "127.0.0.1", "[::1]", "::1 ", "localhost", "::1\0", "%lo", "fe80::1%",
    "fe80::1%0", "fe80::1%nosuch0", "fe80::1%lo%lo", "fe80::1%lo ",
    "fe80::1%4294967296", "fe80::1%99999999999", "fe80::1%-1",
    "fe80::1%" .. ("i"):rep(16), "fe80::1%" .. ("i"):rep(1000),
    ("1:"):rep(10000),
  }

  for _, host in ipairs(hosts) do
    it(("is not made of %q"):format(host:sub(1, 30)), function()
      errors.rejected("bad argument #1", sockeye.inet6, host, 80)
    end)
  end

  local options = {
    { "a number", 5 }, { "a string", "lo" }, { "true", true },
    { "an unknown field", { scop = "lo" } },
    { "no interface", { scope = "nosuch0" } },
    { "an empty scope", { scope = "" } },
    { "a scope with a zero", { scope = "lo\0" } },
    { "a long scope", { scope = ("i"):rep(1000) } },
    { "a negative scope", { scope = -1 } },
    { "a scope past 32 bits", { scope = 4294967296 } },
    { "a fraction as scope", { scope = 1.5 } },
    { "NaN as scope", { scope = 0 / 0 } },
    { "a table as scope", { scope = {} } },
    { "true as scope", { scope = true } },
    { "a negative flow", { flowinfo = -1 } },
    { "a flow past 28 bits", { flowinfo = 0x10000000 } },
    { "a fraction as flow", { flowinfo = 0.5 } },
    { "a word as flow", { flowinfo = "much" } },
    { "a table as flow", { flowinfo = {} } },
  }

  for _, case in ipairs(options) do
    it(("does not take %s as options"):format(case[1]), function()
      errors.rejected("bad argument #3", sockeye.inet6, "::1", 80, case[2])
    end)
  end
end)

describe("a unix address", function()
  descriptors.guard()

  local cases = {
    { "a path", "/run/app.sock" },
    { "a relative path", "a" },
    { "a path with blanks and bytes", "/tmp/\1 \xff:@é" },
    { "a path with an @ at its start", "@a" },
    { "a path of 107 bytes", full_path:sub(1, -2) },
    { "a path of 108 bytes", full_path },
    { "an abstract name", "\0name" },
    { "an abstract name with zeros", "\0a\0\0b\0" },
    { "the empty abstract name", "\0" },
    { "an abstract name of 108 bytes", "\0" .. ("n"):rep(107) },
    { "an abstract name of zeros", ("\0"):rep(108) },
  }

  for _, case in ipairs(cases) do
    it("has " .. case[1], function()
      assert.same({ family = "unix", path = case[2] },
                  fields(sockeye.unix(case[2])))
    end)
  end

  it("is unnamed without a path", function()
    assert.same({ family = "unix" }, fields(sockeye.unix()))
    assert.same({ family = "unix" }, fields(sockeye.unix(nil)))
    assert.equal(2, #sockeye.unix():pack())
  end)

  it("names the limit of a path that does not fit", function()
    errors.rejected("#1.*path too long.*109 bytes, at most 108",
                    sockeye.unix, full_path .. "p")
    errors.rejected("#1.*109 bytes, at most 108",
                    sockeye.unix, "\0" .. ("n"):rep(108))
    errors.rejected("#1.*path too long.*109 bytes, at most 108",
                    sockeye.address, "unix:" .. full_path .. "p")
    errors.rejected("#1.*path too long.*100000 bytes, at most 108",
                    sockeye.address, "unix:@" .. ("n"):rep(99999))
  end)

  local rejected = { "", "a\0", "a\0b", "/run/a\0b" }

  for _, path in ipairs(rejected) do
    it(("is not made of %q"):format(path), function()
      errors.rejected("bad argument #1", sockeye.unix, path)
    end)
  end

  it("rejects values of other types", function()
    for _, value in ipairs { true, {}, print, io.stdout, sockeye.unix() } do
      errors.rejected("bad argument #1", sockeye.unix, value)
    end
  end)
end)

describe("an address in a string", function()
  descriptors.guard()

  local lo = lo_index()
  local cases = {
    { "127.0.0.1:80", sockeye.inet("127.0.0.1", 80) },
    { "0.0.0.0:0", sockeye.inet() },
    { "*:80", sockeye.inet("*", 80) },
    { "1.2.3.4:65535", sockeye.inet("1.2.3.4", 65535) },
    { "1.2.3.4:00080", sockeye.inet("1.2.3.4", 80) },
    { "[::1]:80", sockeye.inet6("::1", 80) },
    { "[::]:0", sockeye.inet6() },
    { "[fe80::1%lo]:80", sockeye.inet6("fe80::1", 80, { scope = lo }) },
    { "[fe80::1%1]:80", sockeye.inet6("fe80::1", 80, { scope = 1 }) },
    { "[fe80::1%4294967295]:80",
      sockeye.inet6("fe80::1", 80, { scope = 4294967295 }) },
    { "[::ffff:1.2.3.4]:80", sockeye.inet6("::ffff:1.2.3.4", 80) },
    { "unix:/run/a", sockeye.unix("/run/a") },
    { "unix:a:80", sockeye.unix("a:80") },
    { "unix:" .. full_path, sockeye.unix(full_path) },
    { "unix:@name", sockeye.unix("\0name") },
    { "unix:@a\0b", sockeye.unix("\0a\0b") },
    { "unix:@", sockeye.unix("\0") },
    { "unix:", sockeye.unix() },
  }

  for _, case in ipairs(cases) do
    it(("may be %q"):format(case[1]:sub(1, 30)), function()
      assert.equal(case[2], sockeye.address(case[1]))
    end)
  end

  local rejected = {
    "", ":", ":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
    "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:1.0", "127.0.0.1: 80",
    "127.0.0.1:80 ", " 127.0.0.1:80", "127.0.0.1:100000", "127.0.0.1:0x50",
    "127.0.0.1:http", "localhost:80", "127.1:80", "::1:80", "[::1]",
    "[::1]80", "[::1:80", "::1]:80", "[]:80", "[127.0.0.1]:80", "[*]:80",
    "[::1]]:80", "[[::1]]:80", "[fe80::1%nosuch0]:80", "127.0.0.1:80\0",
    "127.0.0.1\0:80", "unix", "unix:a\0b", "UNIX:/a", ("1"):rep(70) .. ":80",
    ("["):rep(1000) .. "]:80",
  }

  for _, text in ipairs(rejected) do
    it(("is not %q"):format(text:sub(1, 30)), function()
      errors.rejected("bad argument #1.*%(.*%)", sockeye.address,
                      text)
    end)
  end

  it("may be an address, which is returned as it is", function()
    local a = sockeye.inet("1.2.3.4", 5)
    assert.is_true(rawequal(a, sockeye.address(a)))
  end)

  it("rejects values of other types", function()
    for _, value in ipairs { 80, true, {}, print, io.stdout } do
      errors.rejected("bad argument #1.*sockeye.Address or string expected",
                      sockeye.address, value)
    end
    errors.rejected("bad argument #1", sockeye.address)
  end)

  it("is accepted wherever an address is", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal("127.0.0.1", s:bind("127.0.0.1:0"):getsockname().host)
    errors.rejected("bad argument #2", s.bind, s, "127.0.0.1")
    errors.rejected("bad argument #2", s.connect, s, "localhost:80")
  end)
end)

describe("the bytes of an address", function()
  descriptors.guard()

  local function inet_bytes(port, host)
    return string.pack("=H >HI4 c8", sockeye.AF_INET, port, host,
                       ("\0"):rep(8))
  end

  local function inet6_bytes(port, flowinfo, host, scope)
    return string.pack("=H >HI4 c16 =I4", sockeye.AF_INET6, port, flowinfo,
                       host, scope)
  end

  local cases = {
    { "inet", sockeye.inet("1.2.3.4", 80), inet_bytes(80, 0x01020304) },
    { "inet with the highest numbers",
      sockeye.inet("255.254.253.252", 65534),
      inet_bytes(65534, 0xfffefdfc) },
    { "the wildcard", sockeye.inet(), inet_bytes(0, 0) },
    { "inet6",
      sockeye.inet6("102:304:506:708:90a:b0c:d0e:f10", 443,
                    { flowinfo = 0x0102030, scope = 5 }),
      inet6_bytes(443, 0x0102030,
                  "\1\2\3\4\5\6\7\8\9\10\11\12\13\14\15\16", 5) },
    { "unix, with a zero after it", sockeye.unix("/a"), unix_family .. "/a\0" },
    { "unix that has no room for a zero", sockeye.unix(full_path),
      unix_family .. full_path },
    { "abstract, without a zero after it", sockeye.unix("\0a\0b"),
      unix_family .. "\0a\0b" },
    { "unnamed", sockeye.unix(), unix_family },
  }

  for _, case in ipairs(cases) do
    local name, address, bytes = table.unpack(case)
    it(("are the structure's: %s"):format(name), function()
      assert.equal(bytes, address:pack())
      assert.equal(address, sockeye.unpack(bytes))
      assert.equal(bytes:sub(3), address.bytes)
      assert.equal(bytes, sockeye.unpack(bytes):pack())
    end)
  end

  it("of another family are returned as they are", function()
    local bytes = string.pack("=H c14", x25_family, "\1\2\3\4")
    local a = sockeye.unpack(bytes)
    assert.same({ family = "x25" }, fields(a))
    assert.equal(bytes:sub(3), a.bytes)
    assert.equal(bytes, a:pack())
    local hex = bytes:sub(3):gsub(".", function(c)
      return ("%02x"):format(c:byte())
    end)
    assert.equal(("family %d %s"):format(x25_family, hex), tostring(a))
    assert.equal(a, sockeye.unpack(bytes))
    assert.not_equal(a, sockeye.unpack(bytes .. "\0"))
  end)

  it("of a family without a name have its number", function()
    local a = sockeye.unpack(string.pack("=H c3", 99, "abc"))
    assert.same({ family = 99 }, fields(a))
    assert.equal("abc", a.bytes)
    assert.equal("family 99 616263", tostring(a))
  end)

  it("may be the family alone", function()
    local a = sockeye.unpack("\0\0")
    assert.equal("unspec", a.family)
    assert.equal("", a.bytes)
    assert.equal("\0\0", a:pack())
  end)

  it("may fill the structure", function()
    local bytes = strange_family .. ("x"):rep(126)
    assert.equal(bytes, sockeye.unpack(bytes):pack())
  end)

  local rejected = {
    { "nothing", "" }, { "half a family", "\2" },
    { "inet cut short", inet_bytes(80, 1):sub(1, 15) },
    { "inet without anything", inet_family },
    { "inet6 cut short", sockeye.inet6():pack():sub(1, 27) },
    { "a path of 109 bytes", unix_family .. full_path .. "p" },
    { "more than any address has", strange_family .. ("x"):rep(127) },
    { "a megabyte", ("\1"):rep(1 << 20) },
    { "a table", {} }, { "nil", nil }, { "an address", sockeye.inet() },
  }

  for _, case in ipairs(rejected) do
    it("are not " .. case[1], function()
      errors.rejected("bad argument #1", sockeye.unpack, case[2])
    end)
  end
end)
