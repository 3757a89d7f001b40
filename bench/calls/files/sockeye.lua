-- Bytes past a process; c.c lists the arguments. "splice" is "pipe" without
-- streams; an action that ends in "_task" is made inside of a task.

local sockeye = require "sockeye"

local action, what, number, command = table.unpack(arg)

-- A connection from the command, and what waits for the command's end.
local function accept_from(line)
  local listener <close> = sockeye.socket("inet", "stream")
  local name = listener:bind("127.0.0.1:0"):listen():getsockname()
  local child = assert(io.popen(("%s 127.0.0.1 %d"):format(line, name.port)))
  return (listener:accept()), child
end

-- Returns a function to call with the bytes that were moved since.
local function stopwatch()
  local start, processor = sockeye.now(), os.clock()
  return function(bytes)
    print(("%d bytes in %.9f s, %.9f s of processor time"):format(
      bytes, sockeye.now() - start, os.clock() - processor))
  end
end

local run = {}

function run.sendfile()
  local s, child = accept_from(command)
  local file <close> = assert(io.open(what, "rb"))
  local report, sent = stopwatch(), 0
  for _ = 1, number do sent = sent + s:sendfile(file, 0) end
  s:close()
  assert(child:close())
  report(sent)
end

local function move(moving)
  local to, reader = accept_from(number)
  local from, writer = accept_from(command)
  local report = stopwatch()
  local moved = moving(from, to, math.tointeger(tonumber(what)))
  to:close()
  assert(reader:close() and writer:close())
  from:close()
  report(moved)
end

function run.pipe()
  move(function(from, to, bytes)
    return sockeye.stream(from):pipe(sockeye.stream(to), bytes)
  end)
end

function run.splice()
  move(function(from, to, bytes)
    return from:splice(to, bytes)
  end)
end

local name, task = action:match "^(%l+)(_?%l*)$"
if task == "_task" then
  sockeye.run(run[name])
else
  run[name]()
end
