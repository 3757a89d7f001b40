-- cqueues.lua idle|timer COUNT: KiB of memory while so many coroutines wait for
-- a condition, or sleep

local condition = require "cqueues.condition"
local cqueues = require "cqueues"

local kind, count = arg[1], tonumber(arg[2])

local function memory()
  collectgarbage()
  collectgarbage()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s*(%d+)"
    if size then return size end
  end
end

local loop, event = cqueues.new(), condition.new()
for _ = 1, count do
  if kind == "idle" then
    loop:wrap(event.wait, event)
  else
    loop:wrap(cqueues.sleep, 1000)
  end
end
assert(loop:step(0))
assert(loop:count() == count)
print(memory())
os.exit(true)
