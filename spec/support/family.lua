-- Scripts for which Unix sockets are of a family that not every kernel has: see
-- family.c.

local process = require "spec.support.process"

local M = {}

local function preload()
  local before = os.getenv("LD_PRELOAD")
  local path = "./build/spec/family.so"
  return before and before ~= "" and before .. ":" .. path or path
end

--- Runs the text of a Lua script. `kind` has the family's number; `refusal`,
-- the error with which it refuses MSG_NOSIGNAL; and `nameless`, if its sockets
-- have no names. Returns what the script prints, and what it writes to stderr.
function M.printed(text, kind)
  local result = process.lua_script(text, {
    env = {
      LD_PRELOAD = preload(), FAMILY = tostring(kind.family),
      REFUSAL = kind.refusal,
      NAMELESS = kind.nameless and "1" or nil,
      SOCKEYE_POLLER = kind.poller,
    },
  })
  return result.stdout .. result.stderr
end

return M
