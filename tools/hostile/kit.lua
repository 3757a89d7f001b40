-- What the scripts of the hostile caller are written in: `local _ENV = require
-- "tools.hostile.kit"` makes each function here a global of the script. A
-- script makes objects (into the slots V), calls what F names, and does so in
-- the places where Lua code may run: tasks, finalizers, metamethods, hooks.
--
-- Whatever a call raises is an answer. A fault is what no script may bring
-- about: the process ends, a call goes on past its deadline, an error is nil, a
-- descriptor stays open, the library no longer works.

local inventory = require "tools.hostile.inventory"
local sandbox = require "tools.hostile.sandbox"

-- Scripts change the methods of strings and files.
local find <const>, format <const> = string.find, string.format
local write <const> = io.stderr.write

local M = setmetatable({}, { __index = _G })

-- Seconds: what a call may wait, and what it may compute.
local deadline <const> = tonumber(os.getenv "HOSTILE_DEADLINE" or 0.004)
local patience <const> = tonumber(os.getenv "HOSTILE_PATIENCE" or 3)
local depth <const> = tonumber(os.getenv "HOSTILE_DEPTH" or 190000)
local trace <const> = os.getenv "HOSTILE_TRACE"
  and assert(io.open(os.getenv "HOSTILE_TRACE", "a"))
if trace then trace:setvbuf "no" end

local faults, counts, calls = {}, {}, 0
local tampered = false

-- The library may have been required anew since.
local S

--- Notes a fault; the script goes on.
function M.fault(...)
  local text <const> = format(...)
  if not faults[text] then
    faults[text] = true
    write(io.stderr, "FAULT: ", text, "\n")
  end
end

local function bind()
  S = require "sockeye"
  M.S, M.V = S, M.V or {}
  M.F = inventory.functions()
  for name, f in pairs(sandbox.replace(M)) do M.F[name] = f end
  if os.getenv "HOSTILE_STUB" then
    for name, f in pairs(require(os.getenv "HOSTILE_STUB")) do
      M.F["stub." .. name] = f
    end
  end
end

-- ---- calls ----

