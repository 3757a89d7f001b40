-- Bytes per second past a process: a file to TCP on the loopback (sendfile),
-- and from one connection to another (Stream:pipe, splice), outside and inside
-- of tasks, beside the same blocking calls in C. C's program is what receives
-- and sends at the far ends. The programs take turns in each round.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local stats = require "bench.support.stats"

local M = {}

local folder <const> = "bench/calls/files"

-- A row's name; the action of C, and of Sockeye.
local rows <const> = {
  { "sendfile", "sendfile", "sendfile" },
  { "sendfile, in a task", "sendfile", "sendfile_task" },
  { "Stream:pipe", "pipe", "pipe" },
  { "Stream:pipe, in a task", "pipe", "pipe_task" },
  { "splice", "pipe", "splice" },
  { "splice, in a task", "pipe", "splice_task" },
}

-- A file of zeros in memory, as far as the system can keep it there.
local function make_file(bytes)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  local block = ("\0"):rep(1 << 20)
  for _ = 1, bytes >> 20 do assert(file:write(block)) end
  return path
end

-- Runs one program to its end. Returns its bytes per second, and its processor
-- time, in seconds for a GiB.
local function run(peer, action, path, size, times)
  local bytes = size * times
  local function far_end(...)
    return command.join(command.pinned(1, peers.words(peers.c, folder, ...)))
  end
  local sink, source = far_end "sink", far_end("source", bytes)
  local words
  if action:find "^sendfile" then
    words = peers.words(peer, folder, action, path, times, sink)
  else
    words = peers.words(peer, folder, action, bytes, sink, source)
  end
  local text = command.run(command.pinned(0, words), 60)
  local moved, seconds, processor =
    text:match "(%d+) bytes in ([%d.]+) s, ([%d.]+) s"
  assert(tonumber(moved) == bytes, text)
  return bytes / tonumber(seconds), tonumber(processor) / bytes * 2 ^ 30
end

local function measure(row, path, size, times, rounds)
  local c, ours, ratios = {}, {}, {}
  local c_cpu, our_cpu, cpu_ratios = {}, {}, {}
  for round = 1, rounds do
    c[round], c_cpu[round] = run(peers.c, row[2], path, size, times)
    ours[round], our_cpu[round] = run(peers.sockeye, row[3], path, size, times)
    ratios[round] = ours[round] / c[round]
    cpu_ratios[round] = c_cpu[round] / our_cpu[round]
  end
  return {
    row[1], report.number(stats.median(c) / 2 ^ 20),
    report.number(stats.median(ours) / 2 ^ 20),
    ("%.2f"):format(stats.median(ratios)),
    ("%.2f–%.2f"):format(stats.range(ratios)),
    ("%.0f"):format(stats.median(c_cpu) * 1000),
    ("%.0f"):format(stats.median(our_cpu) * 1000),
    ("%.2f"):format(stats.median(cpu_ratios)),
    ("%.2f–%.2f"):format(stats.range(cpu_ratios)),
  }
end

function M.run(options)
  local size <const> = options.quick and 1 << 22 or 1 << 26
  local times <const> = options.quick and 4 or 16
  local rounds <const> = options.rounds or (options.quick and 1 or 9)
  local path = make_file(size)
  local result = {
    title = "Past the process: a file to TCP, and from TCP to TCP",
    columns = { "", "C, MiB/s", "Sockeye", "of C", "range",
                "C, CPU ms/GiB", "Sockeye", "of C", "range" },
    rows = {},
    notes = { ("Medians of %d rounds of %d MiB (a file of %d MiB, %d " ..
      "times), on the loopback; C's calls block. What moves has one core, " ..
      "the far ends another."):format(
      rounds, size * times >> 20, size >> 20, times) },
  }
  for _, row in ipairs(rows) do
    if not options.row or row[1]:find(options.row) then
      table.insert(result.rows, measure(row, path, size, times, rounds))
    end
  end
  os.remove(path)
  return result
end

return M
