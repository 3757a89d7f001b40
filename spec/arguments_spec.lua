local fuzz = require "spec.support.fuzz"
local process = require "spec.support.process"

-- What spec/support/fuzz.lua says of each function.
local outcomes

local function run()
  local result = process.run({ process.lua, "spec/support/fuzz.lua", "60" },
                             { is_lua = true, timeout = 300 })
  outcomes = { [0] = ("exit %s, signal %s: %s"):format(
    result.status, result.signal, result.stderr) }
  for name, outcome in result.stdout:gmatch("([%w.:_ ]+)\t([^\n]*)\n") do
    outcomes[name] = outcome
  end
end

describe("arguments of any kind", function()
  local names = { "options of getsockopt", "options of setsockopt" }
  for _, entry in ipairs(fuzz.functions()) do
    names[#names + 1] = entry[1]
  end

  for _, name in ipairs(names) do
    it("are taken, or told to be wrong, by " .. name, function()
      if not outcomes then run() end
      assert.equal("ok", outcomes[name] or outcomes[0])
    end)
  end
end)
