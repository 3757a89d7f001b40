-- Runs a server of peers/ under the load of load/.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local stats = require "bench.support.stats"

local M = {}

local folder <const> = "bench/servers/peers"

M.order = { "c", "sockeye", "luasocket", "cqueues", "luv", "selectors",
            "asyncio", "node" }

--- The names of the peers that are installed, C first, and of those that are
-- not; options.peers is a set that chooses.
function M.peers(options)
  local wanted = {}
  for _, name in ipairs(M.order) do
    if name == "c" or not options.peers or options.peers[name] then
      table.insert(wanted, name)
    end
  end
  return peers.present(wanted)
end

local function words_of(row, name, options, around)
  local path = row.unix and os.tmpname() or nil
  if path then os.remove(path) end
  local server = peers.words(peers[name], folder, row.serve, path)
  local words = { command.compile_folder "bench/servers/load", row.work }
  for key, value in pairs(row.options) do
    table.insert(words, ("%s=%s"):format(key, value))
  end
  for key, value in pairs(options) do
    table.insert(words, ("%s=%s"):format(key, value))
  end
  table.insert(words, "--")
  for _, list in ipairs { around or {}, server } do
    table.move(list, 1, #list, #words + 1, words)
  end
  return words, path
end

--- Runs once. Returns a table of the load's figures, or nil and the reason.
-- `options` are the load's, `around` the words of what runs the server.
function M.once(row, name, options, around)
  local words, path = words_of(row, name, options, around)
  local ok, text = pcall(command.run, words, 120)
  if path then os.remove(path) end
  if not ok then return nil, text end
  local result = {}
  for key, value in text:gmatch "([%w_]+)=([-%d.]+)" do
    result[key] = tonumber(value)
  end
  return result
end

--- Returns the load's options for those of the command line.
function M.durations(options)
  return { warmup = options.quick and 0.05 or 0.3,
           seconds = options.seconds or (options.quick and 0.2 or 1) }
end

--- Returns lists of results by peer: the peers take turns in each round. A peer
-- that fails has none, and `failures` has the reason.
function M.rounds(row, names, options)
  local rounds = options.rounds or (options.quick and 1 or 3)
  local results, failures = {}, {}
  for _, name in ipairs(names) do
    results[name] = not (row.lacks and row.lacks[name]) and {} or nil
  end
  for _ = 1, rounds do
    for _, name in ipairs(names) do
      if results[name] then
        local result, why = M.once(row, name, M.durations(options))
        table.insert(results[name], result)
        if not result then results[name], failures[name] = nil, why end
      end
    end
  end
  return results, failures
end

--- The median of a field.
function M.median(list, field)
  local values = {}
  for i, result in ipairs(list) do values[i] = result[field] end
  return #values > 0 and stats.median(values) or nil
end

--- C's time over a peer's, round by round: median, least, greatest.
function M.ratio(results, name)
  local values = {}
  for i, result in ipairs(results[name]) do
    values[i] = results.c[i].cpu / result.cpu
  end
  return stats.median(values), stats.range(values)
end

return M
