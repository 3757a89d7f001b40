local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"

describe("what waitall gathers", function()
  descriptors.guard()

  it("is not overwritten by a finalizer that receives",
     function()
    local a, b = sockets.unix()
    local c, d = sockets.unix()
    local data, other = ("x"):rep(10000), ("y"):rep(20000)
    local calls = 0
    local meta = {
      __gc = function()
        calls = calls + 1
        c:send(other)
        d:recv(1 << 17)
      end,
    }
    local flags = sockeye.MSG_WAITALL | sockeye.MSG_DONTWAIT
    -- Each step of the collector is a whole cycle.
    local before = collectgarbage("incremental", 100, 1000, 30)
    for _ = 1, 10 do
      a:send(data)
      collectgarbage "stop"
      setmetatable({}, meta)
      collectgarbage "restart"
      local got = b:recv(1 << 17, flags)
      assert.is_true(got == data)
    end
    collectgarbage(before == "generational" and before or "incremental",
                   200, 100, 13)
    assert.is_true(calls > 0)
    sockets.close(a, b, c, d)
  end)

  it("grows as data arrives in small pieces", function()
    local a, b = sockets.unix()
    b:settimeout(0.001)
    local parts = {}
    for i = 1, 100 do parts[i] = tostring(i):rep(100) end
    local all = table.concat(parts)
    local pid = sockeye.fork()
    if pid == 0 then
      for _, part in ipairs(parts) do a:send(part) end
      sockeye._exit(0)
    end
    local got = {}
    repeat
      local ok, part = pcall(b.recv, b, #all, "waitall")
      got[#got + 1] = ok and part or part.partial
    until #table.concat(got) == #all
    assert.is_true(table.concat(got) == all)
    sockeye.waitpid(pid)
    sockets.close(a, b)
  end)
end)
