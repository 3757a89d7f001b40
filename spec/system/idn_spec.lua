-- International host names: their ASCII form, and that it is what is looked up.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local resolver = require "spec.support.resolver"

describe("idn", function()
  local names = {
    { "bücher.example", "xn--bcher-kva.example" },
    { "BÜCHER.Example", "xn--bcher-kva.example" },
    { "bu\u{308}cher.example", "xn--bcher-kva.example" },
    { "bücher.example.", "xn--bcher-kva.example." },
    { "www.Bücher.ÖSTERREICH", "www.xn--bcher-kva.xn--sterreich-z7a" },
    { "пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f" },
    { "παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp" },
    { "例え。テスト", "xn--r8jz45g.xn--zckzah" },
    { "Example.COM", "Example.COM" },
    { "xn--bcher-kva.example", "xn--bcher-kva.example" },
    { "localhost", "localhost" }, { "127.0.0.1", "127.0.0.1" },
    { "dıyar.example", "xn--dyar-lza.example" },
    { "fe80::1%größe", "fe80::1%größe" }, { "", "" },
    { ("x"):rep(500), ("x"):rep(500) },
  }
  for _, row in ipairs(names) do
    if row[2] then
      it(("makes %s of %s"):format(row[2]:sub(1, 60), row[1]:sub(1, 60)),
         function()
        assert.equal(row[2], sockeye.idn(row[1]))
      end)
    end
  end

  it("makes labels and names as long as they may be", function()
    local label = "ü" .. ("a"):rep(55)
    assert.equal(63, #sockeye.idn(label))
    errors.rejected("label that is too long", sockeye.idn, label .. "aa")
    errors.rejected("label that is too long", sockeye.idn, ("ü"):rep(64))
    errors.rejected("label that is too long", sockeye.idn,
                    ("\u{4e00}"):rep(1000))
    errors.rejected("label that is too long", sockeye.idn,
                    "ü." .. ("a"):rep(64))
    local name = label .. "." .. label .. "." .. label .. "."
    assert.equal(253, #sockeye.idn(name .. ("a"):rep(61)))
    errors.rejected("host is too long", sockeye.idn, name .. ("a"):rep(63))
  end)

  local refused = {
    { "no valid UTF%-8", "b\xfccher.example" },
    { "no valid UTF%-8", "bücher\xc3" },
    { "no valid UTF%-8", "\xed\xa0\x80" },
    { "no valid UTF%-8", "\xc0\xae" },
    { "no valid UTF%-8", "\xf4\x90\x80\x80" },
    { "white space", "bücher example" },
    { "white space", "ex ample" },
    { "white space", "example\n" },
    { "contains a zero", "bücher\0" },
    { "empty label", "ü..example" },
    { "empty label", ".ü" },
    { "empty label", "。" },
    { "encoded in part", "xn--bücher" },
    { "no host name has, U%+003A: 'ü:80'", "ü:80" },
    { "U%+003A", "::ü" }, { "U%+003A", "ü：80" }, { "U%+003A", "ü::1%lo" },
    { "'\\xed\\xa0\\x80'", "\xed\xa0\x80" },
    { "U%+0130", "İ" },
    { "string expected, got nil", nil },
    { "string expected, got table", {} },
  }
  for _, row in ipairs(refused) do
    it("refuses a text with the reason: " .. row[1], function()
      errors.rejected("#1.*" .. row[1], sockeye.idn, row[2])
    end)
  end
end)

describe("an international name", function()
  it("is looked up in ASCII, whatever the locale", function()
    local result = resolver.lua [[
      print(code(sockeye.resolve, "no-such-bücher.invalid", 80))
      local list = sockeye.resolve("１２７．0.0.1", 80, {type = "stream"})
      print(list[1].address)
      open(2)
      print(found "ＧＡＴＥ-105-107")
      sockeye.run(function() print(found "ｇａｔｅ-１０５-１０７") end)
    ]]
    assert.matches("no%-such%-bücher.invalid", result.stdout, result.stderr)
    assert.matches("127.0.0.1:80\n.*80\n.*80\n$", result.stdout, result.stderr)
  end)

  it("is refused as an argument of the call that the script made", function()
    for _, call in ipairs { "connect", "listen" } do
      errors.rejected("bad argument #1 to '" .. call .. "' %(host is no valid",
                      sockeye[call], "b\xfccher.example:80")
      errors.rejected("bad argument #1 to '" .. call .. "'.*U%+202E",
                      sockeye[call], "a\u{202e}b:80")
    end
    errors.rejected("#1.*host is no valid UTF%-8", sockeye.resolve, "\xff", 80)
    errors.rejected("#1.*white space", sockeye.resolve, "a b", 80)
  end)
end)
