-- What Sockeye is measured beside. A peer's program has the peer's name in the
-- folder of a suite; words(peer, folder) are the words that run it.

local command = require "bench.support.command"

local M = {}

local lua = os.getenv("LUA") or "lua5.4"

-- Returns a function that calls f once and then returns its result again.
local function once(f)
  local known, value
  return function()
    if not known then known, value = true, f() end
    return value
  end
end

local function has_module(name)
  return once(function()
    local _, _, status = os.execute(command.join {
      lua, "-e", ("require %q"):format(name) } .. " >/dev/null 2>&1")
    return status == 0
  end)
end

-- The interpreter itself: a launcher's instructions are not the program's.
local python = once(function()
  local name = command.which "python3"
  if not name then return nil end
  return command.output(command.join {
    name, "-c", "import sys; print(sys.executable)" } ..
    " 2>/dev/null"):match("[^\n]+")
end)

local function lua_words(name)
  return function(folder)
    return { lua, ("%s/%s.lua"):format(folder, name) }
  end
end

local function lua_peer(title, name, module)
  return { title = title, available = has_module(module),
           words = lua_words(name) }
end

M.c = {
  title = "C",
  available = function() return true end,
  words = function(folder) return { command.compile(folder .. "/c.c") } end,
}

M.sockeye = lua_peer("Sockeye", "sockeye", "sockeye")
M.sockeye_locals = lua_peer("Sockeye, methods in locals", "sockeye_locals",
                            "sockeye")
M.luasocket = lua_peer("LuaSocket", "luasocket", "socket")
M.luaposix = lua_peer("luaposix", "luaposix", "posix.sys.socket")
M.cqueues = lua_peer("cqueues", "cqueues", "cqueues.socket")

M.luv = lua_peer("luv", "luv", "luv")

local function python_peer(title, name)
  return {
    title = title,
    available = python,
    words = function(folder)
      return { python(), ("%s/%s.py"):format(folder, name) }
    end,
  }
end

M.cpython = python_peer("CPython", "cpython")
M.asyncio = python_peer("asyncio", "python_asyncio")
M.selectors = python_peer("selectors", "python_selectors")

local node = once(function() return command.which "node" end)

M.node = {
  title = "Node",
  available = node,
  words = function(folder) return { node(), folder .. "/node.js" } end,
}

--- Splits a list of names: those that are installed, and those that are not.
function M.present(order)
  local present, missing = {}, {}
  for _, name in ipairs(order) do
    table.insert(M[name].available() and present or missing, name)
  end
  return present, missing
end

--- The columns of a table: `first`, and the titles of the peers.
function M.titles(first, names)
  local columns = { first }
  for _, name in ipairs(names) do table.insert(columns, M[name].title) end
  return columns
end

--- The words that run a peer's program, or nil where the peer is missing.
function M.words(peer, folder, ...)
  if not peer.available() then return nil end
  local words = peer.words(folder)
  return table.move({ ... }, 1, select("#", ...), #words + 1, words)
end

return M
