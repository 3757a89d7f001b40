-- What rtnetlink's attributes hold, read and written.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"
local values = require "sockeye.rtnetlink.values"

local errors = require "spec.support.errors"

local inet <const>, inet6 <const> = sockeye.AF_INET, sockeye.AF_INET6

describe("a hardware address", function()
  local longest = ("ab:"):rep(31) .. "ab"

  it("is printed and read back", function()
    for text, octets in pairs {
      ["02:42:ac:11:00:0f"] = "\x02\x42\xac\x11\x00\x0f", ["00"] = "\0",
      [longest] = ("\xab"):rep(32),
    } do
      assert.equal(text, values.hexadecimal(octets))
      assert.equal(octets, values.pack_hexadecimal("call", "f", text))
    end
    assert.equal("", values.hexadecimal "")
    assert.equal("\xab\xcd", values.pack_hexadecimal("call", "f", "AB:cd"))
  end)

  local wrong = { "", ":", "02:", ":02", "2", "02:4", "02:42:", "02::42",
                  "0g", "02-42", "02:42\0", longest .. ":ab", 2, 12, {}, true }
  for i, value in ipairs(wrong) do
    it(("is refused where it is none, %d"):format(i), function()
      errors.rejected("#1 to 'call' %(field 'f': no hardware address like",
                      values.pack_hexadecimal, "call", "f", value)
    end)
  end
end)

describe("an IP address", function()
  it("is printed and read back", function()
    for text, family in pairs { ["10.0.0.255"] = inet, ["fd00::1"] = inet6,
                                ["::"] = inet6 } do
      local bytes, own = values.pack_host("call", "f", text)
      assert.equal(family, own)
      assert.equal(values.sizes[family], #bytes)
      assert.equal(text, values.host(bytes, family))
    end
  end)

  it("is printed in hexadecimal where its family is unknown", function()
    assert.equal("01:ff", values.host("\1\xff", 99))
  end)

  it("is refused where it is none, or of another family", function()
    for _, value in ipairs { "*", "", "localhost", "10.0.0", "::g", 5, {} } do
      errors.rejected("#1 to 'call' %(field 'f': not a numeric address",
                      values.pack_host, "call", "f", value)
    end
    errors.rejected("field 'f': numeric address expected", values.pack_host,
                    "call", "f", nil)
    errors.rejected("field 'f': not of family 'inet'", values.pack_host,
                    "call", "f", "::1", inet)
  end)

  it("has a prefix of its own, of a field, or of its whole length", function()
    local function split(value, length)
      return table.concat({ values.split_prefix("call", "f", value, length) },
                          " ")
    end
    assert.equal("10.0.0.1 24 " .. inet, split "10.0.0.1/24")
    assert.equal("10.0.0.1 16 " .. inet, split("10.0.0.1", 16))
    assert.equal("10.0.0.1 32 " .. inet, split "10.0.0.1")
    assert.equal("::1 128 " .. inet6, split "::1/0128")
    errors.rejected("field 'f': prefix out of range", split, "10.0.0.1/33")
    errors.rejected("field 'prefixlen': prefix out of range", split,
                    "10.0.0.1", 33)
  end)
end)

describe("a number", function()
  it("is an integer in its range, or stands for one in decimal", function()
    for value, number in pairs { [0] = 0, [255] = 255, ["7"] = 7,
                                 ["007"] = 7 } do
      assert.equal(number, values.number_in(value, 255))
    end
    assert.equal(5, values.number_in(5.0, 255))
    for _, value in ipairs { -1, 256, 1.5, "256", "-1", "0x1", " 1", "", {},
                             true, print } do
      assert.is_nil(values.number_in(value, 255))
    end
  end)

  it("is found by its name", function()
    local names = { [0] = "global", [253] = "link" }
    assert.equal(253, values.number_of("call", "f", names, "link", 255))
    assert.equal(9, values.number_of("call", "f", names, 9, 255))
    errors.rejected("field 'f': unknown: 'far'", values.number_of, "call", "f",
                    names, "far", 255)
    assert.equal("link", values.name_of(names, 253))
    assert.equal("9", values.name_of(names, 9))
  end)

  it("of 32 bits is written whole, or refused", function()
    assert.equal(string.pack("=I4", 0xffffffff),
                 values.pack_u32("call", "f", 0xffffffff))
    for _, value in ipairs { -1, 1 << 32, 1.5, "1", {} } do
      errors.rejected("field 'f': integer from 0 to", values.pack_u32, "call",
                      "f", value)
    end
  end)
end)

describe("a text", function()
  it("ends at its first zero", function()
    assert.equal("eth0", values.text "eth0\0\0")
    assert.equal("eth0\0", values.pack_text("call", "f", "eth0"))
  end)

  it("is refused where it has a zero or no room in an attribute", function()
    errors.rejected("field 'f': string without a zero", values.pack_text,
                    "call", "f", "a\0b")
    errors.rejected("field 'f': string without a zero", values.pack_text,
                    "call", "f", 5)
    errors.rejected("field 'f': string too long", values.pack_text, "call",
                    "f", ("x"):rep(65531))
    local longest = values.pack_text("call", "f", ("x"):rep(65530))
    assert.equal(65535, #netlink.attribute(1, longest) - 1)
  end)
end)

describe("reading the kernel's bytes", function()
  it("raises EBADMSG where they are malformed, with the place", function()
    local function read() values.malformed "message at byte 3: cut short" end
    local err = errors.raised("EBADMSG", "recv", values.reading, read)
    assert.matches("message at byte 3: cut short$", err.message)
    errors.raised("EBADMSG", "recv", values.reading, values.messages, "\1")
    errors.raised("EBADMSG", "recv", values.reading, values.attributes, "\1")
    errors.raised("EBADMSG", "recv", values.reading, values.header, "=I4", "\1")
  end)

  it("passes results and other errors on", function()
    assert.equal(5, values.reading(function() return 5 end))
    local text = "attribute at byte 3: not the kernel's"
    errors.rejected("^" .. text .. "$", values.reading, error, text, 0)
  end)
end)

describe("flags", function()
  it("are a list in the order of their rows, and a set", function()
    local rows = { { 4, "four" }, { 1, "one" }, { 2, "two" } }
    assert.same({ "four", "one", four = true, one = true },
                values.flags_of(rows, 5))
    assert.same({}, values.flags_of(rows, 8))
  end)
end)
