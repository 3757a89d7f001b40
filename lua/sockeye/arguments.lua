-- Arguments of the functions that are written in Lua: how they are checked, and
-- the one place that raises errors about them. Such an error reads like those
-- of C, "bad argument #2 to 'listen' (…)", and blames the script's line,
-- however many functions of the library lie between.

local class <const> = require "sockeye.class"
local primitives <const> = require("sockeye.core").primitives
primitives.mark_library_file()

local quote <const> = primitives.quote

local M = {}

--- Raises an argument error: `problem` is what is wrong with argument `n` of
-- the public function `call`.
function M.raise(call, n, problem)
  primitives.misuse(("bad argument #%d to '%s' (%s)"):format(n, call, problem))
end

-- ---- kinds of values ----

local int_most <const> = 0x7fffffff -- the greatest int of C

local function is_of(name)
  return function(value) return type(value) == name end
end

-- Numbers are given as the methods of C take them: as text, too, and integers
-- as floats.
local function number_of(value)
  local kind <const> = type(value)
  return (kind == "number" or kind == "string") and tonumber(value) or nil
end

local function integer_of(value)
  local number <const> = number_of(value)
  return number and math.tointeger(number)
end

local function is_not_negative(value)
  local number <const> = number_of(value)
  return number and number >= 0
end

local function is_integer(value)
  local number <const> = integer_of(value)
  return number and number >= 0 and number <= int_most
end

local function is_backlog(value)
  local number <const> = integer_of(value)
  return number and number >= -int_most - 1 and number <= int_most
end

local function is_count(value)
  local number <const> = integer_of(value)
  return number and number > 0 or number_of(value) == math.huge
end

local function is_named(name)
  return function(value) return class.is(value, name) end
end

-- Permissions as chmod(1) takes them, "0660", or as a number.
local function is_mode(value)
  if type(value) == "string" then return value:find "^0*[0-7][0-7]?[0-7]?$" end
  local bits <const> = type(value) == "number" and math.tointeger(value)
  return bits and bits >= 0 and bits <= 511
end

-- Each kind: a test; what an error says is expected; and for a kind that is a
-- range, true: the error says which value it was given, not of which type.
local tested <const> = {
  backlog = { is_backlog, "integer of 32 bits expected", true },
  boolean = { is_of "boolean", "boolean expected" },
  channel = { is_named "sockeye.Channel", "channel expected" },
  count = { is_count, "positive integer expected", true },
  ["function"] = { is_of "function", "function expected" },
  integer = { is_integer, "integer from 0 to 2147483647 expected", true },
  mode = { is_mode, "octal digits expected, as in \"0660\"", true },
  number = { is_not_negative, "number that is not negative expected", true },
  seconds = { is_not_negative, "number of seconds expected", true },
  table = { is_of "table", "table expected" },
}

-- Kinds that C reads, which says itself what is wrong.
local read <const> = {
  address = primitives.read_address,
  family = primitives.read_family,
  signal = primitives.read_signal,
}

local function describe(value)
  local kind <const> = type(value)
  if kind == "number" then return tostring(value) end
  return kind == "string" and ("'%s'"):format(quote(value)) or kind
end

local function test(value, kind)
  local row <const> = tested[kind]
  if row[1](value) then return nil end
  return ("%s, got %s"):format(
    row[2], row[3] and describe(value) or type(value))
end

local function sorted_names(known)
  local list <const> = {}
  for name in pairs(known) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, ", ")
end

local problem_of

local function problem_of_options(options, known)
  if type(options) ~= "table" then return test(options, "table") end
  for name, value in pairs(options) do
    local kind <const> = known[name]
    if not kind then
      return ("unknown option '%s'; there are %s"):format(
        quote(name), sorted_names(known))
    end
    local problem <const> = problem_of(value, kind)
    if problem then return ("option '%s': %s"):format(name, problem) end
  end
end

function problem_of(value, kind)
  if type(kind) == "function" then return kind(value) end
  if type(kind) == "table" then return problem_of_options(value, kind) end
  if read[kind] then return select(2, read[kind](value)) end
  return kind ~= "any" and test(value, kind) or nil
end

--- Returns what is wrong with a value that should be of a kind; nil: nothing.
-- A kind is
--
-- - the name of one, as in the tables above, or "any";
-- - a table that gives the kind of each option by its name;
-- - a function that returns what is wrong with a value, or nil.
M.problem = problem_of

--- Returns the value of argument `n`, which has to be of that kind.
function M.check(call, n, value, kind)
  local problem <const> = problem_of(value, kind)
  if problem then M.raise(call, n, problem) end
  return value
end

local numeric <const> = {
  backlog = integer_of, count = function(value)
    return integer_of(value) or number_of(value)
  end,
  integer = integer_of, number = number_of, seconds = number_of,
}

--- Returns a copy of the table of options that is argument `n`, an empty one
-- for nil, in which numbers that were given as text are numbers. `known` has
-- the kind of each option by its name.
function M.options(call, n, options, known)
  local copy <const> = {}
  if options == nil then return copy end
  for name, value in pairs(M.check(call, n, options, known)) do
    local convert <const> = numeric[known[name]]
    copy[name] = convert and convert(value) or value
  end
  return copy
end

--- Raises an argument error about a field of the table that is argument `n`.
function M.raise_field(call, n, name, problem)
  M.raise(call, n, ("field '%s': %s"):format(name, problem))
end

-- Raises an error unless `self`, on which the method `call` was called, is of
-- the type `name`.
local function check_self(call, self, name)
  if class.is(self, name) then return end
  primitives.misuse(("calling '%s' on bad self (%s expected, got %s)"):format(
    call, name, quote(class.name_of(self))))
end

--- Lets each of the methods of the type `class_name` check its `self`.
-- This is for methods that make system calls, beside which it costs little.
function M.guard_methods(methods, class_name)
  for name, method in pairs(methods) do
    methods[name] = function(self, ...)
      check_self(name, self, class_name)
      return method(self, ...)
    end
  end
end

--- Returns the number that a string of decimal digits stands for, nil where it
-- is none or exceeds `most`.
function M.decimal(text, most)
  local digits <const> = text:match "^0*(%d+)$"
  local number <const> = digits and #digits < 18 and tonumber(digits)
  return number and number <= most and number or nil
end

return M
