local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("an address of an algorithm", function()
  descriptors.guard()

  local cases = {
    { "alg:hash/sha256", "hash", "sha256" },
    { "alg:skcipher/cbc(aes)", "skcipher", "cbc(aes)" },
    { "alg:aead/gcm(aes)/0x1/0xffffffff", "aead", "gcm(aes)",
      { feat = 1, mask = 0xffffffff } },
    { "alg:hash/a%2fb%25%20%ff", "hash", "a/b% \xff" },
    { "alg:" .. ("t"):rep(13) .. "/" .. ("n"):rep(63), ("t"):rep(13),
      ("n"):rep(63) },
  }

  for _, case in ipairs(cases) do
    it("is " .. case[1], function()
      local options = case[4] or { feat = 0, mask = 0 }
      local a = sockeye.alg(table.unpack(case, 2))
      assert.equal(case[1], tostring(a))
      assert.equal(case[2], a.type)
      assert.equal(case[3], a.name)
      assert.equal(options.feat, a.feat)
      assert.equal(options.mask, a.mask)
      assert.equal(string.pack("=Hc14I4I4c64", sockeye.AF_ALG, case[2],
                               options.feat, options.mask, case[3]), a:pack())
      assert.equal(a, sockeye.address(case[1]))
      assert.is_false(a:is_any())
    end)
  end

  it("is no other", function()
    local rejected = {
      { "#1.*empty", "", "sha256" }, { "#2.*empty", "hash", "" },
      { "#1.*at most 13", ("t"):rep(14), "x" },
      { "#2.*at most 63", "hash", ("n"):rep(64) }, { "#1.*zero", "a\0", "x" },
      { "#2", "hash" }, { "#1" }, { "#3.*feat", "h", "n", { feat = -1 } },
      { "#3.*flags", "h", "n", { flags = 1 } }, { "#3", "h", "n", 1 },
    }
    for _, case in ipairs(rejected) do
      errors.rejected(case[1], sockeye.alg, table.unpack(case, 2))
    end
    for _, text in ipairs {
      "alg:hash", "alg:hash/a%2", "alg:hash/%zz", "alg:hash/%00",
      "alg:hash/a/1", "alg:hash/a/1/x", "alg:hash/a/1/2/3",
      "alg:" .. ("t"):rep(14) .. "/x", "alg:hash/" .. ("n"):rep(64),
      "alg:" .. ("x"):rep(1000),
    } do
      errors.rejected("not an address", sockeye.address, text)
    end
  end)
end)
