-- What tasks themselves cost: CPU time for each of 100,000, and their memory
-- while they wait. The difference of two numbers of tasks leaves out the memory
-- of the process.

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

local kinds = {
  { name = "idle", title = "that waits for an event" },
  { name = "timer", title = "that sleeps, with its timer" },
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

local function memory(peer, kind, options)
  local few, many = 2000, options.quick and 12000 or 102000
  local function run(count)
    local text = command.run(peers.words(peer, folder .. "/memory", kind,
                                         count), 60)
    return assert(tonumber(text), text)
  end
  return report.number((run(many) - run(few)) * 1024 / (many - few))
end

local function memories(options)
  local result = { title = "Tasks: memory of each of 100,000, bytes",
                   columns = peers.titles("", order), rows = {}, notes = {} }
  for _, kind in ipairs(kinds) do
    table.insert(result.rows, report.row("one " .. kind.title, order,
                                         function(name)
      return peers[name].available() and memory(peers[name], kind.name,
                                                options)
    end))
  end
  return result
end

local function times(options)
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

function M.run(options)
  return { times(options), memories(options) }
end

return M
