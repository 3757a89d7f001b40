-- Signals that stop servers.

local core = require "sockeye.core"
local class = require "sockeye.class"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

-- Those who listen, by the signal's number. They stop when it is closed.
local Signals <const> = class.new "sockeye.Signals"

function M.new() return setmetatable({}, Signals) end

local complaint <const> = "serve: %s: this server does without them\n"

--- Lets the signals stop the server from now on. Where another Lua state has
-- handlers, writes a line to standard error that says so, and does nothing.
function M.watch(names, server)
  local function stop(name) server:stop(name) end
  for _, name in ipairs(names) do
    local number <const> = primitives.read_signal(name)
    if not server.signals[number] then
      server.signals[number] = false -- no memory is needed afterwards
      local listener <const>, problem <const> =
        primitives.listen("serve", name, stop, true)
      if not listener then
        primitives.write_stderr(complaint:format(problem))
        return
      end
      server.signals[number] = listener
    end
  end
end

-- Raises the first error at the end.
function Signals:__close()
  local ok, err = true, nil
  for number, listener in pairs(self) do
    self[number] = nil
    if listener then
      local stopped, problem = pcall(primitives.stop_listening, listener)
      if ok then ok, err = stopped, problem end
    end
  end
  if not ok then error(err, 0) end
end

return M
