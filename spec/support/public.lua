-- The functions and methods that scripts can call, by their names.

local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local M = {}

-- One object of each class.
local function each_object(f)
  local a, b = sockeye.socketpair("unix", "dgram")
  local _ <close> = a
  local _ <close> = b
  f("Address", sockeye.inet())
  f("Socket", a)
  f("Channel", sockeye.channel())
  f("Semaphore", sockeye.semaphore(1))
  f("Mutex", sockeye.mutex())
  f("Event", sockeye.event())
  local nl <close> = netlink.open()
  f("Netlink", nl)
  f("Stream", sockeye.stream(b))
  local process <close> = sockeye.process { "true" }
  f("Process", process)
  local loop <close> = sockeye.loop(function()
    f("Task", sockeye.spawn(function() end))
    sockeye.group(function(g) f("Group", g) end)
  end)
  f("Loop", loop)
  assert(loop:step())
end

-- The table of methods, also where a C function looks them up in it.
local function methods_behind(index)
  if type(index) ~= "function" then return index end
  for i = 1, 9 do
    local name, value = debug.getupvalue(index, i)
    if not name or type(value) == "table" then return value end
  end
end

local function add(functions, prefix, of)
  for name, value in pairs(of) do
    if type(value) == "function" then functions[prefix .. name] = value end
  end
end

--- name -> function: those of the module, those of netlink with "netlink."
-- before, and methods with their class before ("Socket:send").
function M.functions()
  local functions = {}
  add(functions, "", sockeye)
  add(functions, "netlink.", netlink)
  each_object(function(class, object)
    add(functions, class .. ":",
        methods_behind(debug.getmetatable(object).__index))
  end)
  return functions
end

return M
