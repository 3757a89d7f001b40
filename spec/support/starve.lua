-- Makes the call of each scenario with memory for no, one, two … requests,
-- until it has enough, and prints a line for each: the name, a tab, and "ok"
-- or what went wrong. Run in a process of its own, whose small heap makes the
-- collections quick.

local sockeye = require "sockeye"
local scenarios = require "spec.support.scenarios"
local lfs = require "lfs"

local allocator = assert(package.loadlib("./build/spec/allocator.so",
                                         "luaopen_allocator"))()

local most <const> = 5000

-- The open descriptors: the one that reads them has a number of its own.
local function descriptors()
  collectgarbage()
  collectgarbage()
  local numbers = {}
  for name in lfs.dir("/proc/self/fd") do
    numbers[#numbers + 1] = tonumber(name)
  end
  table.sort(numbers)
  return table.concat(numbers, " ")
end

local function is_expected(err)
  return sockeye.is_error(err) or err == "not enough memory" or
    -- What luaL_checkstack makes of it.
    type(err) == "string" and err:find("^[^\n]*stack overflow") ~= nil
end

-- A scenario about an error is a call of pcall: what went wrong in there.
local function outcome(f, ok, refused, ...)
  if f ~= pcall or not ok then return ok, refused, (...) end
  return (...), refused, (select(2, ...))
end

local function attempt(scenario, n)
  local f, arguments, owned = scenario[2]()
  local ok, refused, result = outcome(f, allocator.call(n, f,
    table.unpack(arguments, 1, arguments.n)))
  for _, s in ipairs(owned) do s:close() end
  if not ok and refused and not is_expected(result) then
    error(("request %d: %s"):format(n, tostring(result)), 0)
  elseif not ok and not refused and f ~= pcall and not scenario.system then
    error(("with memory: %s"):format(tostring(result)), 0)
  end
  return refused
end

local function loop(scenario)
  for n = 1, most do
    local before = descriptors()
    local ok, result = pcall(attempt, scenario, n)
    if not ok then return (tostring(result):gsub("\n.*", "")) end
    local after = descriptors()
    if before ~= after then
      return ("request %d: open were %s, then %s"):format(n, before, after)
    end
    if not result then return ("ok after %d"):format(n - 1) end
  end
  return "never enough"
end

for _, scenario in ipairs(scenarios) do
  print(("%s\t%s"):format(scenario[1], loop(scenario)))
end
