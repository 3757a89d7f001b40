local sockeye = require "sockeye"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

describe("an idle stream", function()
  streams.guard()

  it("costs little", function()
    local count <const> = 400
    local peers, ends = {}, {}
    sockeye.run(function()
      for i = 1, count do ends[i], peers[i] = sockeye.socketpair() end
      collectgarbage()
      collectgarbage()
      local before = collectgarbage "count"
      local function handle(s)
        local conn <close> = sockeye.stream(s)
        for line in conn:lines() do conn:write(line, "\n") end
      end
      for i = 1, count do
        sockeye.spawn(handle, ends[i])
        ends[i] = false
      end
      sockeye.yield()
      for i = 1, count do peers[i]:send "line\n" end
      for i = 1, count do assert.equal("line\n", peers[i]:recv(10)) end
      collectgarbage()
      collectgarbage()
      -- The socket itself was there before.
      assert.is_true((collectgarbage "count" - before) * 1024 / count < 1900)
      for i = 1, count do peers[i]:close() end
    end)
  end)
end)

describe("a stream whose peer does not read", function()
  streams.guard()

  worlds.it("costs no more memory than the buffer", function()
    local conn = streams.pair()
    local before
    local part = ("x"):rep(4096)
    conn:settimeout(0)
    for i = 1, 10000 do
      conn:write(part)
      if i == 100 then before = streams.memory() end
    end
    assert.is_true(streams.memory() - before < 2048)
  end)
end)
