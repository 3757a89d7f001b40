-- The hostile caller: makes scripts at random, runs each in a process of its
-- own, with limits of time and memory, and reduces those that find a fault.
-- Called by tools/hostile/run, which says all in the environment.

local generate = require "tools.hostile.generate"
local reduce = require "tools.hostile.reduce"

local function setting(name, default)
  local value <const> = os.getenv("HOSTILE_" .. name)
  return value and value ~= "" and value or default
end

local seconds <const> = tonumber(setting("SECONDS", 60))
local jobs <const> = tonumber(setting("JOBS", 2))
local folder <const> = assert(setting "FOLDER")
local reducing <const> = tonumber(setting("REDUCING", 90))
local size <const> = tonumber(setting("STEPS", 0))

-- ---- flavours ----

-- Each is a line of the file that tools/hostile/run writes: a name, the steps
-- of a script, the seconds that it may take, and the command, which is given
-- the script's path.
local flavours <const> = {}
for line in io.lines(folder .. "/flavours") do
  local name <const>, steps <const>, limit <const>, command <const> =
    line:match "^(%S+) (%d+) (%d+) (.*)$"
  flavours[#flavours + 1] = {
    name = name, steps = size > 0 and size or tonumber(steps),
    limit = tonumber(limit), command = command,
  }
end

-- ---- one script ----

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function read(path)
  local file <close> = io.open(path)
  return file and file:read "a" or ""
end

-- Starts a script. `finish` reports its end.
local function start(flavour, text, place, limit)
  local base <const> = ("%s/%s"):format(folder, place)
  write(base .. ".lua", text)
  local command <const> = ([[
    rm -rf %s.cwd && mkdir %s.cwd && cd %s.cwd && ulimit -n 600 && ulimit -c 0
    (echo $(exec sh -c 'echo $PPID') >%s.pid
     exec timeout -s ABRT -k 3 %d %s %s.lua) >%s.out 2>%s.err </dev/null
    echo $?
    kill -KILL -- -$(cat %s.pid) 2>/dev/null]]):format(base, base, base, base,
      limit or flavour.limit, flavour.command, base, base, base, base)
  return { pipe = io.popen(command), base = base, flavour = flavour }
end

-- The innermost line of the library's own in a stack of calls.
local function place_in(err)
  local name <const>, path <const> =
    err:match "#%d+ %S+ in (%S+) (csrc/[%w_/]*)"
  return name and (" in %s, %s.c"):format(name, path) or ""
end

-- What differs from one time to the next.
local vague <const> = {
  { "0x%x+", "#" }, { "for %d+ sec", "for # sec" }, { "open: %d+", "open: #" },
  { "/%S*/", "" },
}

-- What identifies a fault, or nil.
local function fault_of(status, out, err)
  local said <const> = err:match "FAULT: ([^\n]*)"
  if status == 124 or status == 137 then
    return "the script does not end" .. place_in(err)
  end
  local problem = err:match "SUMMARY: (%w+Sanitizer: [%w-]*)"
  if problem then problem = problem .. place_in(err) end
  local error_text <const> = err:match "runtime error: [^\n]*"
  local assertion <const> = err:match "Assertion [^\n]*"
  local found = assertion or error_text or problem or said
  if found then
    for _, change in ipairs(vague) do
      found = found:gsub(change[1], change[2])
    end
    return found
  end
  -- The search for leaks fails where a thread or a process ends meanwhile.
  if err:find "LeakSanitizer has encountered a fatal error" and
      out:find "done\t" then
    return
  end
  if status ~= 0 then return "the process ends with status " .. status end
  if not out:find "\ndone\t" and not out:find "^done\t" then
    return "the script is not carried out to its end"
  end
end

local function finish(run)
  local status <const> = tonumber(run.pipe:read "a") or -1
  run.pipe:close()
  local out <const>, err <const> =
    read(run.base .. ".out"), read(run.base .. ".err")
  return fault_of(status, out, err), out, err
end

-- ---- many ----

local names <const>, words <const> = {}, {}
for name in io.lines(folder .. "/names") do
  local is_wanted = false
  for pattern in setting("NAMES", "."):gmatch "%S+" do
    is_wanted = is_wanted or name:find(pattern)
  end
  if is_wanted then names[#names + 1] = name end
end
for word in io.lines(folder .. "/words") do words[#words + 1] = word end
assert(#names > 0, "there is nothing to call")

local counts <const>, total, scripts = {}, 0, 0

local function count(out)
  for name, number in out:gmatch "count\t([^\t\n]*)\t(%d+)" do
    counts[name] = (counts[name] or 0) + tonumber(number)
  end
  total = total + (tonumber(out:match "done\t(%d+)") or 0)
  scripts = scripts + 1
end

local without <const> = setting("WITHOUT", "")

local function steps_of(seed, flavour)
  return generate.steps(seed, flavour.steps, names, words, without)
end

local found <const> = {}
local faults = 0

-- What goes on without end is found at one place of many.
local function is_same(one, other)
  local function kind(text)
    return text and text:match "^the script does not end" or text
  end
  return kind(one) == kind(other)
end

local function shorten(run, list, fault)
  local ends <const> = os.time() + reducing
  local function text() return generate.text(list) end
  local function fails()
    if os.time() >= ends then return false end
    local limit <const> = (run.flavour.limit + 2) // 3
    local got <const> =
      finish(start(run.flavour, text(), "reduced", limit))
    return is_same(got, fault)
  end
  -- What fails only now and then stays as it is.
  if fails() then reduce.reduce(list, fails, text) end
  return text()
end

local function report(run, seed, fault, err)
  if found[fault] then
    found[fault] = found[fault] + 1
    return
  end
  found[fault] = 1
  faults = faults + 1
  local list <const> = steps_of(seed, run.flavour)
  local script <const> = shorten(run, list, fault)
  local path <const> = ("%s/fault-%d.lua"):format(folder, faults)
  write(path, ("-- %s\n-- %s, SEED=%d\n%s"):format(fault, run.flavour.name,
                                                   seed, script))
  write(path:gsub("lua$", "txt"), err)
  print(("FAULT: %s\n%s, SEED=%d\n%s%s"):format(
    fault, run.flavour.name, seed, script, err:sub(1, 4000)))
  io.stdout:flush()
end

local function batch(seed)
  local runs <const> = {}
  for job = 1, jobs do
    local flavour <const> = flavours[(seed + job) % #flavours + 1]
    local list <const> = steps_of(seed + job - 1, flavour)
    runs[job] = start(flavour, generate.text(list), "job" .. job)
  end
  for job, run in ipairs(runs) do
    local fault <const>, out <const>, err <const> = finish(run)
    count(out)
    if fault then report(run, seed + job - 1, fault, err) end
  end
end

local function never_called()
  local list <const> = {}
  for _, name in ipairs(names) do
    if not counts[name] then list[#list + 1] = name end
  end
  return list
end

local first <const> = tonumber(setting("SEED", os.time() % 100000 * 10000))
print(("hostile: SEED=%d, %d functions and methods"):format(first, #names))
io.stdout:flush()
local seed, ends = first, os.time() + seconds
repeat
  batch(seed)
  seed = seed + jobs
until os.time() >= ends or setting "ONCE"
local missed <const> = never_called()
print(("hostile: %d scripts, %d calls, %d of %d never called, %d faults")
  :format(scripts, total, #missed, #names, faults))
if #missed > 0 and total > 100000 then
  print("never called: " .. table.concat(missed, " "))
end
for fault, times in pairs(found) do print(("%6d  %s"):format(times, fault)) end
os.exit(faults == 0 and 0 or 1)
