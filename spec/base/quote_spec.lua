local sockeye = require "sockeye"

-- What an error shows of the text of an address.
local function shown(text)
  local _, err = pcall(sockeye.address, text)
  return err:match("not an address: '(.*)' %(")
end

describe("a script's text in an error", function()
  local cases = {
    { "", "" },
    { "plain text: 'it'", "plain text: 'it'" },
    { "a\\b", "a\\b" },
    { "\n\r\t", "\\n\\r\\t" },
    { "a\0b", "a\\x00b" },
    { "\27[2J\127", "\\x1b[2J\\x7f" },
    { "é€𝄞", "é€𝄞" },
    { "\xc2\x80\xc2\x9b\xc2\xa0", "\\xc2\\x80\\xc2\\x9b\xc2\xa0" },
    { "\xff\xfe", "\\xff\\xfe" },
    { "\xc3", "\\xc3" },
    { "\xe2\x82", "\\xe2\\x82" },
    { "\xc0\x80\xf5\x80\x80\x80", "\\xc0\\x80\\xf5\\x80\\x80\\x80" },
    { "\xed\x9f\xbf\xed\xa0\x80", "\xed\x9f\xbf\\xed\\xa0\\x80" },
    { "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80",
      "\xf4\x8f\xbf\xbf\\xf4\\x90\\x80\\x80" },
    { "\xe0\x80\x80\xf0\x8f\xbf\xbf",
      "\\xe0\\x80\\x80\\xf0\\x8f\\xbf\\xbf" },
    { "\xc3(", "\\xc3(" },
    { ("x"):rep(120), ("x"):rep(120) },
    { ("x"):rep(121), ("x"):rep(120) .. "..." },
    { ("x"):rep(118) .. "€", ("x"):rep(118) .. "..." },
    { ("x"):rep(117) .. "€", ("x"):rep(117) .. "€" },
    { ("x"):rep(117) .. "\0", ("x"):rep(117) .. "..." },
    { ("\0"):rep(1000), ("\\x00"):rep(30) .. "..." },
  }

  for _, case in ipairs(cases) do
    it(("is printable and short: %.40s"):format(case[2]), function()
      assert.equal(case[2], shown(case[1]))
    end)
  end

  it("is that of a value in the files that are written in Lua", function()
    local quote = require("sockeye.core").primitives.quote
    assert.equal("nil", quote(nil))
    assert.equal("12", quote(12))
    assert.equal("\\x00", quote(setmetatable({}, {
      __tostring = function() return "\0" end })))
  end)

  it("is whole where it is the longest address", function()
    local s <close> = sockeye.socket("unix", "stream")
    local path = "/nosuch/" .. ("x"):rep(100)
    local _, err = pcall(s.connect, s, "unix:" .. path)
    assert.is_truthy(tostring(err):find("connect unix:" .. path .. ": ", 1,
                                        true))
  end)
end)
