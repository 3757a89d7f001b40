local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"

-- As RFC 1071 says it, two bytes at a time.
local function plainly(data)
  local sum = 0
  for i = 1, #data, 2 do
    sum = sum + (data:byte(i) << 8) + (data:byte(i + 1) or 0)
    sum = (sum & 0xffff) + (sum >> 16)
  end
  return ~sum & 0xffff
end

describe("checksum", function()
  descriptors.guard()

  local rows = {
    { "", 0xffff },
    { "\0", 0xffff },
    { "\1", 0xfeff },
    { "\0\1", 0xfffe },
    -- The example of RFC 1071.
    { "\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 0x220d },
    { ("\xff"):rep(8), 0 },
    { ("\xff"):rep(9), 0x00ff },
    -- A header of IPv4, without its checksum and with it.
    { "\x45\0\0\x73\0\0\x40\0\x40\x11\0\0\xc0\xa8\0\1\xc0\xa8\0\xc7", 0xb861 },
    { "\x45\0\0\x73\0\0\x40\0\x40\x11\xb8\x61\xc0\xa8\0\1\xc0\xa8\0\xc7", 0 },
  }

  for _, row in ipairs(rows) do
    it(("of %q is 0x%04x"):format(row[1], row[2]), function()
      assert.equal(row[2], sockeye.checksum(row[1]))
      assert.equal(row[2], plainly(row[1]))
    end)
  end

  it("is that of RFC 1071 at every length and place in memory", function()
    local bytes = examples.bytes(300)
    for first = 1, 9 do
      for last = first - 1, first + 140 do
        local data = bytes:sub(first, last)
        assert.equal(plainly(data), sockeye.checksum(data))
      end
    end
    for _, byte in ipairs { "\xff", "\x80\0", "\0\xff" } do
      local data = byte:rep(70000)
      assert.equal(plainly(data), sockeye.checksum(data))
    end
  end)

  it("continues from the checksum of earlier data", function()
    local bytes = examples.bytes(99)
    for at = 0, 98, 2 do
      local start = sockeye.checksum(bytes:sub(1, at))
      assert.equal(sockeye.checksum(bytes),
                   sockeye.checksum(bytes:sub(at + 1), start))
    end
    assert.equal(0, sockeye.checksum("", 0))
  end)

  it("rejects other values than strings, and wrong beginnings", function()
    for _, start in ipairs { -1, 65536, 0.5, "x", true } do
      errors.rejected("bad argument #2", sockeye.checksum, "", start)
    end
    for _, data in ipairs { true, print, {} } do
      errors.rejected("bad argument #1", sockeye.checksum, data)
    end
    errors.rejected("bad argument #1", sockeye.checksum)
  end)
end)
