-- How the cost of a request grows with the connections that wait meanwhile:
-- one in a hundred has a request under way, each in its turn.

local measure = require "bench.serving.measure"
local peers = require "bench.support.peers"
local rows = require "bench.serving.rows"

local M = {}

local order = { "c", "sockeye", "luv", "cqueues" }

function M.run(options)
  local result = {
    title = "Servers: CPU time of a request as connections grow, µs",
    columns = { "connections" }, rows = {}, notes = {},
  }
  local names = {}
  for _, name in ipairs(order) do
    if peers[name].available() then
      table.insert(names, name)
      table.insert(result.columns, peers[name].title)
    end
  end
  for _, row in ipairs(rows.growth) do
    local results = measure.rounds(row, names, options)
    local line = { row.name }
    for i, name in ipairs(names) do
      line[i + 1] = results[name] and ("%.1f (%.2f)"):format(
        measure.median(results[name], "cpu"),
        (measure.ratio(results, name))) or "–"
    end
    table.insert(result.rows, line)
  end
  return result
end

return M
