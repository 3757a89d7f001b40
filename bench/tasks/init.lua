-- What tasks themselves cost: CPU time for each of 100,000.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local stats = require "bench.support.stats"

local M = {}

local folder <const> = "bench/tasks"
local order = { "sockeye", "cqueues", "asyncio" }
local parts = {
  { name = "timers", title = "a timer, of 100,000 at once" },
  { name = "spawn", title = "a task, spawned and joined" },
  { name = "channel", title = "an item through a channel of 64",
    lacks = "cqueues" },
}

local function cost(peer, part, options)
  local list = {}
  local count = options.quick and 2000 or 100000
  for i = 1, options.quick and 1 or 3 do
    local text = command.run(peers.words(peer, folder, part, count), 60)
    list[i] = assert(tonumber(text), text)
  end
  return ("%.2f"):format(stats.median(list))
end

function M.run(options)
  local result = { title = "Tasks: CPU time for each, µs",
                   columns = peers.titles("", order), rows = {}, notes = {} }
  for _, part in ipairs(parts) do
    table.insert(result.rows, report.row(part.title, order, function(name)
      return peers[name].available() and part.lacks ~= name and
        cost(peers[name], part.name, options)
    end))
  end
  return result
end

return M
