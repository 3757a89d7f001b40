-- What the time-outs of a descriptor say.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local servers = require "spec.support.servers"

-- The message of the error with which `handler` ends, for a silent peer.
local function message_of(handler)
  local seen = {}
  servers.with_server("epoll", handler, {
    idle_timeout = 0.01, on_error = servers.keep_errors(seen),
  }, function(address)
    local conn <close> = servers.call(address)
    pcall(conn.read, conn, 1)
  end)
  return seen[1].err.message
end

describe("the time-out of a call", function()
  descriptors.guard()

  it("names the option of the server that has set it", function()
    assert.equal("timed out after 0.01 s, the limit of 'idle_timeout'",
                 message_of(function(stream) stream:read(1) end))
  end)

  it("is the script's own where that sets one, even of the same length",
    function()
      assert.equal("timed out after 0.01 s", message_of(function(stream)
        stream:settimeout(0.01)
        stream:read(1)
      end))
    end)

  it("names nothing else outside of servers", function()
    local a, b = sockeye.socketpair()
    b:settimeout(0.01)
    local _, err = pcall(b.recv, b, 1)
    a:close()
    b:close()
    assert.equal("timed out after 0.01 s", err.message)
  end)
end)
