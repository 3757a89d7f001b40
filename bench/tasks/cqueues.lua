-- cqueues.lua timers|spawn COUNT: microseconds of CPU time for each

local cqueues = require "cqueues"

local part, count = ..., tonumber((select(2, ...)))
local loop = cqueues.new()
local parts = {}

function parts.timers()
  for i = 1, count do
    loop:wrap(cqueues.sleep, 0.1 + i * 7919 % count / count)
  end
end

function parts.spawn()
  for i = 1, count do loop:wrap(math.abs, i) end
end

local before = os.clock()
parts[part]()
assert(loop:loop())
print(("%.3f"):format((os.clock() - before) / count * 1e6))
