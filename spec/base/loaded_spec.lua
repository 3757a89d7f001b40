local process = require "spec.support.process"

describe("the module", function()
  it("stays in memory when the Lua state that loaded it is closed", function()
    local result = process.run {
      process.lua, "-e", [[
        local threads = require "spec.support.threads"
        local function is_mapped()
          for line in io.lines "/proc/self/maps" do
            if line:find("sockeye/core.so", 1, true) then return true end
          end
          return false
        end
        print(is_mapped(), threads.start("require 'sockeye'")(), is_mapped())
      ]],
    }
    assert.equal("", result.stderr)
    assert.equal("false\tnil\ttrue\n", result.stdout)
  end)
end)
