-- Loops that a script steps by itself.

local sockeye = require "sockeye"

local M = {}

--- Whether the module has epoll; and if not, the reason to give.
function M.has_epoll()
  local loop <close> = sockeye.loop({ poller = "epoll" }, function() end)
  return loop:pollfd() ~= nil, "the module is built without epoll"
end

--- The pollers that there are to choose from.
M.pollers = { "epoll", "poll" }

--- Steps the loops in turn until all have ended; their results.
function M.step_all(...)
  local loops = { ... }
  local results = {}
  local left = #loops
  for _ = 1, 100000 do
    for i = 1, #loops do
      if not results[i] then
        local step = table.pack(loops[i]:step(0.001))
        if not step[1] then
          results[i] = table.pack(table.unpack(step, 2, step.n))
          left = left - 1
        end
      end
    end
    if left == 0 then return table.unpack(results) end
  end
  error("the loops do not end")
end

return M
