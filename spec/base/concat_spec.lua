local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("an address or an error that is concatenated", function()
  descriptors.guard()

  local address = sockeye.inet("127.0.0.1", 80)
  local _, err = pcall(sockeye.socket, "inet", "rdm")

  it("is what tostring returns", function()
    for _, value in ipairs { address, err } do
      local text = tostring(value)
      assert.equal("from " .. text, "from " .. value)
      assert.equal(text .. " said", value .. " said")
      assert.equal("1" .. text .. "2.5", 1 .. value .. 2.5)
      for _, other in ipairs { address, err } do
        assert.equal(text .. tostring(other), value .. other)
      end
      assert.equal("a\0" .. text, "a\0" .. value)
    end
  end)

  it("joins nothing else", function()
    local strange = setmetatable({}, { __concat = function() return "own" end })
    for _, value in ipairs { address, err } do
      for kind, other in pairs { ["nil"] = false, table = {}, boolean = true,
                                 ["function"] = print } do
        if kind == "nil" then other = nil end
        local wanted = "attempt to concatenate a " .. kind .. " value"
        errors.rejected(wanted, function() return value .. other end)
        errors.rejected(wanted, function() return other .. value end)
      end
      assert.equal("own", strange .. value)
    end
  end)

  it("leaves it to another value's own metamethod, which may yield", function()
    local strange <const> = setmetatable({}, {
      __concat = function(a, b) return { a, b, coroutine.yield("waits") } end,
    })
    for _, value in ipairs { address, err } do
      local join <const> = coroutine.wrap(function()
        return value .. strange
      end)
      assert.equal("waits", join())
      local joined <const> = join("resumed")
      assert.equal(value, joined[1])
      assert.equal(strange, joined[2])
      assert.equal("resumed", joined[3])
    end
  end)
end)
