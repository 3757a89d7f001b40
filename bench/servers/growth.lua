-- How the cost of a request grows with the connections that wait meanwhile:
-- one in a hundred has a request under way, each in its turn.

local measure = require "bench.servers.measure"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local rows = require "bench.servers.rows"

local M = {}

local order = { "c", "sockeye", "luv", "cqueues" }

function M.run(options)
  local names = peers.present(order)
  local result = {
    title = "Servers: CPU time of a request as connections grow, µs",
    columns = peers.titles("connections", names), rows = {}, notes = {},
  }
  for _, row in ipairs(rows.growth) do
    local results = measure.rounds(row, names, options)
    table.insert(result.rows, report.row(row.name, names, function(name)
      return results[name] and ("%.1f (%.2f)"):format(
        measure.median(results[name], "cpu"), (measure.ratio(results, name)))
    end))
  end
  return result
end

return M
