-- Malformed netlink messages and attributes: each is reported with its place,
-- and nothing behind it is read.

local netlink = require "sockeye.netlink"
local errors = require "spec.support.errors"

local function header(length, type, flags)
  return string.pack("=I4I2I2I4I4", length, type or 16, flags or 0, 1, 2)
end

local function attribute(length, type)
  return string.pack("=I2I2", length, type or 1)
end

local zeros = ("\0"):rep(64)
local good = header(20) .. "data"

local messages = {
  { "nothing but a part of a header", "abc", 1,
    "cut short %(3 bytes, at least 16%)" },
  { "a header without its last byte", header(16):sub(1, 15), 1,
    "cut short %(15 bytes, at least 16%)" },
  { "a length of zero", header(0), 1, "too small %(0, at least 16%)" },
  { "a length without the header's", header(15) .. zeros, 1,
    "too small %(15, at least 16%)" },
  { "a length beyond the end by one", header(21) .. "data", 1,
    "beyond the end %(21, at most 20%)" },
  { "the greatest length", header(0xffffffff) .. zeros, 1,
    "beyond the end %(4294967295, at most 80%)" },
  { "a length whose padding would wrap", header(0xfffffffd) .. zeros, 1,
    "beyond the end" },
  { "a second one of no length", good .. header(0), 21, "too small" },
  { "a second one that is cut", good .. header(20), 21, "beyond the end" },
  { "a rest after the last", good .. "\0\0\0", 21, "cut short" },
  { "nothing but zeros", zeros, 1, "too small" },
  { "an error without its number", header(19, 2) .. "abc\0", 17,
    "cut short %(3 bytes, at least 4%)" },
  { "an error without its request", header(20, 2) .. zeros:sub(1, 4), 21,
    "cut short %(0 bytes, at least 16%)" },
  { "an error whose request has no length", header(36, 2) .. zeros:sub(1, 20),
    21, "too small %(0, at least 16%)" },
  { "an error whose request is longer than it",
    header(36, 2) .. "\0\0\0\0" .. header(100), 21,
    "beyond the end %(100, at most 16%)" },
  { "an error whose request is the greatest",
    header(36, 2) .. "\0\0\0\0" .. header(0xffffffff), 21,
    "beyond the end" },
  { "an end of a dump with a part of a number", header(18, 3) .. "ab\0\0", 17,
    "cut short %(2 bytes, at least 4%)" },
  { "an acknowledgement whose attribute is cut",
    header(22, 3, 0x200) .. "\0\0\0\0" .. "ab\0\0", 21, "cut short" },
  { "an acknowledgement whose attribute has no length",
    header(24, 3, 0x200) .. "\0\0\0\0" .. attribute(0), 21, "too small" },
  { "an acknowledgement whose attribute is too long",
    header(24, 3, 0x200) .. "\0\0\0\0" .. attribute(5), 21,
    "beyond the end %(5, at most 4%)" },
}

local attributes = {
  { "a part of a header", "abc", 1, "cut short %(3 bytes, at least 4%)" },
  { "a length of zero", attribute(0) .. zeros, 1,
    "too small %(0, at least 4%)" },
  { "a length without the header's", attribute(3) .. zeros, 1, "too small" },
  { "a length beyond the end by one", attribute(9) .. "data", 1,
    "beyond the end %(9, at most 8%)" },
  { "the greatest length", attribute(0xffff) .. zeros, 1,
    "beyond the end %(65535, at most 68%)" },
  { "a second one of no length", attribute(8) .. "data" .. attribute(0), 9,
    "too small" },
  { "a rest after the last", attribute(4) .. "\0\0", 5, "cut short" },
}

describe("a netlink message", function()
  for _, case in ipairs(messages) do
    it("is refused: " .. case[1], function()
      errors.rejected(("at byte %d: .*%s"):format(case[3], case[4]),
                      netlink.decode, case[2])
    end)
  end

  it("is read up to an end of its own", function()
    local bytes = good .. good .. "rest"
    assert.equal(2, #netlink.decode(bytes, 1, 40))
    assert.equal(1, #netlink.decode(bytes, 21, 40))
    assert.same({}, netlink.decode(bytes, 41, 40))
    errors.rejected("at byte 21: .*beyond the end %(20, at most 19%)",
                    netlink.decode, bytes, 1, 39)
  end)

  it("may lack the padding of its last attribute", function()
    local list = netlink.decode(header(17) .. "a\0\0\0" .. header(17) .. "b")
    assert.equal("a", list[1].data)
    assert.equal("b", list[2].data)
  end)

  it("is refused if it is cut, at any length", function()
    local whole = header(48, 2, 0x300) .. "\1\0\0\0" .. header(16) ..
      attribute(12) .. "no such\0"
    assert.equal("no such", netlink.decode(whole)[1].message)
    for length = 1, #whole - 1 do
      errors.rejected("at byte %d+: ", netlink.decode, whole:sub(1, length))
    end
  end)

  it("is read or refused, whatever its bytes", function()
    local seed = 7
    local function byte()
      seed = seed * 1103515245 + 12345 & 0x7fffffff
      return seed >> 16 & 255
    end
    local whole = header(24) .. "12345678" .. header(48, 2, 0x200) ..
      "\1\0\0\0" .. header(16) .. attribute(12) .. "no such\0"
    for _ = 1, 20000 do
      local at = byte() % #whole + 1
      local bytes = whole:sub(1, at - 1) .. string.char(byte()) ..
        whole:sub(at + 1)
      for _, read in ipairs { netlink.decode, netlink.attributes } do
        local ok, result = pcall(read, bytes)
        if ok then
          assert.is_table(result)
        else
          assert.matches("at byte %d+: ", result)
        end
      end
    end
  end)
end)

describe("a netlink attribute", function()
  for _, case in ipairs(attributes) do
    it("is refused: " .. case[1], function()
      errors.rejected(("attribute at byte %d: .*%s"):format(case[3], case[4]),
                      netlink.attributes, case[2])
    end)
  end

  it("is refused if it is longer than its parent", function()
    local inner = attribute(12) .. "data"
    local bytes = attribute(12, 0x8002) .. inner .. "outside!"
    local outer = netlink.attributes(bytes, 1, 12)[1]
    assert.is_true(outer.nested)
    errors.rejected("at byte 1: .*beyond the end %(12, at most 8%)",
                    netlink.attributes, outer.data)
    errors.rejected("at byte 5: .*beyond the end %(12, at most 8%)",
                    netlink.attributes, bytes, 5, 12)
  end)

  it("may be empty, and as many as there is room for", function()
    local list = netlink.attributes((attribute(4)):rep(10000))
    assert.equal(10000, #list)
    assert.equal("", list[10000].data)
  end)
end)
