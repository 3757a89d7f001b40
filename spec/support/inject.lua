-- Run under strace, which makes the first system calls of each kind fail with
-- the code that is the first argument, in each process anew. Runs each of
-- scenarios/calls.lua in a child of its own, and prints for each a line: its
-- number, a tab, and "ok" or what went wrong.

local lfs = require "lfs"
local sockeye = require "sockeye"
local cases = require "spec.support.scenarios.calls"

local code <const> = arg[1]

local function descriptors()
  collectgarbage()
  collectgarbage()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
  return count
end

local function try(case, f, arguments, before)
  local ok, err = pcall(f, table.unpack(arguments))
  if ok then return "nothing was raised" end
  if not sockeye.is_error(err, code) or err.call ~= case.call then
    return "raised " .. tostring(err)
  end
  if descriptors() ~= before then return "descriptors were lost" end
end

-- The failures that are meant for this process are used up here.
for _ = 1, 5 do
  for _, case in ipairs(cases) do
    pcall(function()
      local f, arguments = case[2]()
      f(table.unpack(arguments))
    end)
  end
end

for i, case in ipairs(cases) do
  local f, arguments, owned = case[2]()
  -- In the child, what musl calls to open a folder would fail first.
  local before = descriptors()
  io.stdout:flush()
  local pid = sockeye.fork()
  if pid == 0 then
    local problem = case.except ~= code and try(case, f, arguments, before)
    -- The first writes may be among what fails.
    while problem and
      not io.stdout:write(i, "\t", problem, "\n"):flush() do end
    sockeye._exit(problem and 1 or 0)
  end
  local _, how, status = sockeye.waitpid(pid)
  if how == "exit" and status == 0 then print(i .. "\tok") end
  for _, s in ipairs(owned) do s:close() end
end
