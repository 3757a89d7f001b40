-- Bytes per second through a Unix stream socket in blocks of 64 KiB: between
-- two processes on a core each, and inside one process. The programs take
-- turns, so that what else the machine does meets all of them; the
-- figures are ratios to C's in the same round.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local stats = require "bench.support.stats"

local M = {}

local folder <const> = "bench/calls/bulk"
local block <const> = 65536
local order = { "c", "sockeye", "luasocket" }

-- Runs one program to its end. Returns its bytes per second.
local function throughput(peer, action, bytes, check)
  local path = os.tmpname()
  os.remove(path)
  local words = peers.words(peer, folder, action, path, bytes, check)
  if action == "receive" then
    local sender = peers.words(peer, folder, "send", path, bytes, check)
    sender = command.join(command.pinned(0, sender))
    table.insert(words, "timeout 120 " .. sender)
  end
  local ok, text = pcall(command.run, command.pinned(1, words), 120)
  os.remove(path)
  if not ok then error(text, 0) end
  local moved, seconds = text:match "(%d+) bytes in ([%d.]+) s"
  assert(tonumber(moved) == bytes, text)
  return bytes / tonumber(seconds)
end

-- Lists of bytes per second and of ratios to C, by name.
local function rounds_of(action, names, bytes, rounds)
  local speeds, ratios = {}, {}
  for _, name in ipairs(names) do
    throughput(peers[name], action, 64 * block, "all")
    speeds[name], ratios[name] = {}, {}
  end
  for round = 1, rounds do
    for _, name in ipairs(names) do
      local speed = throughput(peers[name], action, bytes, "count")
      speeds[name][round] = speed
      ratios[name][round] = speed / speeds.c[round]
    end
  end
  return speeds, ratios
end

local function add_rows(result, label, action, bytes, rounds)
  local names = peers.present(order)
  local speeds, ratios = rounds_of(action, names, bytes, rounds)
  for _, name in ipairs(names) do
    local low, high = stats.range(ratios[name])
    table.insert(result.rows, {
      label, peers[name].title,
      report.number(stats.median(speeds[name]) / 2 ^ 20),
      ("%.2f"):format(stats.median(ratios[name])),
      ("%.2f–%.2f"):format(low, high),
    })
  end
end

function M.run(options)
  local bytes = (options.quick and 512 or 16384) * block
  local rounds = options.quick and 3 or 9
  local result = {
    title = "Blocks of 64 KiB through a Unix stream socket, blocking",
    columns = { "", "", "MiB/s", "of C", "range" },
    rows = {},
    notes = { ("Medians of %d rounds of %d MiB, the programs taking turns.")
      :format(rounds, bytes >> 20) },
  }
  add_rows(result, "two processes", "receive", bytes, rounds)
  add_rows(result, "one process", "alone", bytes, rounds)
  return result
end

return M
