-- Values in rtnetlink's messages: reads integers, texts, addresses and
-- structures from attributes, and writes them.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"

local primitives <const> = core.primitives
local netlink <const> = primitives.netlink
primitives.mark_library_file()

local inet <const>, inet6 <const> = core.AF_INET, core.AF_INET6

local M = {}

-- ---- errors ----

--- Raises a sockeye error. `reason` is added to the system's text; `report` is
-- the message of the kernel that reports the error.
function M.fail(call, code, reason, report)
  local err <const> = netlink.fault(call, code)
  if reason then err.message = err.message .. ": " .. reason end
  err.extack = report and report.message
  err.offset = report and report.offset
  error(err, 0)
end

-- The calls of sockets by which the methods of netlink sockets do their work.
local socket_calls <const> = { recv = true, recvfrom = true, send = true }

local function pass(caller, ok, ...)
  if ok then return ... end
  local err <const> = ...
  if core.is_error(err) and socket_calls[err.call] then err.caller = caller end
  error(err, 0)
end

--- Calls a function for the method `caller`, which the errors of the socket's
-- calls name.
function M.called(caller, f, ...)
  return pass(caller, pcall(f, ...))
end

--- Lets those errors name whichever of the methods they come from. Returns the
-- methods.
function M.name_methods(methods)
  for name, method in pairs(methods) do
    methods[name] = function(...) return M.called(name, method, ...) end
  end
  return methods
end

local Malformed <const> = class.new "sockeye.Malformed"

--- Raises that the kernel's bytes are not what they should be.
function M.malformed(problem)
  error(setmetatable({ problem = problem }, Malformed), 0)
end

--- Calls a function that reads the kernel's bytes. Where they are malformed,
-- raises EBADMSG.
function M.reading(f, ...)
  local ok, result = pcall(f, ...)
  if ok then return result end
  if not class.is(result, "sockeye.Malformed") then error(result, 0) end
  M.fail("recv", "EBADMSG", result.problem)
end

-- ---- reading ----

--- Returns the list of the messages that the bytes are.
function M.messages(bytes)
  local list <const>, problem <const> = netlink.read_messages(bytes)
  return list or M.malformed(problem)
end

--- Returns the list of the attributes that the bytes are.
function M.attributes(bytes, position)
  local list <const>, problem <const> =
    netlink.read_attributes(bytes, position)
  return list or M.malformed(problem)
end

