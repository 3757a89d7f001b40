local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local process = require "spec.support.process"
local trees = require "spec.support.trees"

local count <const> = 300

-- Beside what is preloaded already, by a sanitizer for one.
local function preload(library)
  local before <const> = os.getenv "LD_PRELOAD" or ""
  return before == "" and library or before .. ":" .. library
end

describe("random trees of tasks", function()
  descriptors.guard()

  for _, poller in ipairs(loops.pollers) do
    it(("lose no error and leave nothing behind, by %s"):format(poller),
       function()
      local seed = os.time() * 1000
      assert.is_nil(trees.run_all(seed, 100, poller))
    end)

    it(("end as the model foretells, by %s"):format(poller), function()
      local seed = os.time() * 1000
      local env = { LD_PRELOAD = preload "./build/spec/clock.so" }
      local result = process.run({
        process.lua, "spec/support/trees.lua", seed, count, poller,
      }, { env = env, timeout = 300 })
      if result.stdout:find "by the system's clock" then
        return pending "no clock can be simulated here"
      end
      assert.equal(("%d trees from seed %d on, by %s: %d as foretold\n")
                     :format(count, seed, poller, count), result.stdout)
      assert.equal(0, result.status, result.stderr)
    end)
  end
end)
