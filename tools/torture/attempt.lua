-- One attempt of a scenario, in a process of its own, with a fault or without.

local sockeye = require "sockeye"

local check = require "tools.torture.check"
local faults = require "tools.torture.faults"

local M = {}

-- Seconds. What has not ended by then counts as hanging.
local limit <const> = tonumber(os.getenv "LIMIT") or 10

-- ---- what came of it ----

-- A long string by its beginning, its length and a sum of its bytes.
local function describe_string(s)
  if #s <= 40 then return ("%q"):format(s) end
  local sum = 0
  for i = 1, #s do sum = (sum * 31 + s:byte(i)) & 0xffffffff end
  return ("%q... (%d bytes, %x)"):format(s:sub(1, 20), #s, sum)
end

local function describe(value, depth)
  local kind = type(value)
  if kind == "string" then return describe_string(value) end
  if kind ~= "table" or depth == 0 or sockeye.is_error(value) then
    local printed = kind ~= "userdata" and kind ~= "function" and
      kind ~= "thread" and kind ~= "table"
    return printed and tostring(value) or kind
  end
  local parts = {}
  for key, item in pairs(value) do
    parts[#parts + 1] = ("%s=%s"):format(describe(key, 0),
                                         describe(item, depth - 1))
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function describe_all(results, from)
  local parts = {}
  for i = from, results.n do parts[#parts + 1] = describe(results[i], 3) end
  return table.concat(parts, " ")
end

local function raised(err)
  local is_error = sockeye.is_error(err)
  return { how = "raised", code = is_error and err.code or nil,
           -- Ports are others each time.
           text = tostring(err):gsub("\n.*", ""):gsub(":%d%d%d%d+", ":PORT") }
end

-- A scenario that is about an error is a call of pcall.
local function outcome_of(f, results)
  if not results[1] then return raised(results[2]) end
  if f == pcall and results[2] == false then return raised(results[3]) end
  return { how = "returned", text = describe_all(results, 2) }
end

-- ---- in the child ----

local came = 0

local function run_in_world(scenario, world, f, arguments)
  -- A scenario with a loop of its own runs it by the world's poller.
  if world == "outside" or scenario.loops then
    return f(table.unpack(arguments, 1, arguments.n))
  end
  return sockeye.run(f, table.unpack(arguments, 1, arguments.n))
end

local function run_with_fault(scenario, plan, world)
  local f, arguments, owned = scenario[2]()
  arguments.n = arguments.n or #arguments
  local allocate = plan.allocate or pcall
  if plan.signal then sockeye.signal("USR1", function() came = came + 1 end) end
  collectgarbage()
  faults.arm(plan)
  local results = table.pack(allocate(run_in_world, scenario, world, f,
                                       arguments))
  local fired, counts = faults.disarm()
  if plan.signal and fired == 0 then sockeye.kill(sockeye.getpid(), "USR1") end
  if plan.allocate then
    fired = results[2] and 1 or 0
    table.remove(results, 2)
    results.n = results.n - 1
  end
  local outcome = outcome_of(f, results)
  for _, thing in ipairs(owned) do pcall(thing.close, thing) end
  return outcome, fired, counts
end

local function collect()
  collectgarbage()
  collectgarbage()
end

-- The open descriptors, once they are as before, or a second later: a thread
-- that still looks up a name has yet to close its own.
local function settled(open)
  local deadline = sockeye.now() + 1
  while true do
    local now = faults.descriptors()
    if now == open or sockeye.now() > deadline then return now end
    sockeye.sleep(0.01)
  end
end

-- What is wrong afterwards, or nil.
local function remains(plan, open)
  local now = settled(open)
  if now ~= open then
    return ("open were %sand then %s"):format(open, now)
  end
  if plan.signal then
    sockeye.sleep(0)
    sockeye.signal("USR1", "default")
    if came < 1 then return "the signal handler did not run" end
  end
  local works, problem = pcall(check)
  if not works then return "afterwards: " .. tostring(problem) end
end

local function write(report)
  local lines = {}
  for key, value in pairs(report) do
    lines[#lines + 1] = ("%s\t%s"):format(key, value)
  end
  return table.concat(lines, "\n")
end

local function in_child(scenario, plan, world)
  collect()
  local open, blocks = faults.descriptors(), faults.blocks()
  for _ = 2, plan.times or 1 do
    run_with_fault(scenario, plan, world)
    collect()
  end
  local outcome, fired, counts = run_with_fault(scenario, plan, world)
  collect()
  local report = {
    blocks = faults.blocks() - blocks, fired = fired, how = outcome.how,
    code = outcome.code, text = outcome.text:gsub("[\t\n]", " "),
    problem = remains(plan, open),
  }
  for call, count in pairs(counts) do report["calls " .. call] = count end
  return write(report)
end

-- ---- in the parent ----

local function read(text)
  local report = { counts = {} }
  for key, value in text:gmatch "([^\t\n]+)\t([^\n]*)" do
    local call = key:match "^calls (.*)"
    if call then
      report.counts[call] = tonumber(value)
    else
      report[key] = math.tointeger(tonumber(value)) or value
    end
  end
  return report
end

--- What came of the scenario with the fault that `plan` describes: how
-- ("returned", "raised", or how the process ended), code, text, fired, counts,
-- blocks, problem.
function M.run(scenario, plan, world)
  local ended, text = faults.attempt(function()
    local ok, report = xpcall(in_child, debug.traceback, scenario, plan, world)
    return ok and report or write { how = "broke", fired = 1,
                                    text = report:gsub("%s+", " ") }
  end, plan.limit or limit)
  if ended == "ended" then return read(text) end
  return { how = ended, text = text, fired = 1, counts = {} }
end

return M
