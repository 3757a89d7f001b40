-- Signals that end servers: each has one handler for all of them.

local core = require "sockeye.core"
core.primitives.mark_library_file()

local M = {}

-- What is to end which servers: name -> servers, before (the handler that was
-- there) and process.
local caught <const> = {}

local function attend_signal(name)
  local watch <const> = caught[name]
  if not watch then return end
  if watch.process ~= core.getpid() then
    -- A forked child has no server to end: it ends as it would have.
    core.signal(name, watch.before)
    core.kill(core.getpid(), name)
    return
  end
  for server in pairs(watch.servers) do server:stop(name) end
end

--- The server is stopped by the signal, from now on.
function M.watch(name, server)
  local watch = caught[name]
  if not watch or watch.process ~= core.getpid() then
    watch = { servers = {}, process = core.getpid() }
    watch.before = core.signal(name, attend_signal)
    caught[name] = watch
  end
  watch.servers[server] = true
end

--- The signal no longer concerns the server. When it concerns none, the handler
-- that was there is put back.
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