local function ended(name, from, ok, ...)
  local spent <const> = os.clock() - from
  if spent > patience then
    M.fault("%s computes for %d seconds", name, spent // 1)
  end
  if ok then return ... end
  if (...) == nil and not tampered then
    M.fault("%s raises nil", name)
  end
end

--- Calls a function by its name in F, with a deadline around it.
function M.try(name, ...)
  local f <const> = M.F[name]
  if not f then return end
  calls = calls + 1
  counts[name] = (counts[name] or 0) + 1
  if trace then trace:write(name, "\n") end
  return ended(name, os.clock(), pcall(S.timeout, deadline, f, ...))
end

--- Calls a method of an object of a type that is not known beforehand: the
-- one at a place, between 0 and 1, in the list of them.
function M.method(object, place, ...)
  local names <const> = inventory.methods_of(object)
  if #names == 0 then return end
  local name <const> = names[1 + place * #names // 1 | 0]
  local whole <const> = inventory.name_of(object) .. ":" .. name
  M.F[whole] = M.F[whole] or
    function(self, ...) return self[name](self, ...) end
  return M.try(whole, object, ...)
end

--- Runs a function a few times at most, whoever calls it and wherever.
function M.guard(f, limit)
  local left = limit or 3
  return function(...)
    if left <= 0 then return end
    left = left - 1
    return f(...)
  end
end

local function quietly(f, ...)
  local results <const> = table.pack(pcall(f, ...))
  return table.unpack(results, 2, results.n)
end

-- What waits for no longer than a call may.
local function briefly(f, ...)
  return quietly(S.timeout, deadline, f, ...)
end

-- ---- places where code runs ----

--- In a task: of the loop that runs, else of one made for it.
function M.task(f)
  f = M.guard(f, 1)
  local ok <const>, task <const> = pcall(S.spawn, f)
  if ok then return task end
  return quietly(S.timeout, deadline * 3, S.run, f)
end

--- In a loop of its own, wherever the caller is.
function M.run(f)
  return quietly(S.timeout, deadline * 3, S.run, M.guard(f, 1))
end

--- In a group, and with a deadline.
function M.group(f)
  return quietly(S.timeout, deadline * 3, S.group, M.guard(f, 1))
end

function M.within(seconds, f)
  return quietly(S.timeout, seconds, M.guard(f, 1))
end

--- In an object's finalizer.
function M.finalizer(f)
  setmetatable({}, { __gc = M.guard(f, 1) })
end

--- When a scope is left, by its end or by an error.
function M.closing(f, raises)
  f = M.guard(f, 1)
  return quietly(function()
    local _ <close> = setmetatable({}, { __close = function() f() end })
    if raises then error(raises, 0) end
  end)
end

--- In a hook, at the first event in what follows.
function M.hook(mask, count, f)
  f = M.guard(f, 1)
  local thread <const> = coroutine.running()
  debug.sethook(thread, function()
    debug.sethook(thread)
    quietly(f)
  end, mask, count)
end

--- In a handler of a signal that harms nobody, which this process sends.
function M.on_signal(name, f)
  quietly(S.signal, name, M.guard(f, 2))
  quietly(S.kill, S.getpid(), name)
end

-- Where Lua cannot call any further, it cannot call a finalizer, either, and
-- frees the object all the same.
local function without_collector(f)
  local was_running <const> = collectgarbage "isrunning"
  collectgarbage "stop"
  quietly(f)
  if was_running then collectgarbage "restart" end
end

--- As deep in calls as Lua goes: of C functions, or of Lua's.
function M.deep(kind, f)
  f = M.guard(f, 1)
  local function down()
    local ok <const> = pcall(down)
    if not ok then f() end
  end
  local function lua_down(n)
    if n == 0 then return f() end
    return (lua_down(n - 1))
  end
  if kind == "c" then return without_collector(down) end
  return quietly(lua_down, depth)
end

--- In a process of its own, which is a copy of this one.
function M.child(f) return sandbox.child(M, f) end

--- Makes a coroutine, or a function that resumes one.
function M.co(kind, f)
  f = M.guard(f, 1)
  if kind == "wrap" then return coroutine.wrap(f) end
  if kind == "library" then return quietly(S.wrap, f) end
  return coroutine.create(f)
end

--- Goes on with it, whatever it is.
function M.resume(value, how, ...)
  if type(value) == "function" then return briefly(value, ...) end
  if type(value) ~= "thread" then return end
  if how == "close" then return briefly(coroutine.close, value) end
  if how == "library" then return briefly(S.resume, value, ...) end
  return briefly(coroutine.resume, value, ...)
end

function M.yield(...)
  if coroutine.isyieldable() then return coroutine.yield(...) end
end

-- ---- values ----

--- A table whose metamethods run a function; `name` is one of them, or nil
-- for all.
function M.trap(name, f)
  f = M.guard(f)
  local meta <const> = { __name = "trap" }
  for _, event in ipairs { "index", "newindex", "len", "tostring", "call",
                           "close", "gc", "eq", "lt", "le", "concat", "pairs",
                           "unm", "name" } do
    if not name or name == event then
      meta["__" .. event] = event == "tostring"
        and function(...) return tostring((quietly(f, ...))) end or f
    end
  end
  return setmetatable({}, meta)
end

local large = {}

--- A string of a size, from one copy.
function M.big(size)
  large[size] = large[size] or ("x "):rep(size // 2)
  return large[size]
end

--- Applies an operator or a metamethod, by name, as a script can.
function M.op(name, a, b)
  local operators <const> = {
    tostring = tostring, len = function() return #a end,
    eq = function() return a == b end, lt = function() return a < b end,
    index = function() return a[b] end,
    newindex = function()
      a[b] = a
      a[b] = nil -- a table, such as a module's, would keep b open
    end,
    call = function() return a(b) end, concat = function() return a .. b end,
    close = function() local _ <close> = a end,
    pairs = function() return next, pairs(a) end,
  }
  return briefly(operators[name], a, b)
end

--- Calls a metamethod by hand, where the metatable is for anybody to see.
function M.metamethod(object, name, ...)
  local meta <const> = getmetatable(object)
  if type(meta) ~= "table" or type(rawget(meta, name)) ~= "function" then
    return
  end
  tampered = true
  return briefly(meta[name], object, ...)
end

--- Takes a metamethod away, likewise.
function M.tamper(object, name, value)
  local meta <const> = getmetatable(object)
  if type(meta) ~= "table" or rawget(meta, "__name") == "trap" then return end
  tampered = true
  quietly(function() meta[name] = value end)
end

--- Objects to begin with: as many results as the kind has ends.
function M.make(kind)
  local maker <const> = inventory.makers[kind]
  if maker then return quietly(maker, S) end
end

-- ---- the whole process ----

function M.gc(...) quietly(collectgarbage, ...) end

--- The library is required anew; what there is stays.
function M.again()
  for name in pairs(package.loaded) do
    if find(name, "^sockeye") then package.loaded[name] = nil end
  end
  bind()
end

local function echo()
  local a, b = S.socketpair()
  a:settimeout(5)
  b:settimeout(5)
  a:sendall("hello")
  local text <const> = b:recv(5)
  local stream <const> = S.stream(a)
  b:sendall("one\ntwo\n")
  local one <const>, two <const> = stream:read("l", "l")
  S.run(function()
    S.spawn(function() stream:write("there\n"):flush() end)
    assert(b:recv(6) == "there\n", "no answer to a task")
    S.sleep(0.0001)
  end)
  stream:close()
  b:close()
  assert(text == "hello" and one == "one" and two == "two", "no echo")
end

-- Handlers of signals keep objects, and finalizers make others, which have
-- finalizers.
local function forget()
  for number = 1, 64 do pcall(S.signal, number, "default") end
  for _ = 1, 6 do
    M.V = {}
    quietly(collectgarbage)
  end
end

-- How many more descriptors are open than before. A process that is collected
-- while it still runs keeps one until it has ended.
local function count_more(before)
  local from <const> = os.clock()
  local more
  repeat
    forget()
    more = sandbox.descriptors() - before
  until more <= 0 or os.clock() - from > 0.1
  return more
end

local function summary()
  local lines <const> = {}
  for name, count in pairs(counts) do
    lines[#lines + 1] = format("count\t%s\t%d\n", name, count)
  end
  print(table.concat(lines) .. "done\t" .. calls)
end

-- While a state is closed, Lua calls no finalizer of what is made then, and a
-- loop has memory of its own.
local function make_no_more()
  M.F["sockeye.loop"] = nil
  inventory.makers.loop = nil
end

--- Ends the process where it is, and closes the state.
function M.exit()
  make_no_more()
  summary()
  os.exit(0, true)
end

--- Runs a script's steps, and then sees to it that all is well.
function M.main(steps)
  for _ = 1, 2 do collectgarbage() end
  local before <const> = sandbox.descriptors()
  collectgarbage "restart"
  pcall(steps)
  debug.sethook()
  collectgarbage "restart"
  forget()
  local ok <const>, err <const> = pcall(echo)
  if not ok and not tampered then
    M.fault("the library does not work afterwards: %s", tostring(err))
  end
  local more <const> = count_more(before)
  if more > 0 and not tampered then
    M.fault("descriptors stay open: %d", more)
  end
  make_no_more()
  summary()
  if next(faults) then os.exit(3, true) end
end

collectgarbage "stop"
bind()
return M
