-- Counts the assertions of specs, so that a spec that asserts nothing, which
-- nothing could make fail, is a failure.

local M = {}

local count = 0

--- Called by a helper that raises an error if what it checks is wrong.
function M.note()
  count = count + 1
end

-- Counts the assertions that are fields of `assert`. A plain assert(…) is not
-- counted: most prepare a spec.
local function count_luassert()
  local meta = getmetatable(require "luassert")
  local index = meta.__index
  function meta.__index(self, name)
    M.note()
    return index(self, name)
  end
end

--- Makes each spec fail that ends without an assertion. Called once, when
-- busted runs.
function M.require_of_all(busted)
  count_luassert()
  busted.subscribe({ "test", "start" }, function(element)
    local body = element.run
    if element.is_counted then return nil, true end
    element.is_counted = true
    element.run = function(...)
      local before = count
      body(...)
      if count == before then busted.fail("this spec asserts nothing") end
    end
    return nil, true
  end)
end

return M
