-- Each source file has a spec of its own name, in the same folder of spec/.

local process = require "spec.support.process"

-- The paths below a folder that end so, without that ending.
local function paths(folder, ending)
  local result = process.run { "find", folder, "-name", "*" .. ending }
  local found = {}
  for path in result.stdout:gmatch "[^\n]+" do
    found[path:sub(#folder + 2, -#ending - 1)] = true
  end
  return found
end

describe("a source file", function()
  it("of csrc has a spec of its own name", function()
    local sources, specs = paths("csrc", ".c"), paths("spec", "_spec.lua")
    local missing = {}
    for name in pairs(sources) do
      if not specs[name] then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.is_true(sources["task/task"] and specs["task/task"])
    assert.same({}, missing)
  end)
end)
