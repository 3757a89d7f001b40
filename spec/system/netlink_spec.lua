-- Netlink messages and attributes, written and read.

local netlink = require "sockeye.netlink"
local errors = require "spec.support.errors"

describe("a netlink message", function()
  it("is read as it was written", function()
    local message = { type = 0xffff, flags = 0x301, seq = 0xffffffff,
                      pid = 0xfffffffe, data = "some data" }
    local bytes = netlink.encode(message)
    assert.equal(28, #bytes)
    assert.equal(25, (string.unpack("=I4", bytes)))
    assert.same({ message, message }, netlink.decode(bytes .. bytes))
  end)

  it("needs no field but its type", function()
    assert.same({ { type = 3, flags = 0, seq = 0, pid = 0, data = "",
                    errno = 0 } },
                netlink.decode(netlink.encode { type = netlink.NLMSG_DONE }))
  end)

  it("is absent from an empty string", function()
    assert.same({}, netlink.decode "")
    assert.same({}, netlink.attributes "")
  end)

  local wrong = {
    { "type", nil }, { "type", -1 }, { "type", 65536 }, { "type", 1.5 },
    { "type", "getlink" }, { "flags", 65536 }, { "seq", -1 },
    { "seq", 1 << 32 }, { "pid", 1 << 32 }, { "data", 5 }, { "data", {} },
    { "date", "misspelt" },
  }
  for _, case in ipairs(wrong) do
    it(("rejects %s of %s"):format(case[1], tostring(case[2])), function()
      local message = { type = 16 }
      message[case[1]] = case[2]
      errors.rejected("bad argument #1.*" .. case[1], netlink.encode, message)
    end)
  end

  it("rejects positions outside the string", function()
    for _, read in ipairs { netlink.decode, netlink.attributes } do
      for _, positions in ipairs { { 0 }, { 6 }, { -1 }, { 1, 5 }, { 3, 1 },
                                   { math.maxinteger }, { 1, math.mininteger },
                                   { 1.5 } } do
        errors.rejected("bad argument #[23]", read, "\0\0\0\0",
                        table.unpack(positions))
      end
    end
  end)
end)

describe("a netlink error", function()
  local request = netlink.encode { type = 20, flags = 5, seq = 9,
                                   data = "address" }

  local function report(type, flags, data)
    return netlink.decode(netlink.encode { type = type, flags = flags,
                                           seq = 9, data = data })[1]
  end

  it("has its number and the request", function()
    local reply = report(2, 0, string.pack("=i4", -19) .. request)
    assert.equal(19, reply.errno)
    assert.same({ type = 20, flags = 5, seq = 9, pid = 0, data = "address" },
                reply.request)
    assert.is_nil(reply.message)
  end)

  it("has the fields of an extended acknowledgement", function()
    local said = netlink.attribute(1, "no such address\0") ..
      netlink.attribute(2, string.pack("=I4", 24)) ..
      netlink.attribute(3, "cookie") ..
      netlink.attribute(4, netlink.attribute(1, "policy"), "nested") ..
      netlink.attribute(5, string.pack("=I4", 7)) ..
      netlink.attribute(6, string.pack("=I4", 32)) ..
      netlink.attribute(99, "unknown")
    local whole = report(2, netlink.NLM_F_ACK_TLVS,
                         string.pack("=i4", -22) .. request .. said)
    local capped = report(2, netlink.NLM_F_ACK_TLVS | netlink.NLM_F_CAPPED,
                          string.pack("=i4", -22) .. request:sub(1, 16) ..
                          said)
    local done = report(3, netlink.NLM_F_ACK_TLVS,
                        string.pack("=i4", -22) .. said)
    for _, reply in ipairs { whole, capped, done } do
      assert.equal(22, reply.errno)
      assert.equal("no such address", reply.message)
      assert.equal(24, reply.offset)
      assert.equal("cookie", reply.cookie)
      assert.equal(7, reply.missing_type)
      assert.equal(32, reply.missing_nest)
    end
    assert.equal("address", whole.request.data)
    assert.equal("", capped.request.data)
    assert.is_nil(done.request)
  end)

  it("ignores numbers of another size", function()
    local reply = report(3, netlink.NLM_F_ACK_TLVS,
                        "\0\0\0\0" .. netlink.attribute(2, "12345"))
    assert.is_nil(reply.offset)
  end)
end)

describe("a netlink attribute", function()
  it("is read as it was written, with its two flag bits", function()
    for flags, bits in pairs {
      [""] = {}, nested = { true }, net_byteorder = { false, true },
      ["NLA_F_NESTED NLA_F_NET_BYTEORDER"] = { true, true },
    } do
      local bytes = netlink.attribute(0x3fff, "value", flags)
      assert.equal(12, #bytes)
      assert.same({ { type = 0x3fff, data = "value", nested = bits[1] or false,
                      net_byteorder = bits[2] or false } },
                  netlink.attributes(bytes))
    end
  end)

  it("holds at most 65531 bytes", function()
    local most = ("x"):rep(65531)
    assert.equal(most, netlink.attributes(netlink.attribute(1, most))[1].data)
    errors.rejected("#2.*at most 65531", netlink.attribute, 1, most .. "x")
  end)

  it("rejects wrong arguments", function()
    errors.rejected("#1.*out of range", netlink.attribute, 0x4000, "")
    errors.rejected("#1.*out of range", netlink.attribute, -1, "")
    errors.rejected("#2", netlink.attribute, 1)
    errors.rejected("#2", netlink.attribute, 1, {})
    errors.rejected("#3.*did you mean 'nested'", netlink.attribute, 1, "",
                    "nestd")
    errors.rejected("#3", netlink.attribute, 1, "", 1)
  end)
end)
