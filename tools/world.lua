-- A helper of busted. With SPEC_WORLD=task in the environment, the body of
-- every spec runs in a task of its own loop; what busted does before and after
-- it runs outside.

local busted = require "busted"
local sockeye = require "sockeye"

-- Seconds after which a spec that would wait for ever fails.
local limit <const> = 20

local worlds = {
  task = function(...) return sockeye.run(sockeye.timeout, limit, ...) end,
}

local world = os.getenv "SPEC_WORLD" or ""
if world == "" then return end
local inside = assert(worlds[world], "no such world: " .. world)

-- Why some specs must run outside of tasks, by a pattern of their names.
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
