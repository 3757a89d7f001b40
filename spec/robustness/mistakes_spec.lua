-- What messages say of the mistakes of newcomers: the script's line first, the
-- call, what was wrong, and where it can be known, what would be right.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local mistakes = require "spec.support.mistakes"

-- What the script of a row raises, as text.
local function raised(row)
  local globals <const>, close <const> = mistakes.world()
  local script <const> = assert(load(
    ("\nlocal function script(...) %s\nend\nscript()\nreturn 1"):format(row[1]),
    "=script.lua", "t", globals))
  local ok <const>, err <const> = pcall(script)
  close()
  assert.is_false(ok, "nothing was raised")
  return tostring(err)
end

local function check(row)
  local text <const> = raised(row)
  assert.equal("script.lua:2: ", text:sub(1, 14), text)
  for i = 2, #row do
    assert.is_truthy(text:find(row[i], 1, true),
                     ("%q is not in %q"):format(row[i], text))
  end
  for _, never in ipairs { "sockeye.core", "/sockeye/", "%c", "'%?'",
                           "%.lua:%d+:.*%.lua:%d+:" } do
    assert.is_nil(text:find(never), text)
  end
  assert.is_true(#text < 300, text)
end

-- Runs f(...) where the name of the world says.
local worlds <const> = {
  ["outside tasks"] = function(f, ...) f(...) end,
}
for _, poller in ipairs(loops.pollers) do
  worlds["in a task by " .. poller] = function(f, ...)
    sockeye.run({ poller = poller }, f, ...)
  end
end

describe("the message about a mistake", function()
  descriptors.guard()

  it("is foretold for more than 120", function()
    local seen <const> = {}
    for _, row in ipairs(mistakes.rows) do
      assert.is_nil(seen[row[1]], row[1])
      seen[row[1]] = true
      assert.is_true(#row >= 3, row[1])
    end
    assert.is_true(#mistakes.rows > 120)
  end)

  for name, run in pairs(worlds) do
    for _, row in ipairs(mistakes.rows) do
      if name == "outside tasks" or not row.outside then
        it(("says where and what, %s: %s"):format(name, row[1]), function()
          run(check, row)
        end)
      end
    end
  end
end)
