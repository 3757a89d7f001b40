-- Errors of the handlers of a server: how they are caught and reported.

local core = require "sockeye.core"
core.primitives.mark_library_file()

local M = {}

--- What is reported for want of memory, when there may be none for a table.
-- Lua raises this text then, and calls no handler of xpcall.
M.starved = { err = "not enough memory", traceback = "" }

--- Returns the error with the traceback of where it was raised, as a handler of
-- xpcall.
function M.explain(err)
  return { err = err, traceback = debug.traceback(nil, 2) }
end

--- Returns what xpcall(f, explain) caught as a table, which it is not where no
-- handler was called.
function M.caught(problem)
  if type(problem) == "table" then return problem end
  if problem == M.starved.err then return M.starved end
  return { err = problem, traceback = "" }
end

local function text_of(err)
  local ok, text = pcall(tostring, err)
  return ok and text or ("(error object is a %s value)"):format(type(err))
end

local function to_stderr(what, peer)
  io.stderr:write(("%s: %s\n%s\n"):format(peer or "serve", text_of(what.err),
                                         what.traceback))
end

--- Returns whether the error is how the end of a scope ends the code in it.
function M.is_cancellation(err)
  return core.is_error(err, "ECANCELED") and err.canceled
end

--- Reports what went wrong to the server's on_error, or to standard error.
-- A cancellation is not reported.
function M.report(server, what, peer)
  local err <const> = what.err
  if M.is_cancellation(err) then return end
  if server.on_error then
    local ok, problem = xpcall(server.on_error, M.explain, err, peer,
                               what.traceback)
    what = not ok and M.caught(problem) or what
    if ok or M.is_cancellation(what.err) then return end
  elseif core.is_error(err) and err.timeout and server.limited then
    return
  end
  to_stderr(what, peer)
end

return M
