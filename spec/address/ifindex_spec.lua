local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("the interface of an address", function()
  descriptors.guard()

  local lo = sockeye.if_nametoindex "lo"

  for _, make in ipairs { "packet", "can" } do
    it("is a name, an index, or any: " .. make, function()
      for _, given in ipairs { "lo", lo, tostring(lo) } do
        local a = sockeye[make](given)
        assert.equal("lo", a.interface)
        assert.equal(lo, a.ifindex)
      end
      for _, any in ipairs { "*", 0, "0" } do
        local a = sockeye[make](any)
        assert.is_nil(a.interface)
        assert.equal(0, a.ifindex)
      end
      assert.equal(sockeye[make] "*", sockeye[make]())
    end)

    it("is an error where there is none of that name: " .. make, function()
      errors.rejected("#1.*no interface has this name", sockeye[make],
                      "nosuch0")
      errors.rejected("#1.*out of range", sockeye[make], 1 << 31)
      errors.rejected("#1", sockeye[make], true)
    end)
  end
end)
