-- Random trees of tasks: groups, deadlines, shields, generators and channels,
-- in which tasks fail, are cancelled and killed, and swallow errors. See
-- trees/program.lua for what they are made of, and trees/run.lua for what holds
-- for each of them. Here it is checked that no error is lost (each is caught,
-- raised or reported exactly once), no value is, and nothing is left.
--
-- Where the simulated clock is preloaded (clock.c), trees take no time, and the
-- model (model.lua) foretells how each action of a tree ends, and when.

local sockeye = require "sockeye"

local model = require "spec.support.model"
local program = require "spec.support.trees.program"
local run = require "spec.support.trees.run"

local M = {}

local start <const> = 1000000000
local orders <const> = 200

-- The functions of the clock; nil: it is not preloaded, or there is none here.
local function find_clock()
  local preloaded <const> = os.getenv "LD_PRELOAD" or ""
  if not preloaded:find("clock.so", 1, true) then return end
  local open <const> = assert(package.loadlib("./build/spec/clock.so",
                                              "luaopen_clock"))
  local clock <const> = open()
  return clock.start and clock
end

local clock <const> = find_clock()

-- Seconds: exact fractions of simulated ones, of which a tree takes thousands;
-- or so little that it takes milliseconds.
local scale <const> = clock and 1 / 512 or 0.001 / (1 << 22)

local function library(poller)
  return {
    channel = sockeye.channel, group = sockeye.group,
    is_canceled = sockeye.is_canceled, on_error = sockeye.on_error,
    pcall = sockeye.pcall, select = sockeye.select, shield = sockeye.shield,
    sleep = sockeye.sleep,
    timeout = sockeye.timeout, within = sockeye.within, wrap = sockeye.wrap,
    yield = sockeye.yield,
    left = function()
      local seconds <const> = sockeye.deadline()
      return seconds and math.floor(seconds * 1e9 + 0.5)
    end,
    now = clock and clock.now or function()
      return math.floor(sockeye.now() * 1e9)
    end,
    run = function(f) return sockeye.run({ poller = poller }, f) end,
  }
end

-- ---- what holds for every tree ----

local function check(result)
  collectgarbage()
  for _, object in pairs(result.kept) do
    error(("%s is left"):format(object), 0)
  end
  for failure, seen in pairs(result.failures) do
    if seen == 0 and not (result.joined or result.on_its_way[failure]) or
       seen > 1 and not result.repeated[failure] then
      error(("%s is seen %d times"):format(failure, seen), 0)
    end
  end
  for value in pairs(result.put) do
    if not result.got[value] then error(value .. " is lost", 0) end
  end
end

-- ---- what the model foretells ----

local function compare_tables(name, is, should_be, lines)
  local keys <const> = {}
  for key in pairs(is) do keys[key] = true end
  for key in pairs(should_be) do keys[key] = true end
  for key in pairs(keys) do
    if is[key] ~= should_be[key] then
      table.insert(lines, ("%s of %s is %s, not %s"):format(name, key, is[key],
                                                            should_be[key]))
    end
  end
end

-- The differences of two results, one in a line; nil: none.
local function find_difference(result, foretold)
  local lines <const> = {}
  if result.outcome ~= foretold.outcome then
    lines[1] = ("run %s, not %s"):format(result.outcome, foretold.outcome)
  end
  for _, name in ipairs { "log", "failures", "reports", "got" } do
    compare_tables(name, result[name], foretold[name], lines)
  end
  table.sort(lines)
  return lines[1] and table.concat(lines, "\n")
end

local function keep_order(list) return list end

local function shuffle(list)
  for i = #list, 2, -1 do
    local j <const> = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

local function foretell(made, order, trace, chosen)
  return run.new(made, model.new(start, order), true, trace, chosen)
end

-- What happens is what the model foretells for one of the orders in which tasks
-- may be woken at the same time, and where select had a choice, for what it has
-- chosen. Returns whether that is known.
local function compare(made, result)
  local first <const> = foretell(made, keep_order, nil, result.chosen)
  local difference <const> = find_difference(result, first)
  if not difference then return true end
  local decided = true
  for _ = 1, orders do
    local other <const> = foretell(made, shuffle, nil, result.chosen)
    if not find_difference(result, other) then return true end
    decided = decided and not find_difference(first, other)
  end
  if decided then error("foretold otherwise:\n" .. difference, 0) end
  return false
end

-- ---- a tree ----

local function run_library(made, poller, trace)
  if not clock then return run.new(made, library(poller), false, trace) end
  clock.start(start)
  local _ <close> = setmetatable({}, { __close = clock.stop })
  return run.new(made, library(poller), true, trace)
end

local function run_tree(seed, poller)
  local made <const> = program.new(seed, scale)
  local result <const> = run_library(made, poller)
  check(result)
  return clock and compare(made, result)
end

--- Runs so many trees from a seed on. Returns what went wrong, with the seed,
-- or nil; and how many the model has foretold.
function M.run_all(first, count, poller)
  local foretold = 0
  for seed = first, first + count - 1 do
    local ok, known = xpcall(run_tree, debug.traceback, seed, poller)
    if not ok then return ("seed %d: %s"):format(seed, known), foretold end
    if known then foretold = foretold + 1 end
  end
  return nil, foretold
end

-- Writes the tree of that seed, and what happens with the library, and with the
-- model, in their order.
local function show(seed, poller)
  local made <const> = program.new(seed, scale)
  program.show(made)
  print "with the library:"
  local result <const> = run_library(made, poller, print)
  print "with the model:"
  foretell(made, keep_order, print, result.chosen)
end

-- lua5.4 spec/support/trees.lua SEED COUNT POLLER   runs trees
-- lua5.4 spec/support/trees.lua SEED show POLLER    shows one
-- With LD_PRELOAD=$PWD/build/spec/clock.so they are compared with the model.
if arg and arg[0] and arg[0]:find "trees%.lua$" then
  if arg[2] == "show" then return show(math.tointeger(arg[1]), arg[3]) end
  local seed <const>, count <const> = math.tointeger(arg[1]),
                                      math.tointeger(arg[2])
  local problem <const>, foretold <const> = M.run_all(seed, count, arg[3])
  local report <const> = "%d trees from seed %d on, by %s: %s"
  print(report:format(count, seed, arg[3], problem or clock and
                      foretold .. " as foretold" or "by the system's clock"))
  os.exit(not problem, true)
end

return M
