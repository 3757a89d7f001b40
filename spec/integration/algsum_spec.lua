local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local temporary = require "spec.support.temporary"

-- FIPS 180-4, and the hash of nothing.
local known <const> = {
  abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  [("a"):rep(1000000)] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
}

-- Why the kernel computes no hash here; nil: it does.
local function reason_against()
  local ok, err = pcall(function()
    local s <close> = sockeye.socket("alg", "seqpacket")
    s:bind(sockeye.alg("hash", "sha256"))
  end)
  return not ok and "this kernel has no AF_ALG with sha256: " .. err or nil
end

describe("algsum", function()
  descriptors.guard()

  it("prints the hash of each file", function()
    local reason = reason_against()
    if reason then return pending(reason) end
    for text, hash in pairs(known) do
      local file <close> = temporary.file(text)
      local path = file.path
      local result = examples.run("algsum", { path })
      assert.equal("", result.stderr)
      assert.equal(hash .. "  " .. path .. "\n", result.stdout)
    end
  end)

  it("reports a file that cannot be read, and continues", function()
    local reason = reason_against()
    if reason then return pending(reason) end
    local result = examples.run("algsum", { "/nosuch", "/dev/null" })
    assert.equal(1, result.status)
    assert.matches("^algsum: /nosuch: ", result.stderr)
    assert.equal(known[""] .. "  /dev/null\n", result.stdout)
  end)

  it("says what the kernel does not have", function()
    local result = examples.run("algsum", { "-a", "nosuch", "/dev/null" })
    assert.equal(1, result.status)
    assert.equal("", result.stdout)
    assert.is_truthy(result.stderr:find("EAFNOSUPPORT", 1, true) or
                     result.stderr:find("alg:hash/nosuch", 1, true))
  end)

  it("prints its usage when it is called wrongly", function()
    local result = examples.run("algsum", { "-x" })
    assert.equal(2, result.status)
    assert.matches("^usage: lua algsum", result.stderr)
  end)
end)
