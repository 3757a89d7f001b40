-- The loop of the model (model.lua): its turns, and how time passes.

local World = require "spec.support.model.tasks"

local never <const> = World.never

-- Let the time come for which the first task waits, if none can go on, and wake
-- those whose time has come.
function World:pass_time()
  local first = never
  local due <const> = {}
  for _, t in ipairs(self.tasks) do
    if t.limit then
      t.until_when = math.min(t.limit, World.limit_of(t.scope))
      first = math.min(first, t.until_when)
    end
  end
  if #self.ready == 0 then self.now = math.max(self.now, first) end
  for _, t in ipairs(self.tasks) do
    if t.limit and t.until_when <= self.now then table.insert(due, t) end
  end
  for _, t in ipairs(self.order(due)) do
    t.timed_out = true
    self:wake(t)
  end
end

function World:is_stuck()
  if #self.ready > 0 then return false end
  for _, t in ipairs(self.tasks) do
    if t.limit and math.min(t.limit, World.limit_of(t.scope)) < never then
      return false
    end
  end
  return true
end

function World:cancel_all()
  for _, t in ipairs(self.order { table.unpack(self.tasks) }) do
    self:cancel(t.own)
  end
end

function World:report_kept()
  for _, group in ipairs(self.groups) do
    if group.failed and not group.ended then self:report(group.failure) end
  end
end

function World:turn(root)
  local last <const> = self.ready[#self.ready]
  while #self.ready > 0 do
    local t <const> = table.remove(self.ready, 1)
    self:resume(t)
    if t == last then break end
  end
  if #self.tasks == 0 then return false end
  if root.count == 0 then self:cancel_all() end
  if self:is_stuck() then
    assert(not root.stuck, "a deadlock that no cancellation ends")
    root.stuck = true
    self:fail(root, "deadlock")
    self:cancel_all()
  end
  self:pass_time()
  return true
end

function World:run(main, ...)
  local root <const> = self:new_group { kind = "group", deadline = never }
  root.finishing = true
  local t <const> = self:spawn(root, main, ...)
  while self:turn(root) do end
  root.ended = true
  self:report_kept()
  if root.failed then error(root.failure, 0) end
  if t.status == "done" then
    return table.unpack(t.results, 1, t.results.n)
  end
  error(t.error or { code = "ECANCELED", call = "run" }, 0)
end

return World
