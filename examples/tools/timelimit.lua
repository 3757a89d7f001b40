-- Runs a command for a limited time: then ends it by SIGTERM, and one second
-- later by SIGKILL. Its output is printed with the time at which each line
-- came. Exits with the command's status; with 124 if its time was up, with 127
-- if there is no such command, with 128 and the number of the signal that ended
-- it.
--
--   lua timelimit.lua 2.5 ping 127.0.0.1

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local program = require "program"

local usage = program.usage(
  "usage: lua timelimit.lua SECONDS COMMAND [ARGUMENT ...]")
local seconds = tonumber(arg[1])
if not arg[2] or not seconds or seconds < 0 then usage() end

local begin <const> = sockeye.now()

local function print_lines(stream)
  for line in stream:lines() do
    print(("%6.2f  %s"):format(sockeye.now() - begin, line))
  end
end

-- How the process has ended, and whether its time was up.
local function wait(p)
  local ok, how, number = pcall(p.wait, p, seconds)
  if ok then return how, number, false end
  if not sockeye.is_error(how, "ETIMEDOUT") then error(how, 0) end
  p:kill "TERM"
  ok, how, number = pcall(p.wait, p, 1)
  if ok then return how, number, true end
  p:kill "KILL"
  how, number = p:wait()
  return how, number, true
end

local function main()
  local command = table.move(arg, 2, #arg, 1, { stdout = "pipe" })
  local p <close> = sockeye.process(command)
  local printer = sockeye.spawn(print_lines, p.stdout)
  local how, number, is_late = wait(p)
  if is_late then
    printer:cancel()
    return 124
  end
  printer:join()
  return how == "exit" and number or 128 + number
end

program.run(function()
  local ok, result = pcall(sockeye.run, main)
  if ok then return result end
  if not sockeye.is_error(result, "ENOENT") then error(result, 0) end
  io.stderr:write(result.subject, ": there is no such command\n")
  return 127
end, "timelimit: ")
