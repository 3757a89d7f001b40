-- What a request costs the server: its CPU time, beside C's and other
-- libraries' at the same work, each on a core of its own.

local measure = require "bench.servers.measure"
local peers = require "bench.support.peers"
local plot = require "bench.servers.plot"
local report = require "bench.support.report"
local rows = require "bench.servers.rows"

local M = {}

local function time(microseconds)
  return (microseconds < 1 and "%.2f" or "%.1f"):format(microseconds)
end

-- One line of the table that compares all: microseconds, and C's time over
-- the peer's.
local function comparison(row, names, results)
  local line = { rows.label(row), time(measure.median(results.c, "cpu")) }
  for i = 2, #names do
    local list = results[names[i]]
    line[i + 1] = not list and "–" or ("%s (%.2f)"):format(
      time(measure.median(list, "cpu")), (measure.ratio(results, names[i])))
  end
  return line
end

local function details(row, names, results, into)
  for _, name in ipairs(names) do
    local list = results[name]
    if list then
      local ratio, least, most = measure.ratio(results, name)
      local fairness = measure.median(list, "fairness")
      table.insert(into, {
        row.name, peers[name].title, ("%.2f"):format(
          measure.median(list, "cpu")),
        ("%.2f (%.2f–%.2f)"):format(ratio, least, most),
        report.number(measure.median(list, "rate")),
        report.number(measure.median(list, "p50")),
        report.number(measure.median(list, "p99")),
        report.number(measure.median(list, "p999")),
        fairness and ("%.2f"):format(fairness) or "",
      })
    end
  end
end

-- What a client of C's server and of ours waits.
local function add_latency(row, results, into)
  local line = { row.name }
  for _, name in ipairs { "c", "sockeye" } do
    for _, field in ipairs { "p50", "p99", "p999" } do
      local list = results[name]
      table.insert(line, list and report.number(measure.median(list, field)) or
                   "–")
    end
  end
  table.insert(line, results.sockeye and ("%.2f–%.2f"):format(
    select(2, measure.ratio(results, "sockeye"))) or "–")
  table.insert(into, line)
end

local function add_fairness(row, names, results, into)
  local label = "worst-served over the mean: " .. row.name
  table.insert(into, report.row(label, names, function(name)
    local list = results[name]
    return list and ("%.2f"):format(measure.median(list, "fairness"))
  end))
end

local function held_rows(names, options, into)
  for _, row in ipairs { rows.memory, rows.held } do
    if not (options.quick and row == rows.held) then
      table.insert(into, report.row(row.name, names, function(name)
        local result = measure.once(row, name, {})
        local value = result and (row == rows.memory and result.memory or
                                  result.connected)
        return value and report.number(value)
      end))
    end
  end
end

local function announce(failures)
  for name, why in pairs(failures) do
    io.stderr:write(("%s: %s\n"):format(peers[name].title,
                                        why:match "([^\n]+)\n*$"))
  end
end

local function chosen(row, options)
  return not options.row or row.name:find(options.row)
end

local function notes(options, missing)
  local list = { ("Microseconds of the server's CPU time, and C's in the "
    .. "same round over them (1.00: as C); medians of %d rounds, in which the "
    .. "servers took turns.")
    :format(options.rounds or (options.quick and 1 or 3)) }
  for _, name in ipairs(missing) do
    table.insert(list, peers[name].title .. " is not installed.")
  end
  return list
end

function M.run(options)
  local names, missing = measure.peers(options)
  local main = { title = "Servers: CPU time for each request",
                 columns = peers.titles("", names), rows = {},
                 notes = notes(options, missing) }
  local limits = { title = "Servers: fairness and limits",
                   columns = peers.titles("", names), rows = {} }
  local latency = { title = "Servers: what a client waits, µs", rows = {},
                    columns = { "", "C: p50", "p99", "p99.9", "Sockeye: p50",
                                "p99", "p99.9", "of C, range" } }
  local full = { title = "Servers: all figures", rows = {},
                 columns = { "", "", "µs", "of C (range)", "per second",
                             "p50 µs", "p99", "p99.9", "fairness" } }
  local points = {}
  for _, row in ipairs(rows.work) do
    if chosen(row, options) then
      local results, failures = measure.rounds(row, names, options)
      announce(failures)
      local line = comparison(row, names, results)
      table.insert(main.rows, line)
      io.stderr:write(table.concat(line, " | "), "\n")
      details(row, names, results, full.rows)
      if row.work ~= "packets" then
        add_latency(row, results, latency.rows)
      end
      if row.fair then add_fairness(row, names, results, limits.rows) end
      table.insert(points, { name = row.name, results = results })
    end
  end
  if not options.row then held_rows(names, options, limits.rows) end
  report.show(full)
  report.save("servers-all", full)
  report.write("servers.svg", plot.draw(points, names))
  local list = { main }
  for _, more in ipairs { latency, limits } do
    if #more.rows > 0 then table.insert(list, more) end
  end
  return list
end

return M
