-- Errors of the handlers of a server: how they are caught and reported.

local core = require "sockeye.core"
core.primitives.mark_library_file()
local write_stderr <const> = core.primitives.write_stderr

local M = {}

--- What is reported for want of memory, when there may be none for a table.
-- Lua raises this text then, and calls no handler of xpcall.
M.starved = { err = "not enough memory", traceback = "", is_everyday = false }

--- Returns the error with the traceback of where it was raised, as a handler of
-- xpcall.
M.explain = core.primitives.explain

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

local function set(...)
  local members <const> = {}
  for _, name in ipairs { ... } do members[name] = true end
  return members
end

-- What a peer has done, or the network on the way to it: where the script was
-- then says nothing.
local of_peer <const> = set("ECONNABORTED", "ECONNREFUSED", "ECONNRESET",
                            "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN",
                            "ENETRESET", "ENETUNREACH", "ENOTCONN", "EPIPE",
                            "EPROTO", "ETIMEDOUT")

local function is_one_of(err, codes)
  return core.is_error(err) and err.code ~= nil and codes[err.code]
end

-- A traceback without frames is only a heading.
local function describe(what, label)
  local traceback = what.traceback
  if is_one_of(what.err, of_peer) or not traceback:find "\n" then
    traceback = ""
  end
  return ("%s: %s\n%s%s"):format(label, text_of(what.err), traceback,
                                 traceback == "" and "" or "\n")
end

--- Returns whether the error is how the end of a scope ends the code in it.
function M.is_cancellation(err)
  return core.is_error(err, "ECANCELED") and err.canceled
end

local resets <const> = set("ECONNRESET", "EPIPE")
local closing <const> = set("close", "flush")

--- Returns whether the error is that a client has gone away in the middle,
-- which is an everyday event. `has_hung_up` is what the primitive of that name
-- returned for its connection.
function M.is_reset(err, has_hung_up)
  if not is_one_of(err, resets) then return false end
  return has_hung_up or has_hung_up == nil and closing[err.call] or false
end

-- Returns whether the error is the end of a limit that the server has set.
local function is_limit(err)
  if not core.is_error(err, "ETIMEDOUT") then return false end
  local message <const> = rawget(err, "message")
  if not err.timeout or type(message) ~= "string" then return false end
  local whose <const> = message:match "the limit of '([%w_]+)'$"
  return whose == "idle_timeout" or whose == "handler_timeout"
end

--- Reports what went wrong to the server's on_error, or to standard error.
-- A cancellation is not reported. `what.is_everyday`: nor is this, unless there
-- is an on_error.
function M.report(server, what, peer)
  local err <const> = what.err
  if M.is_cancellation(err) then return end
  if not server.on_error then
    if what.is_everyday or is_limit(err) then return end
    return write_stderr(describe(what, peer or "serve"))
  end
  local ok, problem = xpcall(server.on_error, M.explain, err, peer,
                             what.traceback)
  if ok then return end
  problem = M.caught(problem)
  if M.is_cancellation(problem.err) then return end
  write_stderr(describe(what, peer or "serve") ..
               describe(problem, "on_error failed"))
end

return M
