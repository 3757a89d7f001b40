local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local process = require "spec.support.process"

describe("the name of a signal", function()
  it("stands for the number that kill(1) gives it", function()
    for _, name in ipairs { "HUP", "INT", "KILL", "USR1", "TERM", "CHLD",
                            "WINCH", "SYS" } do
      local listed = process.run { "sh", "-c", "kill -l " ..
                                   sockeye["SIG" .. name] }
      assert.equal(name .. "\n", listed.stdout)
    end
  end)

  it("is accepted in either case, with and without its prefix", function()
    for _, name in ipairs { "SIGUSR2", "sigusr2", "USR2", "usr2" } do
      assert.equal("default", sockeye.signal(name))
    end
  end)

  it("is rejected, with the nearest, if there is no such signal", function()
    errors.rejected("did you mean 'winch'", sockeye.signal, "WINSH")
    errors.rejected("bad argument #2", sockeye.kill, sockeye.getpid(), "nul")
  end)

  it("may be its number, from 1 on where a handler is set", function()
    assert.equal("default", sockeye.signal(sockeye.SIGUSR2))
    for _, number in ipairs { 0, -1, 1000 } do
      errors.rejected("bad argument #1", sockeye.signal, number)
    end
  end)
end)
