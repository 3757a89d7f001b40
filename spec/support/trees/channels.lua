-- What the tasks of a program (program.lua) do with channels; and how errors
-- are described.

local M = {}

local act <const> = {}
M.act = act

function M.describe(err)
  if type(err) ~= "table" and type(err) ~= "userdata" then
    err = tostring(err)
    return err:find "deadlock" and "deadlock" or err
  end
  return ("%s%s%s"):format(err.code, err.canceled and " canceled" or "",
                           err.timeout and " timeout" or "")
end

function act:put(action)
  self.offered[action.value] = true
  self:try(action, function()
    self.channels[action.channel]:put(action.value, action.seconds)
    self.put[action.value] = true
  end)
end

function act:try_put(action)
  self.offered[action.value] = true
  local ok <const> = self.channels[action.channel]:try_put(action.value)
  self.put[action.value] = ok or nil
  self:note(action, tostring(ok))
end

function M.take(self, value)
  if value == nil then return end
  assert(self.offered[value], "a value that was not put in")
  assert(not self.got[value], "a value comes out twice")
  self.got[value] = true
end

function act:get(action)
  self:try(action, function()
    local value <const> = self.channels[action.channel]:get(action.seconds)
    M.take(self, value)
    return value
  end)
end

function act:try_get(action)
  local value <const> = self.channels[action.channel]:try_get()
  M.take(self, value)
  self:note(action, tostring(value))
end

-- What a select did: the place in the list, and what came. A task that it has
-- chosen is joined: its failure is for the caller, who asks for it no more.
local function note_choice(self, action, choices, place, what)
  if place == 1 then
    M.take(self, what)
  elseif place == 2 and action.puts then
    self.put[action.value] = true
  elseif place then
    assert(what == choices[place], "another task")
    self.joined, what = true, "a task"
  end
  return ("%s %s"):format(place, what)
end

function act:select(action)
  local choices <const> = {
    timeout = action.timeout, self.channels[action.gets],
  }
  if action.puts then
    self.offered[action.value] = true
    table.insert(choices, { self.channels[action.puts], action.value })
  end
  choices[#choices + 1] = self.tasks[action.target]
  self:try(action, function()
    local ok, place, what = pcall(self.api.select, choices,
                                  self.preferred[action.id])
    if not ok then
      self.chosen[action.id] = M.describe(place) == "EPIPE" and 2 or nil
      error(place, 0)
    end
    self.chosen[action.id] = place
    return note_choice(self, action, choices, place, what)
  end)
end

function act:close_channel(action) self.channels[action.channel]:close() end

-- Values that were put in and not taken out are still in the channels.
function M.drain(self)
  for i, channel in ipairs(self.channels) do
    local list <const> = {}
    for value in channel.try_get, channel do
      M.take(self, value)
      table.insert(list, value)
    end
    self.log["channel " .. i] = table.concat(list, ", ")
  end
end

return M
