local sockeye = require "sockeye"

local worlds = require "spec.support.worlds"

describe("now", function()
  it("never goes back", function()
    local before = sockeye.now()
    for _ = 1, 1000 do
      local now = sockeye.now()
      assert.is_true(now >= before)
      before = now
    end
  end)
end)

describe("time", function()
  worlds.it("is that of os.time, with fractions", function()
    local has_fraction = false
    for _ = 1, 1000 do
      local before = os.time()
      local time = sockeye.time()
      assert.is_true(before <= time and time < os.time() + 2)
      assert.equal("float", math.type(time))
      has_fraction = has_fraction or time % 1 ~= 0
    end
    assert.is_true(has_fraction)
  end)

  it("can be made a date", function()
    local whole = sockeye.time() // 1 | 0
    assert.equal(whole, os.time(os.date("*t", whole)))
  end)
end)

describe("seconds of a time-out", function()
  it("are returned as they were given", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, seconds in ipairs { 0, 0.25, 1, 3600 } do
      assert.are.equal(seconds, s:settimeout(seconds):gettimeout())
    end
  end)

  it("are rounded up to nanoseconds", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.are.equal(1e-9, s:settimeout(1e-12):gettimeout())
  end)

  it("are nil if they are more than the clock counts", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, seconds in ipairs { 1e10, math.huge } do
      assert.is_nil(s:settimeout(seconds):gettimeout())
    end
  end)
end)
