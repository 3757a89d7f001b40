local core = require "sockeye.core"

local process = require "spec.support.process"

describe("sockeye.core", function()
  it("is a table in which no search finds a function", function()
    assert.is_nil(next(core))
    assert.equal("sockeye.core", getmetatable(core).__name)
  end)

  it("is not named by errors where it is loaded alone", function()
    local result = process.lua_script [[
      local core = require "sockeye.core"
      print(pcall(core.bind or core.socket, "inet9"))
      print(pcall(function() core.socket("inet9") end))
      print(xpcall(core.socket, debug.traceback, "inet9"))
    ]]
    assert.equal("", result.stderr)
    assert.matches("unknown family 'inet9'", result.stdout)
    assert.not_matches("sockeye%.core", result.stdout)
  end)
end)
