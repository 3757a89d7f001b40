-- The kinds of faults: for each, its faults in a scenario, and what may come of
-- one. A fault is a plan of attempt.lua with a name, by which it is repeated.

local errnos = require "tools.torture.errnos"
local faults = require "tools.torture.faults"
local survivors = require "tools.torture.survivors"

-- Of Lua's requests for memory, and of others, at most.
local most <const> = 5000

local M = { list = {} }

-- faults(reference, edges, scenario) -> an iterator over plans, which gets the
-- last report; `edges`: the poller reports each change of a descriptor once;
-- judge(report, plan, reference, scenario) -> what is wrong, or nil.
local function add(name, iterate, judge)
  M.list[#M.list + 1] = { name = name, faults = iterate, judge = judge }
end

local function has(call, wanted)
  for _, code in ipairs(errnos[call]) do
    if code == wanted then return true end
  end
  return false
end

local function each_call(reference, f)
  local names = {}
  for name in pairs(reference.counts) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if not errnos[name] then error("no errnos of " .. name, 0) end
    if name ~= "malloc" then f(name, reference.counts[name]) end
  end
end

local function iterate(plans)
  local i = 0
  return function()
    i = i + 1
    return plans[i]
  end
end

-- ---- what may come of it ----

local function is_same(report, _, reference, scenario)
  if report.how ~= reference.how or report.code ~= reference.code then
    return ("it %s: %s"):format(report.how, report.text)
  end
  if scenario.steady and report.text ~= reference.text then
    return ("the result is %s, without the fault %s")
      :format(report.text, reference.text)
  end
end

local function is_memory(report)
  return report.code == "ENOMEM" or report.code == "EAI_MEMORY" or
    report.text:find "not enough memory" ~= nil or
    report.text:find "Cannot allocate memory" ~= nil or
    -- What luaL_checkstack makes of it.
    report.text:find "stack overflow" ~= nil
end

local function ends(report)
  return report.how == "returned" or report.how == "raised"
end

-- Raised as it is, or survived where that is foreseen.
local function judge_call(report, plan, reference, scenario)
  if not ends(report) then
    return ("it %s: %s"):format(report.how, report.text)
  end
  if report.how == "raised" and report.code == plan.code then return end
  if survivors.may(scenario[1], plan.call, plan.code, report, reference) then
    return
  end
  return ("%s was not raised; it %s: %s")
    :format(plan.code, report.how, report.text)
end

local function judge_memory(report, plan, reference, scenario)
  if not ends(report) then
    return ("it %s: %s"):format(report.how, report.text)
  end
  if report.how == "raised" and is_memory(report) then return end
  if is_same(report, plan, reference, scenario) and
     not survivors.may(scenario[1], "malloc", "ENOMEM", report, reference) then
    return ("it %s: %s"):format(report.how, report.text)
  end
end

-- Where there is the least bit of memory, anything that is an error will do.
local function judge_starving(report, _, reference)
  if report.how == "raised" and
     (is_memory(report) or report.code or
      report.how == reference.how) then
    return
  end
  if report.how == "returned" then return end
  return ("it %s: %s"):format(report.how, report.text)
end

-- ---- the kinds ----

-- Calls that report EAGAIN when they should wait. Where the poller reports a
-- change once, it must not be said of a descriptor that is ready, nor may less
-- come than there is: nobody would report it again.
local moving <const> = {}
for name in ("accept4 recv recvfrom recvmsg recvmmsg send sendto sendmsg " ..
             "sendmmsg read write splice sendfile"):gmatch "%S+" do
  moving[name] = true
end

local waits <const> = { EAGAIN = true, EALREADY = true, EINPROGRESS = true }

local function is_tried(call, code, edges)
  if code == "EINTR" then return call == "close" end
  local is_waiting = waits[code] and (moving[call] or call == "connect")
  return not (edges and is_waiting)
end

add("calls", function(reference, edges)
  local plans = {}
  each_call(reference, function(call, count)
    for position = 1, count do
      for _, code in ipairs(errnos[call]) do
        if is_tried(call, code, edges) then
          plans[#plans + 1] = {
            name = ("%s:%d:%s"):format(call, position, code),
            call = call, first = position, code = code,
          }
        end
      end
    end
  end)
  return iterate(plans)
end, judge_call)

local function add_interrupted(name, signal)
  add(name, function(reference, _, scenario)
    local plans = {}
    if signal and scenario.signals == false then return iterate(plans) end
    each_call(reference, function(call, count)
      if not has(call, "EINTR") or call == "close" then return end
      for _, range in ipairs { { 1, 1 }, { 2, 2 }, { 1, 2 } } do
        if range[1] <= count then
          plans[#plans + 1] = {
            name = ("%s:%d-%d"):format(call, range[1], range[2]), call = call,
            first = range[1], last = range[2], code = "EINTR", signal = signal,
          }
        end
      end
    end)
    return iterate(plans)
  end, is_same)
end

add_interrupted("interrupts", false)
add_interrupted("signals", true)

add("short", function(reference, edges)
  local moves = false
  each_call(reference, function(call)
    moves = moves or moving[call] and not edges
  end)
  return iterate { moves and { name = "bytes", short = true } }
end, function(report, plan, reference, scenario)
  if not survivors.single(scenario[1]) then
    return is_same(report, plan, reference, scenario)
  elseif report.how ~= reference.how or report.code ~= reference.code then
    return ("it %s: %s"):format(report.how, report.text)
  end
end)

add("malloc", function(reference)
  local plans = {}
  for position = 1, reference.counts.malloc or 0 do
    plans[position] = { name = "malloc:" .. position, call = "malloc",
                        first = position, code = "ENOMEM" }
  end
  return iterate(plans)
end, judge_memory)

-- Request after request, until there is one that is not made any more.
local function add_lua(name, once, judge)
  add(name, function()
    local n = 0
    return function(last)
      n = n + 1
      if n > most or last and last.fired == 0 then return end
      return { name = "request:" .. n, allocate = faults.starving(n, once) }
    end
  end, judge)
end

add_lua("lua", false, judge_starving)
-- A buffer of Lua's own is not asked for a second time.
add_lua("lua-once", true, function(report, ...)
  if report.how == "raised" and is_memory(report) then return end
  return is_same(report, ...)
end)

return M
