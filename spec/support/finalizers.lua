-- Makes each call of finalizer_cases many times. Each time the collector starts
-- a little later, so that a finalizer runs at each place where the call
-- allocates. Prints a line for each case: its name, a tab, "ok" or what went
-- wrong, and how many times a finalizer ran inside the call. Run in a process
-- of its own, whose small heap makes the collections quick.

local cases = require "spec.support.finalizer_cases"

local kilobytes <const> = 8 -- allocated at most before the collector starts
local step <const> = 48     -- bytes more for each attempt

local action

-- Calls `action` once in each cycle of the collector.
local function arm()
  setmetatable({}, { __gc = function()
    arm()
    local f = action
    action = nil
    if f then f() end
  end })
end

-- Lets the collector start when another k kilobytes less `garbage` bytes are
-- allocated.
local function start_after(k, garbage)
  collectgarbage "stop"
  collectgarbage "restart"
  collectgarbage("step", -k)
  local _ = ("x"):rep(garbage)
end

local function attempt(prepare, k, garbage)
  local call, act, check = prepare()
  local runs = 0
  collectgarbage()
  action = function()
    runs = runs + 1
    act()
  end
  start_after(k, garbage)
  local results = table.pack(pcall(call))
  action = nil
  check(table.unpack(results, 1, results.n))
  return runs
end

local function run(prepare)
  local runs = 0
  for k = 1, kilobytes do
    for garbage = 1024, 0, -step do
      runs = runs + attempt(prepare, k, garbage)
    end
  end
  return runs
end

collectgarbage "generational"
arm()
for _, case in ipairs(cases) do
  local ok, result = xpcall(run, debug.traceback, case[2])
  print(case[1], ok and "ok" or tostring(result):gsub("[\t\n]+", " | "),
        ok and result or 0)
end
