-- Writes the scripts of the hostile caller, at random from a seed. A script is
-- a list of steps: { text = a statement }, { head, body = steps, tail }, or
-- { head, arguments = expressions, tail }. reduce.lua takes parts away.

local recipes = require "tools.hostile.recipes"

local M = {}

local random <const> = math.random

local function pick(list) return list[random(#list)] end

-- ---- what there is ----

-- Kinds of objects: what makes one, and how many come at once.
local kinds <const> = {
  { "socket", "pair", 2 }, { "socket", "tcp", 2 }, { "socket", "dgrams", 2 },
  { "socket", "packets", 2 }, { "socket", "fresh", 1 },
  { "socket", "fresh6", 1 }, { "socket", "local_stream", 1 },
  { "socket", "udp", 2 }, { "socket", "raw_route", 1 },
  { "socket", "pipe", 2 }, { "socket", "closed", 1 },
  { "listener", "listener", 1 }, { "listener", "listener6", 1 },
  { "stream", "streams", 2 }, { "stream", "stream_tcp", 1 },
  { "stream", "closed_stream", 1 }, { "address", "address", 2 },
  { "address", "address_unix", 2 }, { "loop", "loop", 1 },
  { "netlink", "nl", 1 }, { "channel", "channel", 2 }, { "task", "task", 1 },
  { "semaphore", "semaphore", 1 }, { "mutex", "mutex", 1 },
  { "event", "event", 1 },
  { "process", "process", 1 },
  { "error", "error_object", 1 }, { "file", "file", 1 },
  { "file", "closed_file", 1 }, { "any", "module", 1 }, { "any", "empty", 2 },
}

-- The kind of object that a type's methods are called on.
local kind_of_type <const> = {
  Socket = "socket", Stream = "stream", Address = "address", Loop = "loop",
  Channel = "channel", Task = "task", Netlink = "netlink", Group = "group",
  Semaphore = "semaphore", Mutex = "mutex", Event = "event",
  Process = "process",
}

local numbers <const> = {
  "0", "1", "2", "-1", "3", "7", "64", "65535", "65536", "-65536", "1 << 20",
  "(1 << 31) - 1", "1 << 31", "-(1 << 31)", "(1 << 32) - 1", "1 << 32",
  "1 << 62", "math.maxinteger", "math.mininteger", "0.5", "-0.0", "1e-9",
  "0.001", "1e9", "1e300", "0/0", "1/0", "-1/0", "2.0^53", "2.0^63", "1.5",
}

local strings <const> = {
  '""', '"\\0"', '"x"', '"%s%n"', '"\\xff\\xfe"', '"a\\0b"', '"unix:h\\0"',
  '("x"):rep(109)', '("x"):rep(5000)', "big(70000)", '"127.0.0.1:0"',
  '"[::1]:0"', '"*:0"', '"127.0.0.1:99999"', '"unix:h"', '"unix:@h"',
  '"unix:"', '"r"', '"0x10"', '"1e400"', '"2\\n6 0 0 1\\n6 0 0 0\\n"',
  '"peek dontwait"', '"\\2\\0\\0\\0\\0\\0\\0\\0"', '(" peek"):rep(9)',
}

local operators <const> = { "tostring", "len", "eq", "lt", "index", "newindex",
                            "call", "concat", "close", "pairs" }

local metamethods <const> = { "__gc", "__close", "__index", "__newindex",
                              "__tostring", "__eq", "__len", "__name",
                              "__metatable", "__wraps" }

local slots <const> = 24

-- ---- values ----

local function slot() return ("V[%d]"):format(random(slots)) end

-- A slot that was given an object of the kind, as far as is known.
local function of_kind(state, kind)
  if kind == "any" or random(25) == 1 then return slot() end
  local known <const> = {}
  for i = 1, slots do
    if state.kinds[i] == kind then known[#known + 1] = i end
  end
  if #known == 0 then return slot() end
  return ("V[%d]"):format(pick(known))
end

local value

local function random_table(state)
  local fields <const> = {}
  for i = 1, random(0, 3) do
    local key <const> = random(3) == 1 and "" or
      ("[%q] = "):format(pick(state.words))
    fields[i] = key .. value(state, true)
  end
  return "{" .. table.concat(fields, ", ") .. "}"
end

function value(state, is_field)
  local kind <const> = random(20)
  if kind == 1 then return "nil" end
  if kind == 2 then return pick { "true", "false" } end
  if kind <= 6 then return pick(numbers) end
  if kind <= 9 then return pick(strings) end
  if kind <= 12 then return ("%q"):format(pick(state.words)) end
  if kind <= 17 then return slot() end
  if kind == 18 and random(12) == 1 then
    return ("big(%d)"):format(pick { 1 << 20, 10 << 20 })
  end
  if is_field then return pick(numbers) end
  return random_table(state)
end

-- The arguments of a recipe, at its commas outside of brackets and quotes.
local function split(text)
  local list <const>, level, from, quote = {}, 0, 1, nil
  for i = 1, #text do
    local c <const> = text:sub(i, i)
    if quote then
      if c == quote and text:sub(i - 1, i - 1) ~= "\\" then quote = nil end
    elseif c:find "[\"']" then
      quote = c
    elseif c:find "[%({%[]" then
      level = level + 1
    elseif c:find "[%)}%]]" then
      level = level - 1
    elseif c == "," and level == 0 then
      list[#list + 1] = text:sub(from, i - 1):match "^%s*(.-)$"
      from = i + 1
    end
  end
  if text:find "%S" then list[#list + 1] = text:sub(from):match "^%s*(.-)$" end
  return list
end

local function arguments_for(state, name)
  local list <const> = recipes[name]
  local mood <const> = random(10)
  local arguments
  if list and mood < 10 then
    arguments = split((pick(list):gsub("%$(%l+)", function(kind)
      return of_kind(state, kind)
    end)))
  else
    arguments = {}
    for i = 1, random(0, 4) do arguments[i] = value(state) end
  end
  if mood >= 7 and #arguments > 0 then
    arguments[random(#arguments)] = value(state)
  end
  if mood == 6 then arguments[#arguments + 1] = value(state) end
  return arguments
end

-- ---- steps ----

local steps

local function make(state)
  local kind <const>, name <const>, count <const> =
    table.unpack(pick(kinds))
  local first <const> = random(slots - 1)
  local targets <const> = {}
  for i = 1, count do
    state.kinds[first + i - 1] = kind
    targets[i] = ("V[%d]"):format(first + i - 1)
  end
  return { text = ("%s = make %q"):format(table.concat(targets, ", "), name) }
end

local function call(state)
  local name <const> = pick(state.names)
  local type_name <const>, method <const> = name:match "^(.-):(.*)$"
  local arguments <const> =
    arguments_for(state, method or name:match "[^.]*$")
  if method then
    local kind = kind_of_type[type_name] or "any"
    if kind == "socket" and random(8) == 1 then kind = "listener" end
    table.insert(arguments, 1, of_kind(state, kind))
  end
  local keep = ""
  if random(4) == 1 then
    local at <const> = random(slots)
    state.kinds[at] = nil
    keep = ("V[%d] = "):format(at)
  end
  return { head = ("%stry(%q"):format(keep, name), arguments = arguments,
           tail = ")" }
end

local function any_method(state)
  return { head = ("method(%s, %.3f"):format(slot(), random()),
           arguments = arguments_for(state, ""), tail = ")" }
end

local function body(state, head, tail)
  return { head = head, body = steps(state, random(1, 5)),
           tail = tail or "end)" }
end

local function place(kind, head, tail)
  return function(state)
    local text = head:gsub("#(%d)", function() return random(slots) end)
    local at <const> = text:match "^V%[(%d+)%]"
    if at and kind then state.kinds[tonumber(at)] = kind end
    return body(state, text, tail)
  end
end

local function text(format, ...)
  local choices <const> = { ... }
  return function()
    local given <const> = {}
    for i, choice in ipairs(choices) do
      given[i] = type(choice) == "table" and pick(choice) or choice()
    end
    return { text = format:format(table.unpack(given)) }
  end
end

-- Each with its weight.
local ways <const> = {
  { 60, call }, { 22, make }, { 6, any_method },
  { 5, place("task", "V[#1] = task(function()") },
  { 2, place(nil, "run(function()") },
  { 2, place("group", "group(function(g) V[#1] = g", "end)") },
  { 2, place(nil, "within(0.002, function()") },
  { 3, place(nil, "finalizer(function()") },
  { 2, place(nil, "closing(function()") },
  { 1, place(nil, "closing(function()", 'end, "an error")') },
  { 1, place(nil, 'hook("c", 0, function()') },
  { 1, place(nil, 'hook("", 7, function()') },
  { 1, place(nil, 'hook("rl", 0, function()') },
  { 2, place(nil, 'on_signal("SIGURG", function()') },
  { 0.3, place(nil, 'deep("c", function()') },
  { 0.1, place(nil, 'deep("lua", function()') },
  { 0.5, place(nil, "child(function()") },
  { 3, place("fn", "V[#1] = guard(function(...) V[#2] = ...") },
  { 2, place("thread", 'V[#1] = co("plain", function()') },
  { 1, place("fn", 'V[#1] = co("wrap", function()') },
  { 2, place("fn", 'V[#1] = co("library", function()') },
  { 3, place("trap", "V[#1] = trap(nil, function(...)") },
  { 1, place("trap", 'V[#1] = trap("index", function(...)',
             "return V[1] end)") },
  { 1, place("trap", 'V[#1] = trap("gc", function(...)') },
  { 1, place("trap", 'V[#1] = trap("len", function(...)',
             "return 3 end)") },
  { 4, text("resume(%s, %q)", slot, { "plain", "library", "close" }) },
  { 2, text("yield(%s)", slot) },
  { 1, text("%s = coroutine.running()", slot) },
  { 3, text("%s = nil", slot) },
  { 3, text("op(%q, %s, %s)", operators, slot, slot) },
  { 0.5, text("metamethod(%s, %q, %s)", slot, metamethods, slot) },
  { 0.2, text("tamper(%s, %q)", slot, metamethods) },
  { 2, text("gc()") }, { 0.3, text('gc("generational", %s)', { "1", "20" }) },
  { 0.3, text("gc %q", { "incremental", "step", "stop", "restart" }) },
  { 0.4, text("again()") },
  { 0.02, text("exit()") },
  { 1, text("%s = {iov = %s, control = %s}", slot, slot, slot) },
}

local total = 0
for _, way in ipairs(ways) do total = total + way[1] end

local function step(state)
  local left = random() * total
  for _, way in ipairs(ways) do
    left = left - way[1]
    if left < 0 then
      if state.depth > 3 and way[1] < 6 then return call(state) end
      return way[2](state)
    end
  end
  return call(state)
end

function steps(state, count)
  local list <const> = {}
  state.depth = state.depth + 1
  for i = 1, count do list[i] = step(state) end
  state.depth = state.depth - 1
  return list
end

local function leave_out(list, pattern)
  for i = #list, 1, -1 do
    local one <const> = list[i]
    local given <const> = table.concat(one.arguments or {}, ",")
    if ((one.text or one.head) .. given):find(pattern) then
      table.remove(list, i)
    elseif one.body then
      leave_out(one.body, pattern)
    end
  end
end

--- The steps of the script of a seed: `count` of them, and those inside.
-- names: what there is to call; words: for use as flags and fields; without:
-- patterns of steps that are left out.
function M.steps(seed, count, names, words, without)
  math.randomseed(seed)
  local state <const> = { kinds = {}, names = names, words = words, depth = 0 }
  local list <const> = {}
  for i = 1, 6 do list[i] = make(state) end
  for _, one in ipairs(steps(state, count)) do list[#list + 1] = one end
  for pattern in without:gmatch "%S+" do leave_out(list, pattern) end
  return list
end

-- ---- as text ----

local function write(list, lines, indent)
  for _, one in ipairs(list) do
    if one.text then
      lines[#lines + 1] = indent .. one.text
    elseif one.arguments then
      local given <const> = table.concat(one.arguments, ", ")
      lines[#lines + 1] = indent .. one.head ..
        (#one.arguments > 0 and ", " or "") .. given .. one.tail
    else
      lines[#lines + 1] = indent .. one.head
      write(one.body, lines, indent .. "  ")
      lines[#lines + 1] = indent .. one.tail
    end
  end
end

--- The script of a list of steps.
function M.text(list)
  local lines <const> = {
    'local _ENV = require "tools.hostile.kit"', "main(function()",
  }
  write(list, lines, "  ")
  lines[#lines + 1] = "end)"
  return table.concat(lines, "\n") .. "\n"
end

return M
