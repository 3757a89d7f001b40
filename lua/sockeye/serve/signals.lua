-- Signals that stop servers: one handler for each signal, whatever the number
-- of servers.

local core = require "sockeye.core"
core.primitives.mark_library_file()

local M = {}

-- By the name of a signal: the set of the `servers` that it stops, the handler
-- that was there `before`, and the `process` that has set ours.
local caught <const> = {}

local function stop_servers(name)
  local watch <const> = caught[name]
  if not watch then return end
  if watch.process ~= core.getpid() then
    -- A forked child has no server to stop: the signal does what it would
    -- have done without one.
    core.signal(name, watch.before)
    core.kill(core.getpid(), name)
    return
  end
  for server in pairs(watch.servers) do server:stop(name) end
end

--- Lets the signal stop the server from now on.
function M.watch(name, server)
  local watch = caught[name]
  if not watch or watch.process ~= core.getpid() then
    watch = { servers = {}, process = core.getpid() }
    watch.before = core.signal(name, stop_servers)
    caught[name] = watch
  end
  watch.servers[server] = true
end

--- Undoes `watch`. Puts the handler from before back when the signal stops no
-- server any more.
function M.forget(name, server)
  local watch <const> = caught[name]
  if not watch or not watch.servers[server] then return end
  watch.servers[server] = nil
  if not next(watch.servers) then
    caught[name] = nil
    core.signal(name, watch.before)
  end
end

return M
