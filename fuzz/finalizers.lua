-- Calls the library while finalizers call it: wherever a call allocates, the
-- collector may run one that reads, writes, closes or replaces what the call
-- works on.
--
-- Input: whether tasks make the calls; then for each call when the collector
-- starts, the call, what it is made on, and one number for its arguments. A
-- finalizer takes its call from the same bytes.

local TASKS <const>, MOST <const> = 1, 40

-- ---- what is called ----

-- All that is sent consists of these letters: others come from elsewhere.
local text = ("abcd\n"):rep(4000)

-- The kinds of things: functions that return a connected pair.
local kinds = {
  function()
    local a, b = core.socketpair("unix", "stream")
    return core.stream(a):settimeout(0), core.stream(b):settimeout(0)
  end,
  function()
    local a, b = core.socketpair("unix", "stream")
    return a:settimeout(0), b:settimeout(0)
  end,
  function()
    local a, b = core.socketpair("unix", "dgram")
    return a:settimeout(0), b:settimeout(0)
  end,
}

-- Things by place: two of each kind.
local things

local function renew(kind)
  local place = 2 * kind - 1
  local one, other = things[place], things[place + 1]
  things[place], things[place + 1] = kinds[kind]()
  if one then
    pcall(one.close, one)
    pcall(other.close, other)
  end
end

-- Finalizers change these while a call reads them.
local options = { iov = { 10, 200, 3000 }, control = true }
local outgoing = { iov = { "ab", "cd\n" } }
local batch = { "ab", "cd\n", "abcd" }

local function change_tables(n)
  options.iov = n % 3 == 0 and 7 or { n, n * 20 }
  options.control = n % 5 == 0 and n * 8 or n % 2 == 0
  options.rights = n % 7 == 0 and "sockets" or nil
  outgoing.iov = n % 4 == 0 and "abcd" or { text:sub(1, n), "ab" }
  for i = #batch, 1, -1 do batch[i] = nil end
  for i = 1, n % 6 do batch[i] = text:sub(1, n * i) end
end

-- Returns all strings in the values.
local function strings_of(found, ...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) == "string" then
      found[#found + 1] = value
    elseif type(value) == "table" then
      strings_of(found, value.data)
      for _, inner in ipairs(value) do strings_of(found, inner) end
    end
  end
  return found
end

-- ---- calls ----

local stream_calls = {
  function(s, n) s:write(text:sub(1, n), n % 2 == 0 and text or "ab") end,
  function(s) s:flush() end,
  function(s, n) return s:read(n, "l", n * 16, "L") end,
  function(s) return s:read("L", "l", 9, "L") end,
  function(s, n) return s:read_until("d\na", n * 40) end,
  function(s, n) return s:read_some(n * 64 + 1) end,
  function(s) return s:read "a" end,
  function(s)
    local found, count = {}, 0
    for line in s:lines "L" do
      count = count + 1
      found[count] = line
      if count == 9 then break end
    end
    return found
  end,
  function(s, n) s:setmax(n * 8 + 1) end,
  function(s, n) s:setvbuf("full", n * 32 + 1) end,
  function(s) s:setvbuf "no" end,
  function(s) s:close() end,
  function(s) s:shutdown "wr" end,
}

local socket_calls = {
  function(s, n) s:send(text:sub(1, n * 64)) end,
  function(s) s:sendall(text) end,
  function(s) return s:recv(5000) end,
  function(s, n) return s:recv(n * 256) end,
  function(s) return (s:recvfrom(5000)) end,
  function(s) s:sendmsg(outgoing) end,
  function(s) s:sendmsg { iov = "abcd", control = { rights = { s } } } end,
  function(s) return s:recvmsg(options) end,
  function(s, n) return (s:recvmany(1 + n % 9, n * 8)) end,
  function(s, n) return s:recvmany(1 + n % 9, options) end,
  function(s) s:sendmany(batch) end,
  function(s) s:getsockname() end,
  function(s) s:getsockopt "SO_PEERCRED" end,
  function(s, n) s:getsockopt("SOL_SOCKET", "SO_RCVBUF", n * 512) end,
  function(s, n) s:setsockopt("SO_RCVBUF", n) end,
  function(s) core.poll({ [s] = "r", [things[1]] = "rw" }, 0) end,
  function(s) s:close() end,
  function(s) core.adopt(s:detach()):close() end,
}

-- ---- the program ----

local supply, problem

local function complain(what) problem = problem or tostring(what) end

local function consume(ok, ...)
  if not ok then
    local fine, why = pcall(fuzz.check_error, (...))
    if not fine then complain(why) end
    return
  end
  for _, data in ipairs(strings_of({}, ...)) do
    if data:find "[^a-d\n]" then complain("bytes from elsewhere") end
  end
end

local function call()
  local what, place, n = supply(), supply(), supply()
  if what % 32 == 0 then return renew(1 + place % #kinds) end
  if what % 32 == 1 then return change_tables(n) end
  local position = 1 + place % #things
  local calls = position <= 2 and stream_calls or socket_calls
  local f = calls[1 + what % #calls]
  consume(pcall(f, things[position], n))
end

-- Makes a call in each cycle of the collector, until the input ends.
local armed

local function arm()
  setmetatable({}, { __gc = function()
    if not armed then return end
    arm()
    call()
  end })
end

-- Lets the collector start after up to 15 KB, in steps of 64 bytes.
local function start_later(n)
  collectgarbage "stop"
  collectgarbage "restart"
  collectgarbage("step", -(n >> 4) - 1)
  return ("x"):rep(1024 - (n & 15) * 64)
end

local function make_calls(more)
  while more() do
    start_later(supply())
    call()
  end
end

local function reader(input)
  local at, calls = 1, 0
  supply = function()
    at = at + 1
    return input:byte(at) or 0
  end
  return function()
    calls = calls + 1
    return at < #input and calls <= MOST
  end
end

local function run(more, in_tasks)
  if not in_tasks then return make_calls(more) end
  core.run(function()
    for _ = 1, 2 do
      core.spawn(function()
        while more() do
          start_later(supply())
          call()
          core.yield()
        end
      end)
    end
  end)
end

return function(input)
  local more = reader(input)
  things, problem, armed = {}, nil, true
  for kind = 1, #kinds do renew(kind) end
  change_tables(1)
  collectgarbage "generational"
  arm()
  consume(pcall(run, more, (input:byte() or 0) & TASKS ~= 0))
  armed = false
  collectgarbage "incremental"
  collectgarbage "restart"
  for _, thing in ipairs(things) do pcall(thing.close, thing) end
  things = {}
  collectgarbage()
  assert(not problem, problem)
end