--- Raises that an attribute's data is too short.
function M.cut(data, least)
  M.malformed(("attribute at byte 1: cut short (%d bytes, at least %d)")
    :format(#data, least))
end

local function integer(format)
  local size <const> = string.packsize(format)
  return function(data)
    if #data < size then M.cut(data, size) end
    return (string.unpack(format, data))
  end
end

M.u8, M.u32, M.s32 = integer "=I1", integer "=I4", integer "=i4"

function M.text(data)
  return (data:match "^[^\0]*")
end

--- Returns a hardware address as text: "02:42:ac:11:00:02".
M.hexadecimal = primitives.print_octets

local sockaddr_in6 <const> = string.pack("=I2I2I4", inet6, 0, 0)
M.sizes = { [inet] = 4, [inet6] = 16 }
M.families = { inet = inet, inet6 = inet6 }
M.family_names = { [inet] = "inet", [inet6] = "inet6" }

--- Returns what is wrong with the name of a family; nil: nothing.
function M.problem_of_family(name)
  return not M.families[name] and "'inet' or 'inet6' expected" or nil
end

--- Returns an IP address as text; the bytes of another family in hexadecimal.
function M.host(data, family)
  local size <const> = M.sizes[family] or 0
  if #data < size then M.cut(data, size) end
  if family == inet then
    return ("%d.%d.%d.%d"):format(data:byte(1, 4))
  elseif family == inet6 then
    return core.unpack(sockaddr_in6 .. data:sub(1, 16) .. "\0\0\0\0").host
  end
  return M.hexadecimal(data)
end

--- Returns the name of a number, or its digits where it has none.
function M.name_of(names, number)
  return names[number] or tostring(number)
end

--- Makes a function that returns the name of the number in an attribute's data.
function M.named(names)
  return function(data) return M.name_of(names, M.u8(data)) end
end

--- Returns the names of the bits that are set, in the order of the rows, as a
-- list that is also a set.
function M.flags_of(rows, value)
  local flags <const> = {}
  for _, row in ipairs(rows) do
    if value & row[1] ~= 0 then
      flags[#flags + 1] = row[2]
      flags[row[2]] = true
    end
  end
  return flags
end

--- Sets fields of the table from attributes, and returns it. A row, by the type
-- of its attribute, is the name of a field, and a function that reads it from
-- the attribute's data and the message's family.
function M.read_fields(t, rows, bytes, position, family)
  for _, attribute in ipairs(M.attributes(bytes, position)) do
    local row <const> = rows[attribute.type]
    if row then t[row[1]] = row[2](attribute.data, family) end
  end
  return t
end

--- Returns the fields of the structure at the beginning of a message.
function M.header(format, data)
  local size <const> = string.packsize(format)
  if #data < size then
    M.malformed(("header at byte 1: cut short (%d bytes, at least %d)")
      :format(#data, size))
  end
  return string.unpack(format, data)
end

-- ---- writing ----

--- Raises that a field is wrong of the table that is the argument of `call`.
function M.reject(call, name, problem)
  arguments.raise_field(call, 1, name, problem)
end

--- Returns the bytes of an IP address, and its family. Where `family` is given,
-- an address of another family is rejected.
function M.pack_host(call, name, value, family)
  local is6 <const> = type(value) == "string" and value:find(":", 1, true)
  local ok, address = pcall(is6 and core.inet6 or core.inet, value)
  if not ok or type(value) ~= "string" or value == "*" then
    M.reject(call, name, value == nil and "numeric address expected" or
      ("not a numeric address: '%s'"):format(primitives.quote(value)))
  end
  local own <const> = is6 and inet6 or inet
  if own ~= (family or own) then
    M.reject(call, name, ("not of family '%s'"):format(M.family_names[family]))
  end
  return address:pack():sub(table.unpack(is6 and { 9, 24 } or { 5, 8 })), own
end

--- Splits "10.0.0.1/24": returns the address, the length of its prefix and its
-- family. Without a "/", the length is `length`, or that of the whole address.
function M.split_prefix(call, name, value, length)
  local host <const>, digits <const> = tostring(value):match "^(.*)/(%d+)$"
  local address <const> = host or value
  local _, family <const> = M.pack_host(call, name, address)
  local most <const> = 8 * M.sizes[family]
  length = digits and (arguments.decimal(digits, most) or most + 1) or
    length or most
  if length > most then
    M.reject(call, host and name or "prefixlen", "prefix out of range")
  end
  return address, length, family
end

function M.pack_u32(call, name, value)
  if math.type(value) ~= "integer" or value < 0 or value > 0xffffffff then
    M.reject(call, name, "integer from 0 to 0xffffffff expected")
  end
  return string.pack("=I4", value)
end

local text_most <const> = 65530 -- bytes, before the zero, in an attribute

function M.pack_text(call, name, value)
  if type(value) ~= "string" or value:find "\0" then
    M.reject(call, name, "string without a zero expected")
  end
  if #value > text_most then M.reject(call, name, "string too long") end
  return value .. "\0"
end

function M.pack_hexadecimal(call, name, value)
  local octets <const>, problem <const> = primitives.read_octets(value)
  return octets or M.reject(call, name, problem)
end

--- Returns the integer from 0 to `most` that a value is, or stands for in
-- decimal; nil for any other value.
function M.number_in(value, most)
  if type(value) == "string" then return arguments.decimal(value, most) end
  local number <const> = type(value) == "number" and math.tointeger(value)
  return number and number >= 0 and number <= most and number or nil
end

--- Returns the number for a name, or for a number as `number_in` takes it.
function M.number_of(call, name, names, value, most)
  for number, candidate in pairs(names) do
    if candidate == value then return number end
  end
  return M.number_in(value, most) or
    M.reject(call, name, ("unknown: '%s'"):format(primitives.quote(value)))
end

--- Returns the index of the interface that a field names.
function M.index_of(call, name, value)
  if type(value) ~= "string" or value:find "\0" then
    M.reject(call, name, "string without a zero expected")
  end
  return core.if_nametoindex(value)
end

--- Returns the index of the interface that the table names or numbers.
function M.interface(call, t)
  local index <const> = t.ifindex or M.index_of(call, "ifname", t.ifname)
  if index > 0x7fffffff then M.reject(call, "ifindex", "out of range") end
  return index
end

--- Returns an attribute for each field that is present. A row is the name of a
-- field, the type of its attribute, and a function that writes its value.
-- Addresses of another family than `family` are rejected, where that is given.
function M.write_fields(call, rows, t, family)
  local parts <const> = {}
  for _, row in ipairs(rows) do
    local value <const> = t[row[1]]
    if value ~= nil then
      parts[#parts + 1] =
        netlink.attribute(row[2], (row[3](call, row[1], value, family)))
    end
  end
  return table.concat(parts)
end

return M
