local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local extended <const> = sockeye.CAN_EFF_FLAG

describe("a CAN address", function()
  descriptors.guard()

  local lo = sockeye.if_nametoindex "lo"
  local cases = {
    { "can:lo", { "lo" }, { ifindex = lo, interface = "lo" }, "" },
    { "can:*", {}, { ifindex = 0 }, "" },
    { "can:*", { "*" }, { ifindex = 0 }, "" },
    { "can:lo/0x7e8/0x7e0", { lo, { rx_id = 0x7e8, tx_id = 0x7e0 } },
      { ifindex = lo, rx_id = 0x7e8, tx_id = 0x7e0 },
      string.pack("=I4I4", 0x7e8, 0x7e0) },
    { "can:*/0x0/0x98da00f1", { 0, { tx_id = extended | 0x18da00f1 } },
      { rx_id = 0, tx_id = extended | 0x18da00f1 },
      string.pack("=I4I4", 0, 0x98da00f1) },
    { "can:lo/0x1122334455667788/0x12300/0x20",
      { "lo", { name = 0x1122334455667788, pgn = 0x12300, addr = 0x20 } },
      { name = 0x1122334455667788, pgn = 0x12300, addr = 0x20 },
      string.pack("=i8I4Bc3", 0x1122334455667788, 0x12300, 0x20, "") },
    { "can:*/0x0/0x40000/0x5", { nil, { addr = 5 } },
      { name = sockeye.J1939_NO_NAME, pgn = sockeye.J1939_NO_PGN, addr = 5 },
      string.pack("=i8I4Bc3", 0, 0x40000, 5, "") },
    { "can:*/0xffffffffffffffff/0x40000/0xff", { nil, { name = -1 } },
      { name = -1, addr = sockeye.J1939_NO_ADDR },
      string.pack("=i8I4Bc3", -1, 0x40000, 255, "") },
  }

  for _, case in ipairs(cases) do
    it("is " .. case[1], function()
      local a = sockeye.can(table.unpack(case[2], 1, 2))
      assert.equal(case[1], tostring(a))
      assert.equal("can", a.family)
      for name, value in pairs(case[3]) do assert.equal(value, a[name]) end
      assert.equal(string.pack("=HHi4", sockeye.AF_CAN, 0, a.ifindex) ..
                   case[4], a:pack())
      assert.equal(a, sockeye.address(case[1]))
      assert.equal(a, sockeye.unpack(a:pack()))
      assert.equal(a.ifindex == 0, a:is_any())
      assert.is_false(a:is_loopback())
    end)
  end

  it("has the fields of its protocol alone", function()
    local isotp = sockeye.can(1, { rx_id = 1 })
    assert.is_nil(isotp.name)
    assert.is_nil(sockeye.can(1).rx_id)
    assert.is_nil(sockeye.can(1, { addr = 1 }).tx_id)
  end)

  it("is no other", function()
    local rejected = {
      { "#1.*no interface has this name", "nosuch0" },
      { "#1", -1 }, { "#1", {} },
      { "#2.*rx_id.*CAN_EFF_FLAG", 1, { rx_id = 0x800 } },
      { "#2.*tx_id.*29 bits", 1, { tx_id = extended | 1 << 29 } },
      { "#2.*tx_id", 1, { tx_id = -1 } },
      { "#2.*ISO%-TP.*J1939", 1, { tx_id = 1, addr = 1 } },
      { "#2.*pgn", 1, { pgn = 0x40001 } },
      { "#2.*addr", 1, { addr = 256 } },
      { "#2.*id", 1, { id = 1 } }, { "#2", 1, 1 },
    }
    for _, case in ipairs(rejected) do
      errors.rejected(case[1], sockeye.can, table.unpack(case, 2))
    end
    for _, text in ipairs {
      "can:", "can:nosuch0", "can:lo/1", "can:lo/1/x", "can:lo/1/0x100000000",
      "can:lo/1/2/3", "can:lo/0x/2/3", "can:lo/0x11112222333344445/2/3",
      "can:lo/0x1/2/256", "can:lo/0x1/x/2", "can:lo/0x1/2/3/4",
      "can:" .. ("x"):rep(200),
    } do
      errors.rejected("not an address", sockeye.address, text)
    end
  end)

  it("carries a frame where the kernel has CAN", function()
    local ok, s = pcall(sockeye.socket, "can", "raw", "raw")
    if not ok then
      errors.raised("EAFNOSUPPORT", "socket", sockeye.socket, "can", "raw",
                    "raw")
      return pending "this kernel does not have CAN"
    end
    local _ <close> = s
    assert.equal(sockeye.can(), s:bind(sockeye.can "*"):getsockname())
  end)
end)
