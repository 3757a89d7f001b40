local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

describe("O_NONBLOCK that somebody else has set on a pipe", function()
  descriptors.guard()

  it("still lets read wait", function()
    local r, w = sockeye.pipe()
    local other = sockets.share(r):fcntl("O_NONBLOCK", true)
    assert.is_false(other:read(5))
    do
      local _ <close> = fork.interrupt("USR1", function() w:write "hello" end)
      assert.equal("hello", r:read(5))
    end
    sockets.close(r, w, other)
  end)
end)

describe("sockatmark", function()
  descriptors.guard()

  it("raises an error on sockets without urgent data", function()
    local a, b = sockets.udp()
    errors.raised("ENOTTY", "sockatmark", a.sockatmark, a)
    sockets.close(a, b)
    local r, w = sockeye.pipe()
    errors.raised("ENOTTY", "sockatmark", r.sockatmark, r)
    sockets.close(r, w)
    a, b = sockets.tcp()
    assert.is_false(a:sockatmark())
    sockets.close(a, b)
    errors.raised("EBADF", "sockatmark", a.sockatmark, a)
  end)
end)
