-- UDP datagrams over the loopback: what sending and receiving one costs, alone,
-- as one of a batch, and as one of those that the system segments and joins.
-- The programs take turns, so that what else the machine does meets all of
-- them; the figures are ratios to C's in the same round.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local stats = require "bench.support.stats"

local M = {}

local folder <const> = "bench/calls/datagrams"

local methods = {
  loop = "a system call each",
  batch = "sendmany, recvmany: 32 to a system call",
  offload = "gso_size, gro_size: 32 to a message",
}

-- What is measured: the size of a datagram, in what way, and by whom. The first
-- is what the others are compared with.
local works = {
  { size = 64, "c batch", "sockeye batch", "c loop", "sockeye loop",
    "luasocket loop", "cpython loop" },
  { size = 1400, "c batch", "sockeye batch", "c loop", "sockeye loop",
    "c offload", "sockeye offload" },
}

local function available(runner)
  return peers[runner:match "^%a+"].available()
end

-- Seconds of processor time for each datagram, on either side.
local function measure(runner, size, count)
  local name, method = runner:match "^(%a+) (%a+)$"
  local words = peers.words(peers[name], folder, method, size, count)
  local text = command.run(command.pinned(1, words), 120)
  local sent, received = text:match "sent in ([%d.]+) s, received in ([%d.]+) s"
  assert(sent, text)
  return { sending = sent / count, receiving = received / count }
end

local function rounds_of(work, runners, count, rounds)
  local results = {}
  for _, runner in ipairs(runners) do results[runner] = {} end
  for round = 1, rounds do
    for _, runner in ipairs(runners) do
      results[runner][round] = measure(runner, work.size, count)
    end
  end
  return results
end

local function add_row(result, work, runner, side, results)
  local name, method = runner:match "^(%a+) (%a+)$"
  local costs, ratios = {}, {}
  for round, cost in ipairs(results[runner]) do
    costs[round] = cost[side]
    ratios[round] = results[work[1]][round][side] / cost[side]
  end
  local cost = stats.median(costs)
  local low, high = stats.range(ratios)
  table.insert(result.rows, {
    ("%s, %s B"):format(side, report.number(work.size)), peers[name].title,
    methods[method], ("%.2f"):format(cost * 1e6), report.number(1 / cost),
    ("%.2f"):format(stats.median(ratios)), ("%.2f–%.2f"):format(low, high),
  })
end

function M.run(options)
  local count = options.quick and 6400 or 640000
  local rounds = options.quick and 3 or 9
  local result = {
    title = "UDP over the loopback: processor time for a datagram",
    columns = { "", "", "", "µs", "datagrams/s", "of C", "range" },
    rows = {},
    notes = { ("Medians of %d rounds of %s datagrams, the programs taking " ..
      "turns; C's batches are the measure."):format(
      rounds, report.number(count)) },
  }
  for _, work in ipairs(works) do
    local runners = {}
    for _, runner in ipairs(work) do
      if available(runner) then table.insert(runners, runner) end
    end
    local results = rounds_of(work, runners, count, rounds)
    for _, side in ipairs { "sending", "receiving" } do
      for _, runner in ipairs(runners) do
        add_row(result, work, runner, side, results)
      end
    end
  end
  return result
end

return M
