-- Runs the suites named on the command line, or all of them, prints what they
-- measured and writes it as Markdown:
--
--   build/bench/SUITE.md         each suite's table
--   build/bench/README-table.md  all of them, for bench/README.md
--
-- or to another folder that BENCH_OUT names.
--
--   --quick        small counts: whether everything works, not how fast
--   --update       put README-table.md between the markers of bench/README.md
--   --rounds=N     of the servers; the median counts
--   --seconds=S    how long each server works in a round
--   --row=PATTERN  only the work whose name matches
--   --peer=NAME    beside C, only this peer; may be repeated

-- The suites are folders with an init.lua.
package.path = "./?.lua;./?/init.lua;" .. package.path

local report = require "bench.support.report"

local suites = { "servers", "growth", "requests", "tasks", "instructions",
                 "syscalls", "bulk", "files", "zerocopy", "datagrams" }
local modules = {
  servers = "bench.servers",
  growth = "bench.servers.growth",
  requests = "bench.servers.requests",
  tasks = "bench.tasks",
  instructions = "bench.calls.instructions",
  syscalls = "bench.calls.syscalls",
  bulk = "bench.calls.bulk",
  files = "bench.calls.files",
  zerocopy = "bench.calls.zerocopy",
  datagrams = "bench.calls.datagrams",
}

local function usage()
  io.stderr:write("usage: bench/run [--quick] [--update] [--rounds=N] ",
                  "[--seconds=S] [--row=PATTERN] [--peer=NAME]... [",
                  table.concat(suites, " | "), "]...\n")
  os.exit(2)
end

local function take_value(options, name, value)
  if name == "rounds" or name == "seconds" then
    options[name] = tonumber(value) or usage()
  elseif name == "row" then
    options.row = value
  elseif name == "peer" then
    options.peers = options.peers or {}
    options.peers[value] = true
  else
    usage()
  end
end

local function parse(arguments)
  local options, chosen = {}, {}
  for _, word in ipairs(arguments) do
    local name, value = word:match "^%-%-(%l+)=(.+)$"
    if name then
      take_value(options, name, value)
    elseif word == "--quick" or word == "--update" then
      options[word:sub(3)] = true
    elseif modules[word] then
      table.insert(chosen, word)
    else
      usage()
    end
  end
  return options, #chosen > 0 and chosen or suites
end

io.stdout:setvbuf("line")
local options, chosen = parse(arg)
report.prepare()
print(report.machine())
for _, name in ipairs(chosen) do
  local result = require(modules[name]).run(options)
  report.show(result)
  report.save(name, result)
end
report.join(suites)
print("\n" .. report.path "README-table")
if options.update then
  print(report.update("bench"))
end
