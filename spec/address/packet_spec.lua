local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"

local lo = sockeye.if_nametoindex("lo")

-- What its fields are, in the order of the cases below.
local function fields(a)
  return { a.ifindex, a.protocol, a.address or false, a.hatype, a.pkttype }
end

local ether <const> = "02:42:ac:11:00:02"
local octets <const> = "\x02\x42\xac\x11\x00\x02"

describe("a packet address", function()
  descriptors.guard()

  local cases = {
    { {}, { 0, 0, false, 0, "host" }, "packet:*" },
    { { 0 }, { 0, 0, false, 0, "host" }, "packet:*" },
    { { "*" }, { 0, 0, false, 0, "host" }, "packet:*" },
    { { "lo" }, { lo, 0, false, 0, "host" }, "packet:lo" },
    { { lo }, { lo, 0, false, 0, "host" }, "packet:lo" },
    { { tostring(lo) }, { lo, 0, false, 0, "host" }, "packet:lo" },
    { { 0x7fffffff }, { 0x7fffffff, 0, false, 0, "host" },
      "packet:2147483647" },
    { { "lo", "arp" }, { lo, "arp", false, 0, "host" }, "packet:lo/arp" },
    { { "lo", "ETH_P_ALL" }, { lo, "all", false, 0, "host" },
      "packet:lo/all" },
    { { "lo", 0x0800 }, { lo, "ip", false, 0, "host" }, "packet:lo/ip" },
    { { nil, 0x1234 }, { 0, 0x1234, false, 0, "host" }, "packet:*/0x1234" },
    { { nil, 1588 }, { 0, 1588, false, 0, "host" }, "packet:*/0x0634" },
    { { nil, "1588" }, { 0, "1588", false, 0, "host" }, "packet:*/1588" },
    { { "lo", "ip", {} }, { lo, "ip", false, 0, "host" }, "packet:lo/ip" },
    { { "lo", "ip", { address = ether } }, { lo, "ip", ether, 0, "host" },
      "packet:lo/ip/" .. ether },
    { { "lo", "ip", { address = ether:upper() } },
      { lo, "ip", ether, 0, "host" }, "packet:lo/ip/" .. ether },
    { { "lo", "ip", { address = octets } }, { lo, "ip", ether, 0, "host" },
      "packet:lo/ip/" .. ether },
    { { "lo", "ip", { address = "12345678" } },
      { lo, "ip", "31:32:33:34:35:36:37:38", 0, "host" },
      "packet:lo/ip/31:32:33:34:35:36:37:38" },
    { { "lo", "ip", { address = ("ab:"):rep(19) .. "cd" } },
      { lo, "ip", ("ab:"):rep(19) .. "cd", 0, "host" },
      "packet:lo/ip/" .. ("ab:"):rep(19) .. "cd" },
    { { "lo", "ip", { address = "" } }, { lo, "ip", false, 0, "host" },
      "packet:lo/ip" },
    { { "lo", "ip", { address = ether, hatype = "ether" } },
      { lo, "ip", ether, "ether", "host" },
      "packet:lo/ip/" .. ether .. "/ether" },
    { { "lo", "ip", { address = ether, hatype = 1, pkttype = "outgoing" } },
      { lo, "ip", ether, "ether", "outgoing" },
      "packet:lo/ip/" .. ether .. "/ether/outgoing" },
    { { nil, nil, { hatype = "ARPHRD_LOOPBACK", pkttype = 1 } },
      { 0, 0, false, "loopback", "broadcast" },
      "packet:*/0x0000//loopback/broadcast" },
    { { nil, nil, { hatype = 65535, pkttype = 255 } },
      { 0, 0, false, "void", 255 }, "packet:*/0x0000//void/255" },
    { { nil, nil, { hatype = 12345 } }, { 0, 0, false, 12345, "host" },
      "packet:*/0x0000//12345" },
  }

  for i, case in ipairs(cases) do
    local arguments, wanted, text = table.unpack(case)
    it(("is %s, case %d"):format(text, i), function()
      local a = sockeye.packet(table.unpack(arguments, 1, 3))
      assert.same(wanted, fields(a))
      assert.equal(text, tostring(a))
      assert.equal(a, sockeye.address(text))
    end)
  end

  it("has its structure's bytes, the protocol in network byte order",
    function()
      local a = sockeye.packet("lo", "arp", {
        address = ether, hatype = "ether", pkttype = "multicast" })
      assert.equal(string.pack("=H >H =i4 H B B c8", sockeye.AF_PACKET,
                               0x0806, lo, 1, 2, 6, octets), a:pack())
    end)

  it("has the name of its interface, while there is one", function()
    assert.equal("lo", sockeye.packet(lo).interface)
    assert.is_nil(sockeye.packet().interface)
    assert.is_nil(sockeye.packet(0x7fffffff).interface)
  end)

  it("has a kind", function()
    local any, loopback, group =
      sockeye.packet(nil, "ip"),
      sockeye.packet("lo", nil, { hatype = "loopback" }),
      sockeye.packet("lo", nil, { address = "01:00:5e:00:00:01" })
    local broadcast = sockeye.packet("lo", nil,
                                     { address = "ff:ff:ff:ff:ff:ff" })
    local single = sockeye.packet("lo", nil, { address = ether })
    local cases_of = {
      is_any = { [any] = true }, is_loopback = { [loopback] = true },
      is_multicast = { [group] = true, [broadcast] = true },
      is_link_local = {}, is_private = {}, is_v4mapped = {},
    }
    for method, holds in pairs(cases_of) do
      for _, a in ipairs { any, loopback, group, broadcast, single } do
        assert.equal(holds[a] or false, a[method](a), method)
      end
    end
  end)

  local rejected = {
    { "#1", "nosuch0" }, { "#1", "" }, { "#1", "lo\0" }, { "#1", -1 },
    { "#1", 1 << 31 }, { "#1", 1.5 }, { "#1", {} }, { "#1", true },
    { "#1", "99999999999" }, { "#1", "2147483648" }, { "#1", ("i"):rep(1000) },
    { "#2.*did you mean 'arp'", "lo", "arpp" }, { "#2", "lo", 65536 },
    { "#2", "lo", -1 }, { "#2", "lo", true }, { "#2", "lo", "" },
    { "#3", "lo", "ip", 5 }, { "#3", "lo", "ip", ether },
    { "#3.*'address'", "lo", "ip", { address = 5 } },
    { "#3.*'address'", "lo", "ip", { address = true } },
    { "#3.*'adress'.*'address'", "lo", "ip", { adress = ether } },
    { "#3.*'hatype'", "lo", "ip", { hatype = "etherr" } },
    { "#3.*'hatype'.*'ether'", "lo", "ip", { hatype = "ethr" } },
    { "#3.*'hatype'", "lo", "ip", { hatype = "1" } },
    { "#3.*'hatype'", "lo", "ip", { hatype = 65536 } },
    { "#3.*'hatype'", "lo", "ip", { hatype = -1 } },
    { "#3.*'hatype'", "lo", "ip", { hatype = {} } },
    { "#3.*'pkttype'", "lo", "ip", { pkttype = "out" } },
    { "#3.*'pkttype'", "lo", "ip", { pkttype = 256 } },
    { "#3.*'pkttype'", "lo", "ip", { pkttype = 0.5 } },
    { "#3.*'pkttype'", "lo", "ip", { pkttype = "host\0" } },
  }

  for i, case in ipairs(rejected) do
    it("is not made of anything else, case " .. i, function()
      errors.rejected("bad argument " .. case[1], sockeye.packet,
                      table.unpack(case, 2, 4))
    end)
  end

  local texts = {
    "packet", "packet:", "packet:nosuch0", "packet:lo/arpp",
    "packet:lo/65536", "packet:lo/0x", "packet:lo/-1", "packet:lo/ip/zz",
    "packet:lo/ip/1:2", "packet:lo/ip/01:02:", "packet:lo/ip/01/etherr",
    "packet:lo/ip/01/65536", "packet:lo/ip/01/1/256",
    "packet:lo/ip/01/1/host/more", "packet:lo/ip\0", "packet: lo",
    "packet:99999999999", "packet:2147483648", "packet:-2147483649",
    "packet:-", "packet:" .. ("i"):rep(10000),
    "packet:lo/ip/" .. ("01:"):rep(500) .. "01",
  }

  for _, text in ipairs(texts) do
    it(("is not %q"):format(text:sub(1, 40)), function()
      errors.rejected("bad argument #1.*not an address", sockeye.address,
                      text)
    end)
  end

  it("keeps the index of an interface that is gone", function()
    local a = sockeye.unpack(string.pack("=H H i4 c12", sockeye.AF_PACKET, 0,
                                         -1, ""))
    assert.equal(-1, a.ifindex)
    assert.is_nil(a.interface)
    assert.equal("packet:-1", tostring(a))
    assert.equal(a, sockeye.address("packet:-1"))
  end)

  it("may have empty parts", function()
    assert.equal(sockeye.packet("lo"), sockeye.address("packet:lo/"))
    assert.equal(sockeye.packet("lo"), sockeye.address("packet:lo////"))
  end)

  it("reads back with interfaces of any name #namespace", function()
    netns.with_namespaces(function(ns)
      ns.a:must("ip link set dev wire1 down")
      local before = "wire1"
      for _, name in ipairs { "77", "-1", "*", "a@b", "[x]", "0x7",
                              "fifteen-letters" } do
        ns.a:must(("ip link set dev '%s' name '%s'"):format(before, name))
        before = name
        local result = ns.a:lua([[
          local sockeye = require "sockeye"
          local index = sockeye.if_nametoindex(arg[1])
          local a = sockeye.packet(index, "ip")
          assert(a.interface == arg[1])
          local b = sockeye.address(tostring(a))
          assert(a == b and b.ifindex == index, tostring(a))
        ]], { args = { name } })
        assert.equal("", result.stderr)
      end
    end)
  end)
end)
