local lfs = require "lfs"

-- The behaviours that a script must be able to bring about and observe. Each
-- has its label in the name of a spec of this folder.
local rows = {
  "socket-1", "socket-2", "socket-3",
  "addr-1", "addr-2", "addr-3", "addr-4", "addr-5",
  "bind-1", "bind-2", "bind-3", "bind-4", "bind-5", "bind-6", "bind-7",
  "connect-1", "connect-2", "connect-3", "connect-4", "connect-5",
  "connect-6", "connect-7",
  "listen-1", "listen-2", "listen-3",
  "accept-1", "accept-2", "accept-3", "accept-4",
  "close-1", "shutdown-1", "shutdown-2", "shutdown-3", "shutdown-4",
  "io-1", "io-2", "io-3", "io-4", "io-5",
  "name-1", "name-2", "name-3", "opt-1", "opt-2",
  "fork-1", "fork-2", "fork-3", "exec-1",
}

local folder <const> = "spec/behaviour/"

-- The labels at the beginning of the names in every it(…).
local function labels()
  local found = {}
  for name in lfs.dir(folder) do
    if name:find "_spec%.lua$" then
      local file <close> = assert(io.open(folder .. name))
      for label in file:read("a"):gmatch 'it%(%(?"(%a+%-%d+): ' do
        found[label] = true
      end
    end
  end
  return found
end

describe("every behaviour", function()
  it("has a spec that carries its label, and no label is another's",
     function()
    local found = labels()
    for _, row in ipairs(rows) do
      assert.is_true(found[row], row)
      found[row] = nil
    end
    assert.same({}, found)
  end)
end)
