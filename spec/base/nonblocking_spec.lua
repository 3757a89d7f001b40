local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"

describe("O_NONBLOCK", function()
  descriptors.guard()

  for _, flag in ipairs { false, true } do
    it(("is %s again when a call has set it"):format(flag), function()
      local a, b = sockets.unix()
      local c, d = sockets.unix()
      for _, s in ipairs { b, c } do s:fcntl("O_NONBLOCK", flag) end
      sockeye.run(function()
        a:send "hello"
        assert.are.equal(5, sockeye.splice(b, c, 5))
      end)
      assert.are.equal("hello", d:recv(5))
      for _, s in ipairs { b, c } do
        assert.are.equal(flag, s:fcntl "O_NONBLOCK")
      end
      sockets.close(a, b, c, d)
    end)
  end
end)
