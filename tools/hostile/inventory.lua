-- What there is to call: every function of the modules that are loaded, and
-- every method of every type. Nothing is listed by hand but the names of
-- modules, which come from the files, and ways to make objects.

local M = {}

-- ---- modules ----

local function modules()
  local names <const> = { "sockeye" }
  for name in (os.getenv "HOSTILE_MODULES" or ""):gmatch "%S+" do
    names[#names + 1] = name
  end
  return names
end

-- Those that are hidden behind the module itself hold nothing of their own.
local function add_module(list, name)
  local ok <const>, module <const> = pcall(require, name)
  if not ok or type(module) ~= "table" then return end
  local prefix <const> = name:gsub("^sockeye%.", "") .. "."
  for key, f in pairs(module) do
    if type(f) == "function" and type(key) == "string" then
      list[prefix .. key] = f
    end
  end
end

-- ---- types ----

-- The table of methods, also where a C function looks them up in it.
local function methods_behind(index)
  if type(index) == "table" then return index end
  for i = 1, type(index) == "function" and 9 or 0 do
    local name <const>, value <const> = debug.getupvalue(index, i)
    if not name then return end
    if type(value) == "table" then return value end
  end
end

local function add_type(list, name, meta)
  for key, f in pairs(methods_behind(rawget(meta, "__index")) or {}) do
    if type(f) == "function" and type(key) == "string" then
      list[name .. ":" .. key] = f
    end
  end
end

--- The names of an object's methods, in order.
function M.methods_of(object)
  local names <const> = {}
  local meta <const> = debug.getmetatable(object)
  local methods <const> = type(meta) == "table" and
    type(object) ~= "string" and rawget(meta, "__name") ~= "trap" and
    methods_behind(rawget(meta, "__index"))
  for key, f in pairs(methods or {}) do
    if type(f) == "function" and type(key) == "string" then
      names[#names + 1] = key
    end
  end
  table.sort(names)
  return names
end

--- The name of an object's type, without the module's.
function M.name_of(object)
  local meta <const> = debug.getmetatable(object)
  local name <const> = type(meta) == "table" and rawget(meta, "__name")
  return (tostring(name or "?"):gsub("^sockeye%.", ""))
end

-- ---- objects ----

local function quick(...)
  for _, s in ipairs { ... } do
    s:settimeout(0.003)
  end
  return ...
end

local function tcp(S)
  local listener <close> = S.listen("127.0.0.1:0")
  local a <const> = S.connect(tostring(listener:getsockname()))
  return quick(a, (listener:accept()))
end

--- Ways to make objects, each a function of the module's table.
M.makers = {
  pair = function(S) return quick(S.socketpair()) end,
  dgrams = function(S) return quick(S.socketpair("unix", "dgram")) end,
  packets = function(S) return quick(S.socketpair("unix", "seqpacket")) end,
  tcp = tcp,
  fresh = function(S) return quick(S.socket("inet", "stream")) end,
  fresh6 = function(S) return quick(S.socket("inet6", "dgram")) end,
  local_stream = function(S) return quick(S.socket("unix", "stream")) end,
  udp = function(S)
    local a <const> = S.socket("inet", "dgram"):bind("127.0.0.1:0")
    local b <const> = S.socket("inet", "dgram")
    return quick(a, b:connect(a:getsockname()))
  end,
  raw_route = function(S)
    return quick(S.socket("netlink", "raw", "route"):bind(S.netlink()))
  end,
  listener = function(S) return quick(S.listen("127.0.0.1:0")) end,
  listener6 = function(S) return quick(S.listen("[::1]:0")) end,
  pipe = function(S) return quick(S.pipe()) end,
  closed = function(S)
    local s <const> = S.socketpair()
    s:close()
    return s
  end,
  streams = function(S)
    local a <const>, b <const> = quick(S.socketpair())
    a:send("one\ntwo 0x1p4 3\n" .. ("y"):rep(3000))
    return S.stream(a), S.stream(b)
  end,
  stream_tcp = function(S)
    local a <const>, b <const> = tcp(S)
    return S.stream(a), b
  end,
  closed_stream = function(S)
    local s <const> = S.stream((S.socketpair()))
    s:close()
    return s
  end,
  address = function(S) return S.inet("127.0.0.1", 9), S.inet6("::1%lo", 1) end,
  address_unix = function(S) return S.unix("\0h"), S.unix("h") end,
  loop = function(S)
    return S.loop(function()
      S.spawn(S.sleep, 0.002)
      return S.sleep(0.004)
    end)
  end,
  nl = function() return (require "sockeye.netlink".open()) end,
  channel = function(S) return S.channel(1), S.channel(0) end,
  semaphore = function(S) return S.semaphore(1) end,
  mutex = function(S) return S.mutex() end,
  event = function(S) return S.event() end,
  task = function(S) return S.spawn(S.sleep, 0.002) end,
  process = function(S)
    return S.process { "sleep", "0.005", stdin = "pipe", stdout = "pipe" }
  end,
  error_object = function(S)
    return select(2, pcall(S.connect, "127.0.0.1:1"))
  end,
  file = function()
    local file <const> = io.tmpfile()
    file:write(("file\n"):rep(5000))
    file:seek("set")
    return file
  end,
  closed_file = function()
    local file <const> = io.tmpfile()
    file:close()
    return file
  end,
  module = function(S) return S end,
  empty = function() return {}, {} end,
}

-- ---- all of it ----

-- Types of Lua's are in no registry: those of what the makers make.
local function add_made(list)
  local S <const> = require "sockeye"
  for kind, make in pairs(M.makers) do
    local function keep(ok, ...)
      for _, object in ipairs(ok and { ... } or {}) do
        local meta <const> = debug.getmetatable(object)
        if type(meta) == "table" and
            tostring(rawget(meta, "__name")):find "^sockeye%." then
          add_type(list, M.name_of(object), meta)
        end
        if kind == "process" then object:close() end
      end
    end
    if kind ~= "task" then keep(pcall(make, S)) end
  end
end

local types

--- All functions and methods by name: "sockeye.bind", "Socket:bind".
function M.functions()
  local list <const> = {}
  for _, name in ipairs(modules()) do add_module(list, name) end
  for name, meta in pairs(debug.getregistry()) do
    if type(name) == "string" and name:find "^sockeye%." and
        type(meta) == "table" then
      add_type(list, name:gsub("^sockeye%.", ""), meta)
    end
  end
  if not types then
    types = {}
    add_made(types)
  end
  for name, f in pairs(types) do list[name] = list[name] or f end
  return list
end

return M
