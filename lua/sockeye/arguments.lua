-- Tables of options, as calls take them for their last argument.

local primitives <const> = require("sockeye.core").primitives
primitives.mark_library_file()

local M = {}

local function is_seconds(value)
  return type(value) == "number" and value >= 0
end

local function is_integer(value)
  return math.type(value) == "integer" and value >= 0
end

local function is_count(value)
  return is_integer(value) and value > 0 or value == math.huge
end

local kinds <const> = {
  seconds = { is_seconds, "number of seconds" },
  integer = { is_integer, "integer that is not negative" },
  count = { is_count, "positive integer" },
  boolean = { function(v) return type(v) == "boolean" end, "boolean" },
  ["function"] = { function(v) return type(v) == "function" end, "function" },
  table = { function(v) return type(v) == "table" end, "table" },
  any = { function() return true end, "value" },
}

local function names(known)
  local list <const> = {}
  for name in pairs(known) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, ", ")
end

local function problem(options, known)
  if type(options) ~= "table" then
    return ("table expected, got %s"):format(math.type(options) and "number" or
                                             type(options))
  end
  for name, value in pairs(options) do
    local kind <const> = kinds[known[name]]
    if not kind then
      return ("unknown option '%s'; there are %s"):format(name, names(known))
    elseif not kind[1](value) then
      return ("option '%s': %s expected, got %s"):format(name, kind[2],
                                                        tostring(value))
    end
  end
end

--- The options, an empty table where there are none.
-- `known` has the names, each with its kind. What does not fit is an argument
-- error of the function that calls this, which is known as `call`.
function M.check(call, argument, options, known)
  if options == nil then return {} end
  local what <const> = problem(options, known)
  if what then
    primitives.misuse(("bad argument #%d to '%s' (%s)"):format(argument, call,
                                                               what))
  end
  return options
end

--- Raises what a call inside `call` has raised. What was wrong with its
-- argument is wrong with one of the script's.
function M.rethrow(call, argument, err)
  local what <const> = type(err) == "string" and
    err:match "bad argument #%d+ to '[^']*' (%(.*%))$"
  if not what then error(err, 0) end
  primitives.misuse(("bad argument #%d to '%s' %s"):format(argument, call,
                                                           what))
end

return M
