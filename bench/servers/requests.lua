-- The system calls of a request: the difference between a run with many
-- requests and one with few.

local measure = require "bench.servers.measure"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local rows = require "bench.servers.rows"
local strace = require "bench.support.strace"

local M = {}

local order = { "c", "sockeye", "luasocket", "luv", "cqueues" }
local works = { rows.work[1], rows.work[5], rows.work[6] }

-- The calls of a run, and how many requests it served, or nil.
local function count(row, name, operations)
  local counts, result = strace.count(function(around)
    return (measure.once(row, name, { operations = operations }, around))
  end)
  local calls = 0
  for _, number in pairs(counts) do calls = calls + number end
  return calls, result and result.operations
end

-- Calls for each request, or nil.
local function calls_of(row, name, quick)
  local few, many = 2000, quick and 4000 or 12000
  local before, first = count(row, name, few)
  local after, last = count(row, name, many)
  if not (first and last) then return nil end
  return ("%.2f"):format((after - before) / (last - first))
end

function M.run(options)
  local result = { title = "Servers: system calls of a request",
                   columns = peers.titles("", order), rows = {}, notes = {} }
  if not strace.available(result) then return result end
  for _, row in ipairs(works) do
    table.insert(result.rows, report.row(rows.label(row), order, function(name)
      return peers[name].available() and calls_of(row, name, options.quick)
    end))
  end
  return result
end

return M
