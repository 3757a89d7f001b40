-- lua tools/torture/coverage.lua  prints the functions and methods of the
-- library that occur in no scenario, and fails if there is one.

local faults = require "tools.torture.faults"
local public = require "spec.support.public"
local scenarios = require "spec.support.scenarios"

-- Each scenario is run by a child, for some change the process.
local function called_in(scenario, names)
  local _, text = faults.attempt(function()
    local f, arguments = scenario[2]()
    local _, called = faults.called(f, table.unpack(arguments, 1,
                                                    arguments.n))
    local list = {}
    for name, value in pairs(names) do
      if called[value] then list[#list + 1] = name end
    end
    return table.concat(list, "\n")
  end, 20)
  return text
end

local reason = faults.unavailable()
if reason then
  print("pending: " .. reason)
  os.exit(true)
end

local functions = public.functions()
local missing = {}
for name in pairs(functions) do missing[name] = true end
-- It ends the child that calls it, and with it what is known of its calls.
missing._exit = nil
for _, scenario in ipairs(scenarios) do
  local text = called_in(scenario, functions)
  for name in text:gmatch "[^\n]+" do missing[name] = nil end
end

local list = {}
for name in pairs(missing) do list[#list + 1] = name end
table.sort(list)
for _, name in ipairs(list) do print(name) end
os.exit(#list == 0)
