-- Children that a spec forks off itself, and signals from them.

local sockeye = require "sockeye"

local asserted = require "spec.support.asserted"

local M = {}

-- What a spec that hangs is ended by.
local limit <const> = 20

--- Forks a child that runs f and ends. Returns its process id.
function M.child(f)
  io.stdout:flush()
  local pid = sockeye.fork()
  if pid > 0 then return pid end
  local ok, err = xpcall(f, debug.traceback)
  if not ok then io.stderr:write(tostring(err), "\n") end
  sockeye._exit(ok and 0 or 1)
end

local function assert_good(how, number)
  assert(how == "exit" and number == 0,
         ("the child ended by %s %d"):format(how, number))
end

local function reap(pid)
  local _, how, number = sockeye.waitpid(pid)
  assert_good(how, number)
end

--- Waits for a child, which has to have ended well.
function M.reap(pid)
  asserted.note()
  reap(pid)
end

-- Waits for a child that is about to end, without its task: Lua before 5.4.3
-- lets no task wait while a variable is closed.
local function reap_soon(pid)
  local deadline = sockeye.now() + limit
  local found, how, number
  repeat
    found, how, number = sockeye.waitpid(pid, "nohang")
  until found or sockeye.now() > deadline
  assert(found, "the child does not end")
  assert_good(how, number)
end

--- What a child writes that runs f with its standard output to a pipe, and
-- how it ended.
function M.output(f)
  local r <close>, w = sockeye.pipe()
  local pid = M.child(function()
    sockeye.dup2(w, 1)
    f()
  end)
  w:close()
  local parts = {}
  for part in function() return r:read(4096) end do
    parts[#parts + 1] = part
  end
  local _, how, number = sockeye.waitpid(pid)
  return table.concat(parts), how, number
end

--- One word for what a process does: "S" sleeps, "Z" is a zombie, "T" is
-- stopped; nil: there is no such process.
function M.state(pid)
  local file <close> = io.open(("/proc/%d/stat"):format(pid))
  -- The process may end between the two calls.
  local text = file and file:read("a")
  return text and text:match("%) (%a)")
end

--- Waits until the process is in that state.
function M.await(pid, state)
  local deadline = sockeye.now() + limit
  repeat
    if M.state(pid) == state then return end
    sockeye.sleep(0.001)
  until sockeye.now() > deadline
  error(("process %d did not come into state %s"):format(pid, state), 2)
end

local interruption = {}

-- In the child. The parent's end of the pipe is closed when it is enough; from
-- then on the parent may not sleep any more.
local function send(parent, name, times, r)
  local function is_enough(seconds)
    return next(sockeye.poll({ [r] = "r" }, seconds)) ~= nil
  end
  for _ = 1, times do
    while M.state(parent) ~= "S" do
      if is_enough(0.001) then return end
    end
    if is_enough(0) then return end
    sockeye.kill(parent, name)
    if is_enough(0.005) then return end
  end
  if not is_enough(limit) then sockeye.kill(parent, "USR2") end
end

--- Handles the signal, and has a child send it as soon as this process
-- sleeps, up to that many times. To be held by a <close> variable. What still
-- blocks much later is ended by an error.
function M.interrupt(name, handler, times)
  local r <close>, w = sockeye.pipe()
  local self = setmetatable({ name = name, w = w }, interruption)
  self.before = sockeye.signal(name, handler)
  self.rescue = sockeye.signal("USR2", function()
    error("the call was never interrupted")
  end)
  local parent = sockeye.getpid()
  self.pid = M.child(function()
    w:close()
    send(parent, name, times or 1, r)
  end)
  return self
end

function interruption:__close()
  sockeye.signal(self.name, function() end)
  sockeye.signal("USR2", function() end)
  self.w:close()
  reap_soon(self.pid)
  sockeye.signal(self.name, self.before)
  sockeye.signal("USR2", self.rescue)
end

return M
