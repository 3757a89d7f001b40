local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local greatest <const> = 0xffffffff

describe("a netlink address", function()
  descriptors.guard()

  local cases = {
    { {}, 0, 0, "netlink:0" },
    { { 5 }, 5, 0, "netlink:5" },
    { { nil, 5 }, 0, 5, "netlink:0/0x5" },
    { { 5.0, "6" }, 5, 6, "netlink:5/0x6" },
    { { greatest, greatest }, greatest, greatest,
      "netlink:4294967295/0xffffffff" },
  }

  for _, case in ipairs(cases) do
    local arguments, pid, groups, text = table.unpack(case)
    it("is " .. text, function()
      local a = sockeye.netlink(table.unpack(arguments, 1, 2))
      assert.equal("netlink", a.family)
      assert.equal(pid, a.pid)
      assert.equal(groups, a.groups)
      assert.equal(string.pack("=HHI4I4", sockeye.AF_NETLINK, 0, pid, groups),
                   a:pack())
      assert.equal(text, tostring(a))
      assert.equal(a, sockeye.address(text))
    end)
  end

  it("is read from other forms of its text", function()
    for _, text in ipairs { "netlink:5/6", "netlink:0x5/0X6",
                            "netlink:0005/0x006" } do
      assert.equal(sockeye.netlink(5, 6), sockeye.address(text))
    end
  end)

  it("rejects other arguments", function()
    for _, value in ipairs { -1, greatest + 1, 1.5, "all", true, {} } do
      errors.rejected("bad argument #1", sockeye.netlink, value)
      errors.rejected("bad argument #2", sockeye.netlink, 0, value)
    end
    for _, text in ipairs {
      "netlink", "netlink:", "netlink:/", "netlink:1/", "netlink:/1",
      "netlink:-1", "netlink:4294967296", "netlink:1/4294967296",
      "netlink:99999999999/1", "netlink:0x", "netlink:1/0x", "netlink:1/2/3",
      "netlink: 1", "netlink:1/g", "netlink:" .. ("1"):rep(1000),
    } do
      errors.rejected("bad argument #1.*not an address", sockeye.address,
                      text)
    end
  end)

  it("has a kind", function()
    local none, single, group =
      sockeye.netlink(), sockeye.netlink(1), sockeye.netlink(0, 1)
    assert.is_true(none:is_any())
    assert.is_false(single:is_any())
    assert.is_false(group:is_any())
    assert.is_true(group:is_multicast())
    assert.is_false(none:is_multicast())
    assert.is_false(single:is_multicast())
    for _, a in ipairs { none, single, group } do
      assert.is_false(a:is_loopback())
      assert.is_false(a:is_private())
      assert.is_false(a:is_link_local())
    end
  end)

  it("is a socket's, which the kernel chooses", function()
    local s <close> = sockeye.socket("netlink", "raw", 0)
    assert.equal(sockeye.netlink(), s:getsockname())
    local a = s:bind(sockeye.netlink()):getsockname()
    assert.is_true(a.pid > 0)
    assert.equal(0, a.groups)
    assert.matches("^socket%(netlink raw fd %d+ netlink:%d+", tostring(s))
    local t <close> = sockeye.socket("netlink", "raw", 0)
    local err = errors.raised("EADDRINUSE", "bind", t.bind, t, a)
    assert.equal(a, err.address)
  end)
end)
