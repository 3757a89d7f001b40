local cases = require "spec.support.finalizer_cases"
local process = require "spec.support.process"

-- What spec/support/finalizers.lua says of each case.
local outcomes

local function run()
  local result = process.run({ process.lua, "spec/support/finalizers.lua" },
                             { is_lua = true, timeout = 300 })
  outcomes = { [0] = { result.stderr } }
  for name, outcome, runs in
    result.stdout:gmatch("([^\t\n]*)\t([^\t\n]*)\t(%d+)\n") do
    outcomes[name] = { outcome, tonumber(runs) }
  end
end

describe("a call in which the collector runs", function()
  for _, case in ipairs(cases) do
    local name = case[1]
    it(("does no harm when %s"):format(name), function()
      if not outcomes then run() end
      local outcome = outcomes[name] or outcomes[0]
      assert.equal("ok", outcome[1])
      assert.is_true(outcome[2] > 0)
    end)
  end
end)
