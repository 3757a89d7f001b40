local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

describe("the bytes that wait in a stream", function()
  streams.guard()

  worlds.it("to be read are those of its buffer, too", function()
    local conn, peer = streams.pair()
    assert.equal(0, conn:inq())
    peer:send "line\nrest"
    assert.equal(9, conn:inq())
    conn:read "l"
    assert.equal(4, conn:inq())
    assert.equal(0, conn:socket():inq())
    peer:send "more"
    assert.equal(8, conn:inq())
    assert.equal("restmore", conn:read(8))
    assert.equal(0, conn:inq())
  end)

  worlds.it("to be sent are those of its buffer, too", function()
    local conn, peer = streams.tcp()
    conn:setvbuf "full"
    conn:write "12345"
    assert.equal(5, conn:outq())
    assert.equal(5, conn:outqnsd())
    assert.equal(0, conn:socket():outq())
    conn:flush()
    assert.equal("12345", peer:recv(5, "waitall"))
    examples.eventually(function() return conn:outq() == 0 end)
    assert.equal(0, conn:outq())
    assert.equal(0, conn:outqnsd())
  end)

  it("are counted of a pipe that is read", function()
    local r, w = sockeye.pipe()
    local conn = streams.keep(sockeye.stream(r))
    w:write "a\nbc"
    w:close()
    assert.equal("a", conn:read "l")
    assert.equal(2, conn:inq())
    errors.raised("EOPNOTSUPP", "outq", conn.outq, conn)
  end)

  it("are not counted of a closed stream", function()
    local conn = streams.pair()
    conn:close()
    for _, method in ipairs { "inq", "outq", "outqnsd" } do
      errors.raised("EBADF", method, conn[method], conn)
    end
  end)
end)
