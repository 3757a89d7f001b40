-- Moving bytes from a socket that was shut down for reading.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local worlds = require "spec.support.worlds"

describe("a socket that is shut down for reading", function()
  descriptors.guard()

  for _, type in ipairs { "stream", "dgram", "seqpacket" } do
    worlds.it("ends splice and sendfile at once: " .. type, function()
      local a, b = sockeye.socketpair("unix", type)
      local c, d = sockeye.socketpair()
      for _, move in ipairs { a.splice, function(from, to)
        return to:sendfile(from)
      end } do
        a:settimeout(20)
        c:settimeout(20)
        a:shutdown "rd"
        local start = sockeye.now()
        assert.equal(0, move(a, c))
        assert.is_true(sockeye.now() - start < 10)
      end
      for _, s in ipairs { a, b, c, d } do s:close() end
    end)
  end

  worlds.it("ends splice to a pipe at once", function()
    for _, type in ipairs { "stream", "dgram", "seqpacket" } do
      local a, b = sockeye.socketpair("unix", type)
      local r, w = sockeye.pipe()
      a:settimeout(20)
      b:send "data"
      a:shutdown "rd"
      local start = sockeye.now()
      assert.equal(4, a:splice(w))
      assert.equal("data", r:read(100))
      assert.equal(0, a:splice(w))
      assert.is_true(sockeye.now() - start < 10)
      for _, s in ipairs { a, b, r, w } do s:close() end
    end
  end)

  worlds.it("gives what came before", function()
    local a, b = sockeye.socketpair("unix", "dgram")
    local c, d = sockeye.socketpair()
    a:settimeout(20)
    b:send "data"
    a:shutdown "rd"
    assert.equal(4, a:splice(c))
    assert.equal("data", d:recv(100))
    for _, s in ipairs { a, b, c, d } do s:close() end
  end)
end)
