local cases = require "spec.support.scenarios"
local process = require "spec.support.process"

-- What spec/support/starve.lua says of each case.
local outcomes

local function run()
  local result = process.run({ process.lua, "spec/support/starve.lua" },
                             { is_lua = true, timeout = 300 })
  outcomes = { [0] = result.stderr }
  for name, outcome in result.stdout:gmatch("([^\t\n]*)\t([^\n]*)\n") do
    outcomes[name] = outcome
  end
end

describe("a call for which there is not enough memory", function()
  for _, case in ipairs(cases) do
    local name = case[1]
    it(("raises that and leaves nothing open: %s"):format(name), function()
      if not outcomes then run() end
      assert.matches("^ok after %d+$", outcomes[name] or outcomes[0])
    end)
  end
end)

describe("the allocator that refuses", function()
  local allocator = assert(package.loadlib("./build/spec/allocator.so",
                                           "luaopen_allocator"))()

  it("refuses the first request", function()
    assert.same({ false, true, "not enough memory", n = 3 },
                table.pack(allocator.call(1, string.rep, "x", 10000)))
  end)

  it("refuses no request when there are enough", function()
    assert.same({ true, false, "xx", 1, n = 4 },
                table.pack(allocator.call(1000, function()
                  return "x" .. "x", 1
                end)))
  end)

  it("is gone after the call", function()
    allocator.call(1, string.rep, "x", 10000)
    assert.equal(10000, #string.rep("x", 10000))
  end)
end)
