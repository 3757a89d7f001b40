-- Sockets that listen on an endpoint.

local core = require "sockeye.core"
local endpoints = require "sockeye.endpoint"

local primitives <const> = core.primitives
primitives.mark_library_file()

local M = {}

-- Calls f with the socket. Closes it if f raises.
local function guarded(s, f, ...)
  local ok, err = pcall(f, s, ...)
  if not ok then
    s:close()
    error(err, 0)
  end
  return s
end

-- ---- TCP ----

local function bind_inet(s, address, options, v6only)
  s:setsockopt("SO_REUSEADDR", true)
  if options.reuseport then s:setsockopt("SO_REUSEPORT", true) end
  if v6only ~= nil and address.family == "inet6" then
    s:setsockopt("IPV6_V6ONLY", v6only)
  end
  s:bind(address)
  primitives.enable_nodelay(s)
  s:listen(options.backlog)
end

local function listen_inet(address, options, v6only)
  return guarded(core.socket(address.family, "stream"), bind_inet, address,
                 options, v6only)
end

-- Listens on the first of the name's addresses that can be bound.
local function listen_at_name(place, options)
  local found <const> = endpoints.resolve("listen", place, {
    type = "stream", family = options.family, flags = "passive",
  })
  local ok, result
  for _, entry in ipairs(found) do
    ok, result = pcall(listen_inet, entry.address, options, options.v6only)
    if ok then return result end
  end
  error(result, 0)
end

local no_inet6 <const> = { EAFNOSUPPORT = true, EADDRNOTAVAIL = true }

-- IPv6's wildcard accepts IPv4's connections, too.
local function listen_anywhere(place, options)
  local function at(family, v6only)
    local found <const> = endpoints.resolve("listen", place, {
      type = "stream", family = family, flags = "passive",
    })
    return listen_inet(found[1].address, options, v6only)
  end
  if options.family then return at(options.family, options.v6only) end
  local ok, result = pcall(at, "inet6", options.v6only or false)
  if ok then return result end
  if options.v6only or not core.is_error(result) or
     not no_inet6[result.code] then
    error(result, 0)
  end
  return at("inet")
end

-- ---- Unix ----

local lock_pause <const>, lock_patience <const> = 0.005, 200 -- 1 s in all

-- Locks the directory of the file while somebody else may test, remove or bind
-- it. One who holds the lock for longer than that does not start a server.
local function lock(path)
  for _ = 1, lock_patience do
    local place <const> = primitives.lock_file(path)
    if place then return place end
    core.sleep(lock_pause)
  end
  primitives.raise("bind", "EADDRINUSE", path)
end

local function bind_path(s, address, options, place)
  local ok, err = pcall(s.bind, s, address)
  if ok then return end
  if options.unlink == false or not core.is_error(err, "EADDRINUSE") or
     not primitives.remove_stale(place, address) then
    error(err, 0)
  end
  s:bind(address)
end

-- Nobody can connect before the socket listens, so the mode is set in time.
local function open_path(s, options, place, mode)
  if mode then primitives.set_mode(place, mode) end
  s:listen(options.backlog)
end

-- Whoever finds the file while the directory is locked finds a socket that
-- listens, or one that never will.
local function listen_path(s, address, options, mode)
  local place <close> = lock(address.path)
  if mode then primitives.preset_mode(s, mode) end
  bind_path(s, address, options, place)
  local identity <const> = primitives.file_identity(place)
  local ok, err = pcall(open_path, s, options, place, mode)
  if not ok then
    if identity then primitives.remove_file(place, identity) end
    error(err, 0)
  end
end

local function listen_unix(address, options, mode)
  local s <const> = core.socket("unix", "stream")
  if address.path == nil or address.path:find("^\0") then
    return guarded(s, function()
      s:bind(address):listen(options.backlog)
    end)
  end
  return guarded(s, listen_path, address, options, mode)
end

local function mode_bits(mode)
  return type(mode) == "string" and tonumber(mode, 8) or math.tointeger(mode)
end

-- Lets an error of bind(2) keep the endpoint, as the script wrote it.
local function named(place, f, ...)
  local ok <const>, result <const> = pcall(f, ...)
  if ok then return result end
  if core.is_error(result) and result.call == "bind" then
    result.endpoint = endpoints.name(place)
  end
  error(result, 0)
end

--- Listen on an endpoint.
-- The socket is bound, with SO_REUSEADDR, and listens. `"*:port"` means every
-- address of this host: one socket serves IPv6 and IPv4, or IPv4 alone on a
-- system without IPv6. A name stands for the first of its addresses that can be
-- bound.
--
-- The connections that it accepts send small pieces at once (TCP_NODELAY), as
-- streams need it.
--
-- The stale file of a Unix socket on which nobody listens is removed first; a
-- file on which somebody listens, or that is no socket, never is. Its directory
-- is locked meanwhile (flock(2)): where it may not be read, or its file system
-- has no locks, a stale file is kept, and EADDRINUSE is raised. Closing the
-- socket leaves its file in place, as close(2) does: a forked child may still
-- listen.
-- @function listen
-- @param endpoint `"host:port"`, `"[v6]:port"`, `"*:port"`, `"unix:/path"`,
-- `"unix:@name"`, an `Address` or what `endpoint` gives; for port 0 the system
-- chooses a port
-- @tab[opt] options
-- `backlog`: as for `Socket:listen`;
-- `family`: only `"inet"`, or only `"inet6"`;
-- `reuseport`: SO_REUSEPORT, so that several sockets share the port;
-- `v6only`: IPV6_V6ONLY, for IPv6 sockets; with `"*:port"` it is false by
-- default;
-- `mode`: the permissions of a Unix socket's file, in octal digits: `"0660"`;
-- `unlink`: false keeps a stale file, and then EADDRINUSE is raised
-- @treturn Socket
-- @raise EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE, …; what `resolve` raises
-- @usage local listener <close> = sockeye.listen("*:8080")
function M.listen(endpoint, options)
  options = endpoints.options("listen", endpoint, options,
                              endpoints.listen_options)
  local place <const> = endpoints.check("listen", endpoint)
  local mode <const> = options.mode and mode_bits(options.mode)
  if place.any then return named(place, listen_anywhere, place, options) end
  if place.host then return named(place, listen_at_name, place, options) end
  if place.address.family == "unix" then
    return listen_unix(place.address, options, mode)
  end
  return listen_inet(place.address, options, options.v6only)
end

return M
