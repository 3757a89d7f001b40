local errors = require "spec.support.errors"
local files = require "spec.support.files"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

-- What is in the stream, and the formats to read it by.
local cases = {
  { "", { "n" } },
  { "12 0x1F -3.5e2\t.5 1e foo", { "n", "n", "n", "n", "n", "n" } },
  { "0x 1", { "n", "n" } }, { "0xA.8p1,5", { "n", 1, "n" } },
  { "- 5", { "n", "l" } }, { "+7-7", { "n", "n" } }, { "--7", { "n", "a" } },
  { "  \n\t 42", { "n", "n" } }, { "1e+10 1e-2 1E5", { "n", "n", "n" } },
  { "99999999999999999999 9223372036854775807", { "n", "n" } },
  { ("1"):rep(200) .. " 2", { "n", "n" } },
  { ("1"):rep(201) .. " 2", { "n", "a" } }, { ("1"):rep(250), { "n", "n" } },
  { "0x" .. ("f"):rep(20), { "n" } }, { "nan inf", { "n", "a" } },
  { "1..2", { "n", "n" } }, { ".", { "n", "a" } }, { "5", { "n" } },
  { "5\n", { "n", "l", "l" } }, { "0", { "n", "n" } }, { "00x1", { "n", "a" } },
  { "\v\f\r 8", { "n" } }, { "12abc", { "n", "l" } },
  { "1\n2\n3\n", { "n", "l", "n", "L", "n", "a" } },
}

describe("a numeral", function()
  streams.guard()

  files.same(cases)

  worlds.it("is refused after too many blanks", function()
    local conn, peer = streams.pair()
    conn:setmax(10)
    peer:sendall((" "):rep(20))
    errors.raised("EMSGSIZE", "read", conn.read, conn, "n")
    assert.equal((" "):rep(20), conn:read(20))
  end)
end)
