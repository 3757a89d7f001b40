-- A helper of busted: the body of every spec runs in the world that SPEC_WORLD,
-- in the environment, names: "task" is a task of a loop of its own. What busted
-- does before and after a spec stays outside.

local busted = require "busted"
local sockeye = require "sockeye"

-- Seconds, for what would wait for ever.
local limit <const> = 20

local worlds = {
  task = function(...) return sockeye.run(sockeye.timeout, limit, ...) end,
}

local world = os.getenv "SPEC_WORLD" or ""
if world == "" then return end
local inside = assert(worlds[world], "no such world: " .. world)

-- What a spec needs to be outside of tasks for, by a pattern of its name.
local outside = require "spec.support.outside"

local function reason_of(name)
  for pattern, reason in pairs(outside) do
    if name:find(pattern) then return reason end
  end
end

busted.subscribe({ "test", "start" }, function(element, parent)
  local names = { element.name }
  while parent do
    if parent.name then table.insert(names, 1, parent.name) end
    parent = busted.parent(parent)
  end
  local reason = reason_of(table.concat(names, " "))
  local body = element.run
  if reason or element.wrapped then return nil, true end
  element.wrapped = true
  element.run = function(...)
    return inside(body, ...)
  end
  return nil, true
end)
