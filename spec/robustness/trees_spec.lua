local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local trees = require "spec.support.trees"

describe("random trees of tasks", function()
  descriptors.guard()

  for _, poller in ipairs(loops.pollers) do
    it(("lose no error and leave nothing behind, by %s"):format(poller),
       function()
      local seed = os.time() * 1000
      assert.is_nil(trees.run_all(seed, 200, poller))
    end)
  end
end)
