local process = require "spec.support.process"

-- Runs the hostile caller with two functions of the stub, and with the module
-- that is under test. The seed is one whose scripts do the same each time.
local function hunt(name, limit)
  return process.run({ "tools/hostile/run" }, {
    timeout = 240,
    env = {
      HOSTILE_CHECKED = os.getenv "SOCKEYE_CHECKED" == "asan" and 1 or 0,
      HOSTILE_STUB = "spec.support.hostile_stub",
      FLAVOURS = "plain", POLLERS = "epoll", ONCE = 1,
      NAMES = "^stub%.arm$ ^stub%." .. name .. "$", SEED = 11, STEPS = 7,
      JOBS = 2, LIMIT = limit or 60,
    },
  })
end

local function expected(name)
  return ([[
local _ENV = require "tools.hostile.kit"
main(function()
  try("stub.arm")
  try("stub.%s")
end)
]]):format(name)
end

-- The sanitizer reports what would end the process without it.
local crash <const> = os.getenv "SOCKEYE_CHECKED" == "asan" and
  "AddressSanitizer: SEGV" or "the process ends with status 139"

local faults = {
  { "crash", "a crash", crash },
  { "leak", "a descriptor that stays open", "descriptors stay open: #" },
  { "nameless", "an error that is nil", "stub%.nameless raises nil" },
  { "hang", "a call without end", "the script does not end", 6 },
}

describe("the hostile caller", function()
  for _, fault in ipairs(faults) do
    local name, what, text, limit = table.unpack(fault)
    it(("finds %s and reduces it to two calls"):format(what), function()
      local result = hunt(name, limit)
      if result.stdout:find "^pending" then return pending(result.stdout) end
      assert.equal(1, result.status, result.stderr)
      assert.matches("FAULT: " .. text, result.stdout)
      assert.is_truthy(result.stdout:find(expected(name), 1, true),
                       result.stdout)
    end)
  end

  it("finds no fault in what has none", function()
    local result = hunt("sound")
    if result.stdout:find "^pending" then return pending(result.stdout) end
    assert.equal(0, result.status, result.stdout .. result.stderr)
    assert.matches("0 of 2 never called, 0 faults", result.stdout)
  end)
end)
