-- What scenarios are made with, and their list.

local sockeye = require "sockeye"

local M = { list = {} }

local counts = {}

--- Adds a scenario. Names are made different by a number.
function M.add(name, prepare)
  counts[name] = (counts[name] or 0) + 1
  if counts[name] > 1 then name = name .. ", " .. counts[name] end
  local scenario = { name, prepare }
  M.list[#M.list + 1] = scenario
  return scenario
end

--- A call without anything to prepare.
function M.add_call(name, f, ...)
  local arguments = table.pack(...)
  return M.add(name, function() return f, arguments, {} end)
end

--- A call that runs loops of its own, so that it cannot be made in a task.
function M.add_loops(name, f, ...)
  local scenario = M.add_call(name, f, ...)
  scenario.loops = true
  return scenario
end

--- A scenario that runs f in a task.
function M.add_task(name, f)
  M.add_loops(name, sockeye.run, f)
end

--- A method of one end of a socketpair, once the other end has sent data.
function M.add_pair(name, data, method, ...)
  local arguments = table.pack(...)
  M.add(name, function()
    local a, b = sockeye.socketpair()
    if data then b:send(data) end
    return a[method], { a, table.unpack(arguments, 1, arguments.n) },
      { a, b }
  end)
end

function M.listener(family, address)
  return sockeye.socket(family or "inet", "stream")
    :bind(address or "127.0.0.1:0"):listen()
end

function M.datagram()
  return sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
end

return M
