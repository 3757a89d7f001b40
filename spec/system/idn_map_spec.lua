-- Single characters of international host names: by the label that they make.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"

-- Encodes the character between two others, so that no accent is alone.
local function encoded(character)
  return sockeye.idn("q" .. character .. "q")
end

describe("a character of a host name", function()
  -- Each capital letter and the small one.
  local capitals = "AaZzÀàÖöØøÞþĀāĶķĹĺŇňŊŋŶŷŸÿŹź" ..
    "ŽžƠơƯưǍǎȘșȚțȲȳΆάΈέΉήΊίΌόΎύΏώ" ..
    "ΑαΡρΣσΫϋЀѐЏџАаЯяЁёЇїЄєҐґӀӏӁӂ" ..
    "ӐӑԮԯԱաՖֆḀḁẔẕẞßẠạẾếỲỳ"

  it("is small, as its capital", function()
    local letters = {}
    for _, point in utf8.codes(capitals) do
      letters[#letters + 1] = utf8.char(point)
    end
    for i = 1, #letters, 2 do
      assert.equal(encoded(letters[i + 1] .. "ü"), encoded(letters[i] .. "ü"))
      assert.not_equal(encoded(letters[i + 1] .. "ü"), encoded "xü")
    end
    assert.equal(0, #letters % 2)
  end)

  it("is one with the accent that follows it", function()
    local pairs_of = {
      ["u\u{308}"] = "ü", ["U\u{308}"] = "ü", ["e\u{301}"] = "é",
      ["n\u{303}"] = "ñ", ["c\u{327}"] = "ç", ["a\u{30a}"] = "å",
      ["e\u{302}\u{301}"] = "ế", ["a\u{323}\u{302}"] = "ậ",
      ["и\u{306}"] = "й", ["Е\u{308}"] = "ё", ["α\u{301}"] = "ά",
      ["ι\u{308}\u{301}"] = "ΐ", ["s\u{326}"] = "ș",
      ["か\u{3099}"] = "が", ["ハ\u{309a}"] = "パ",
      ["\u{627}\u{654}"] = "\u{623}", ["\u{928}\u{93c}"] = "\u{929}",
      ["o\u{31b}"] = "ơ",
    }
    for text, letter in pairs(pairs_of) do
      assert.equal(encoded(letter), encoded(text))
    end
  end)

  it("is ASCII in place of the full-width form", function()
    assert.equal("example.com", sockeye.idn "ｅｘａｍｐｌｅ．ＣＯＭ")
    assert.equal("1-2", sockeye.idn "１－２")
  end)

  it("is a full stop in each of four forms", function()
    for _, stop in ipairs { ".", "。", "．", "｡" } do
      assert.equal("xn--tda.xn--tda", sockeye.idn("ü" .. stop .. "ü"))
    end
  end)

  it("stays as it is in other scripts, and if it is a symbol", function()
    assert.equal("xn--wnu.xn--fiqs8s", sockeye.idn "我.中国")
    assert.equal("xn--i-7iq.ws", sockeye.idn "i❤.ws")
    assert.equal("xn--ls8h.la", sockeye.idn "💩.la")
    assert.equal("xn--ngbrx", sockeye.idn "عرب")
    assert.equal("xn--3e0b707e", sockeye.idn "한국")
    assert.equal("xn--fa-hia.de", sockeye.idn "faß.de")
  end)

  it("is refused where it would have to be replaced otherwise", function()
    local refused = {
      0x80, 0xa0, 0xad, 0xaa, 0xb2, 0x130, 0x132, 0x13f, 0x149, 0x17f, 0x1c4,
      0x301, 0x345, 0x3f4, 0x10a0, 0x1100, 0x13a0, 0x1680, 0x1f08, 0x1fff,
      0x2000, 0x200b, 0x200d, 0x200e, 0x202e, 0x2028, 0x2060, 0x212a, 0x2160,
      0x24b6, 0x2c00, 0x3000, 0x3099, 0x3131, 0xa640, 0xe000, 0xf900, 0xfb01,
      0xfe0f, 0xfeff, 0xff71, 0xfffd, 0xfffe, 0xffff, 0x10400, 0x1d400,
      0x2f800, 0xe0001, 0xf0000, 0x10ffff,
    }
    for _, point in ipairs(refused) do
      errors.rejected(("no host name has, U%%+%04X: '"):format(point),
                      sockeye.idn, "q" .. utf8.char(point) .. "q")
    end
  end)
end)
