-- sockeye.lua idle|timer COUNT: KiB of memory while so many tasks wait for an
-- event, or sleep

local sockeye = require "sockeye"

local kind, count = arg[1], tonumber(arg[2])

local function memory()
  collectgarbage()
  collectgarbage()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s*(%d+)"
    if size then return size end
  end
end

sockeye.run(function()
  local event = sockeye.event()
  sockeye.group(function(g)
    local last
    for _ = 1, count do
      if kind == "idle" then
        last = g:spawn(event.wait, event)
      else
        last = g:spawn(sockeye.sleep, 1000)
      end
    end
    sockeye.yield()
    assert(last:status() == "waiting")
    print(memory())
    g:cancel()
  end)
end)
