-- Structures of numbers that the kernel fills in.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"

describe("option of numbers from the kernel", function()
  descriptors.guard()

  it("returns the sizes of the buffers: SO_MEMINFO", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal(s:getsockopt("SO_RCVBUF"), s:getsockopt("SO_MEMINFO").rcvbuf)
    assert.equal(s:getsockopt("SO_SNDBUF"), s:getsockopt("SO_MEMINFO").sndbuf)
  end)
end)
