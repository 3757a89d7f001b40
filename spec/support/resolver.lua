-- Scripts for which names are resolved as a spec likes: see resolver.c.

local assert = require "luassert"
local process = require "spec.support.process"

local M = {}

-- questions(n) waits until n more of them have come and returns how each was
-- asked, open(n) lets n of them be answered, threads() is how many threads this
-- process has, code(f, …) what f raises.
local prelude = [[
  local sockeye = require "sockeye"

  local gate, way_out = sockeye.pipe()
  local bell, ringer = sockeye.pipe()
  sockeye.dup2(gate, 105)
  sockeye.dup2(ringer, 107)
  local name = "gate-105-107"

  local function questions(n)
    local text = ""
    bell:settimeout(20)
    while #text < n do text = text .. bell:read(n - #text) end
    return text
  end

  local function open(n) way_out:write(("x"):rep(n or 1)) end

  local function threads()
    local file <close> = io.open("/proc/self/status")
    return math.tointeger(file:read("a"):match("Threads:%s*(%d+)"))
  end

  local function found(name)
    return tostring(sockeye.resolve(name, 80, { type = "stream" })[1].address)
  end

  local function code(f, ...)
    local ok, err = pcall(f, ...)
    if ok or not sockeye.is_error(err) then return ok or err end
    return ("%s %s %s %s"):format(err.code, err.call, err.address, err.timeout)
  end
]]

local function preload()
  local before = os.getenv("LD_PRELOAD")
  local path = "./build/spec/resolver.so"
  return before and before ~= "" and before .. ":" .. path or path
end

--- Runs the text of a Lua script, with the functions above, under a poller.
-- Returns what process.lua_script does.
function M.lua(text, poller)
  return process.lua_script(prelude .. text, {
    env = { LD_PRELOAD = preload(), SOCKEYE_POLLER = poller or "epoll" },
  })
end

--- What such a script prints, which must do nothing else.
function M.printed(text, poller)
  local result = M.lua(text, poller)
  assert.equal("", result.stderr)
  assert.equal(0, result.status)
  return result.stdout
end

return M
