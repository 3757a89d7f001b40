-- What a call raises: a sockeye error, or an ordinary argument error.

local fail = require "busted".fail

local asserted = require "spec.support.asserted"

local M = {}

local function describe(value)
  if type(value) ~= "table" then return tostring(value) end
  return ("%s (code %s, call %s)"):format(
    tostring(value), tostring(value.code), tostring(value.call))
end

--- Runs f(...), which has to raise a sockeye error with this code by this
-- call (nil for any call). Returns the error.
function M.raised(code, call, f, ...)
  asserted.note()
  local ok, err = pcall(f, ...)
  local wanted = ("%s by %s"):format(code, call or "any call")
  if ok then
    fail(("nothing was raised; wanted %s"):format(wanted), 2)
  end
  if type(err) ~= "table" or getmetatable(err) ~= "sockeye.Error" then
    fail(("no sockeye error: %s; wanted %s"):format(describe(err), wanted), 2)
  end
  if err.code ~= code or (call and err.call ~= call) then
    fail(("raised %s; wanted %s"):format(describe(err), wanted), 2)
  end
  return err
end

--- Runs f(...), which has to raise a Lua string that the pattern matches.
-- Returns the string.
function M.rejected(pattern, f, ...)
  asserted.note()
  local ok, err = pcall(f, ...)
  if ok then
    fail(("nothing was raised; wanted %q"):format(pattern), 2)
  end
  if type(err) ~= "string" or not err:find(pattern) then
    fail(("raised %s; wanted %q"):format(describe(err), pattern), 2)
  end
  return err
end

return M
