local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"

local function collect()
  collectgarbage()
  collectgarbage()
end

describe("a task that has not ended", function()
  descriptors.guard()

  it("lives though nothing but its loop refers to it", function()
    local ended = 0
    sockeye.run(function()
      for _ = 1, 20 do
        sockeye.spawn(function()
          sockeye.sleep(0.001)
          ended = ended + 1
        end)
      end
      collect()
    end)
    assert.equal(20, ended)
  end)

  it("dies with its loop", function()
    local weak = setmetatable({}, { __mode = "k" })
    local loop = sockeye.loop(function()
      weak[sockeye.spawn(sockeye.sleep, 60)] = true
    end)
    loop:step()
    collect()
    assert.is_truthy(next(weak))
    loop:close()
    loop = nil
    collect()
    assert.is_nil(loop or next(weak))
  end)

  it("is known to a `<close>` variable that the collector closes", function()
    local known
    sockeye.loop(function()
      local task = sockeye.spawn(sockeye.sleep, 60)
      local _ <close> = setmetatable({}, { __close = function()
        known = { task:status(), #sockeye.tasks() }
      end })
      sockeye.sleep(60)
    end):step()
    collect()
    assert.is_truthy(known)
    assert.equal("cancelled", known[1])
  end)
end)
