-- lua tools/torture/main.lua available    prints why it cannot run, if so
-- lua tools/torture/main.lua list         prints the scenarios, with numbers
-- lua tools/torture/main.lua NUMBER FILE  tortures one, in the world WORLD
--   KIND, FAULT: only that kind, only that fault
-- Faults that it does not survive are printed; FILE has the counts, a line for
-- each kind: its name, the faults that were tried, and those that failed.

local attempt = require "tools.torture.attempt"
local faults = require "tools.torture.faults"
local kinds = require "tools.torture.kinds"

local sockeye = require "sockeye"

local scenarios = require(os.getenv "SCENARIOS" or "spec.support.scenarios")

local only_kind, only_fault = os.getenv "KIND", os.getenv "FAULT"
local tick <const> = 0.02
local world <const> = os.getenv "WORLD" or "outside"

local function complain(scenario, kind, plan, problem)
  io.stdout:write(([[
FAILED  %s, %s, %s: %s
        %s
        make torture SCENARIO='%s' WORLD=%s KIND=%s FAULT='%s'
]]):format(scenario[1], world, kind.name, plan.name, problem:sub(1, 400),
           scenario[1],
           world, kind.name, plan.name))
  io.stdout:flush()
end

-- Whether each time more memory is kept, which a pool does not do.
local function grows(scenario, plan)
  local few, more = 2, 6
  plan.times = few
  local before = attempt.run(scenario, plan, world)
  plan.times = more
  local after = attempt.run(scenario, plan, world)
  return (after.blocks or 0) - (before.blocks or 0) >= more - few
end

local function judge(kind, report, plan, reference, scenario)
  if report.how == "broke" then return report.text end
  local problem = kind.judge(report, plan, reference, scenario)
  if problem then return problem end
  if report.problem then return report.problem end
  local blocks = plan.signal and reference.signal_blocks or reference.blocks
  if (report.blocks or 0) > blocks and grows(scenario, plan) then
    return ("%d blocks of memory are kept, without the fault %d")
      :format(report.blocks, blocks)
  end
end

-- Returns how many faults there were, and how many it did not survive.
local function torture(kind, scenario, reference)
  local tried, failed = 0, 0
  local edges = world == "epoll" or world == "outside" and scenario.loops
  local next_fault = kind.faults(reference, edges, scenario)
  local plan = next_fault()
  while plan do
    local report
    if not only_fault or plan.name == only_fault then
      report = attempt.run(scenario, plan, world)
      -- What is not reached now, as another thread was quicker, is no fault.
      if report.fired > 0 then
        local problem = judge(kind, report, plan, reference, scenario)
        tried = tried + 1
        failed = failed + (problem and 1 or 0)
        if problem then complain(scenario, kind, plan, problem) end
      end
    end
    plan = next_fault(report)
  end
  return tried, failed
end

-- Without a fault, twice: what is the same both times has to be the same with
-- one that is survived. Between them the kernel's clocks move on.
local function measure(scenario)
  local first = attempt.run(scenario, {}, world)
  sockeye.sleep(tick)
  local second = attempt.run(scenario, {}, world)
  scenario.steady = first.text == second.text
  for _, report in ipairs { first, second } do
    local ends = report.how == "returned" or report.how == "raised"
    if not ends or report.problem then
      complain(scenario, { name = "none" }, { name = "" },
               report.problem or ("it %s: %s"):format(report.how, report.text))
      return
    end
  end
  first.blocks = math.max(first.blocks, second.blocks)
  first.signal_blocks = attempt.run(scenario, { signal = true }, world).blocks
  return first
end

local function run(scenario, counts)
  local reference = measure(scenario)
  if not reference then return counts:write "none 1 1\n" end
  for _, kind in ipairs(kinds.list) do
    if not only_kind or only_kind == kind.name then
      counts:write(("%s %d %d\n"):format(kind.name,
                                         torture(kind, scenario, reference)))
    end
  end
end

if arg[1] == "available" then
  print(faults.unavailable() or "")
elseif arg[1] == "list" then
  local wanted = os.getenv "SCENARIO"
  for i, scenario in ipairs(scenarios) do
    if not wanted or scenario[1] == wanted then print(i) end
  end
else
  assert(not faults.unavailable())
  if os.getenv "TORTURE_NETWORK" ~= "" then
    local nl <close> = require("sockeye.netlink").open()
    nl:set_link { ifname = "lo", up = true }
  end
  local counts <close> = assert(io.open(arg[2], "w"))
  run(scenarios[tonumber(arg[1])], counts)
end
