local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"

describe("a socket in another library's loop", function()
  descriptors.guard()

  it("has the number of its descriptor as pollfd and getfd", function()
    local a, b = sockets.unix()
    assert.equal(a:fd(), a:pollfd())
    assert.equal(a:fd(), a:getfd())
    sockets.close(a, b)
  end)

  it("waits to be read, as long as its time-out", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal("r", s:events())
    assert.is_nil(s:timeout())
    assert.equal(0.25, s:settimeout(0.25):timeout())
    assert.equal(0, s:settimeout(0):timeout())
  end)

  it("is never dirty, for it has no buffer", function()
    local a, b = sockets.unix()
    b:send "hello"
    assert.equal("h", a:recv(1))
    assert.is_false(a:dirty())
    sockets.close(a, b)
  end)
end)
