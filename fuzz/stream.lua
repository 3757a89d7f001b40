-- Reads a stream in all ways while its bytes arrive in pieces, and compares
-- with a simple reader that works as Lua's file:read.
--
-- Input: the limit of a line; the number of readings, and a few bytes for each;
-- then the text. Bytes of the text give the sizes of the pieces.

-- ---- the reader to compare with ----

local Reader = {}
Reader.__index = Reader

function Reader:rest() return #self.text - self.at + 1 end

function Reader:take(size)
  local from = self.at
  self.at = from + size
  return self.text:sub(from, from + size - 1)
end

-- The bytes before the delimiter, or all that is left.
function Reader:find(delimiter, max)
  local place = self.text:find(delimiter, self.at, true)
  local length = place and place - self.at or self:rest()
  if length > max then return "EMSGSIZE" end
  return length, place ~= nil
end

function Reader:until_delimiter(delimiter, max, kept)
  if self:rest() == 0 then return nil end
  local length, found = self:find(delimiter, max)
  if length == "EMSGSIZE" then return nil, length end
  local read = self:take(length + (found and kept or 0))
  if found then self:take(#delimiter - kept) end
  return read
end

-- Works as liolib.c's read_number, which reads at most 200 characters.
function Reader:number()
  local buffer, refused = {}, false

  local function look() return self.text:sub(self.at, self.at) end

  local function next_one()
    if #buffer >= 200 then
      refused = true
      return false
    end
    buffer[#buffer + 1] = self:take(1)
    return true
  end

  local function test(set)
    local c = look()
    return c ~= "" and set:find(c, 1, true) ~= nil and next_one()
  end

  local function digits(class)
    local count = 0
    while look():find(class) and next_one() do count = count + 1 end
    return count
  end

  while look():find "^[ \t-\r]" do self.at = self.at + 1 end
  test "-+"
  local class, count, exponent = "^%d", 0, "eE"
  if test "0" then
    if test "xX" then class, exponent = "^%x", "pP" else count = 1 end
  end
  count = count + digits(class)
  if test "." then count = count + digits(class) end
  if count > 0 and test(exponent) then
    test "-+"
    digits "^%d"
  end
  if refused then return nil end
  return tonumber(table.concat(buffer))
end

function Reader:format(format, max)
  if format == "a" then return self:take(self:rest()) end
  if format == "n" then return self:number() end
  if type(format) == "number" then
    if self:rest() == 0 then return nil end
    return self:take(math.min(format, self:rest()))
  end
  return self:until_delimiter("\n", max, format == "L" and 1 or 0)
end

-- Returns a list of results; or an error's code, and reads nothing.
function Reader:read(formats, max)
  local from, results = self.at, { n = 0 }
  for i, format in ipairs(formats) do
    local value, code = self:format(format, max)
    if code then
      self.at = from
      return code
    end
    results[i], results.n = value, i
    if value == nil then break end
  end
  return results
end

-- ---- readings from the input ----

local delimiters = { "\r\n", "\n\n", "a", "aab", "\0", "--x--", "\r\n\r\n" }
local letters = { "l", "L", "a", "n", "n", "l" }

local function take_format(byte)
  if byte < 128 then return byte end
  if byte < 160 then return (byte - 128) * 64 end
  return letters[byte % #letters + 1]
end

-- A reading: the stream's method with its arguments, the reader's function, and
-- the number of allocations allowed at the first attempt.
local function take_reading(supply, max)
  local shape = supply()
  local requests = shape >= 0xe0 and supply() or 0
  local reading = { requests = requests, exact = true }
  if shape % 4 == 3 then
    local delimiter = delimiters[supply() % #delimiters + 1]
    reading.method, reading[1] = "read_until", delimiter
    reading.run = function(reader)
      local value, code = reader:until_delimiter(delimiter, max, 0)
      return code or { value, n = 1 }
    end
    return reading
  end
  local formats = {}
  for i = 1, 1 + shape // 4 % 4 do
    formats[i] = take_format(supply())
    -- How much it looks at depends on the pieces.
    if formats[i] == "n" then reading.exact = false end
  end
  reading.method = shape % 4 == 2 and "lines" or "read"
  table.move(formats, 1, #formats, 1, reading)
  reading.run = function(reader) return reader:read(formats, max) end
  return reading
end

local function take_plan(input)
  local at = 0
  local function supply()
    at = at + 1
    return input:byte(at) or 0
  end
  local max = 1 + supply() * (supply() % 2 == 1 and 256 or 1)
  local readings = {}
  for i = 1, supply() % 12 do readings[i] = take_reading(supply, max) end
  return max, readings, input:sub(at + 1)
end

-- ---- both ----

local function call(conn, reading)
  if reading.method == "lines" then
    return conn:lines(table.unpack(reading))()
  end
  return conn[reading.method](conn, table.unpack(reading))
end

-- Returns the results, or the code of an error other than a lack of memory.
local function attempt(conn, reading)
  local requests = reading.requests
  reading.requests = 0
  local results = table.pack(fuzz.starve(requests == 0 and -1 or requests,
                                         call, conn, reading))
  if results[1] then return table.pack(table.unpack(results, 2, results.n)) end
  local err = results[2]
  fuzz.check_error(err)
  if type(err) ~= "table" then
    assert(requests > 0, err)
    return attempt(conn, reading)
  end
  assert(err.call == "read", tostring(err))
  return err.code
end

local function same(results, wanted)
  if type(results) ~= "table" or type(wanted) ~= "table" then
    return results == wanted
  end
  if results.n ~= wanted.n then return false end
  for i = 1, wanted.n do
    local a, b = results[i], wanted[i]
    if a ~= b and (a == a or b == b) or math.type(a) ~= math.type(b) then
      return false
    end
  end
  return true
end

local function show(results)
  if type(results) ~= "table" then return tostring(results) end
  local list = {}
  for i = 1, results.n do list[i] = ("%q"):format(results[i]) end
  return "(" .. table.concat(list, ", ") .. ")"
end

-- Returns a function that sends the next piece of the text, then the end.
local function feeder(peer, text)
  local at = 1
  return function()
    if at > #text then return peer:shutdown "wr" end
    local size = 1 + text:byte(at) % 64
    if text:byte(at) > 250 then size = 4096 end
    peer:sendall(text:sub(at, at + size - 1))
    at = at + size
  end
end

local function compare(conn, feed, reader, reading)
  local from = reader.at
  local wanted = reading.run(reader)
  local results = attempt(conn, reading)
  while type(results) == "table" and results[1] == false do
    feed()
    results = attempt(conn, reading)
  end
  if results == "EMSGSIZE" and not reading.exact then
    reader.at = from
  elseif not same(results, wanted) then
    error(("%s(%s): %s, not %s"):format(reading.method,
      show { n = #reading, table.unpack(reading) }, show(results),
      show(wanted)))
  end
end

return function(input)
  local max, readings, text = take_plan(input)
  local a, b = core.socketpair("unix", "stream")
  local conn <close> = core.stream(a)
  local peer <close> = b
  conn:settimeout(0)
  conn:setmax(max)
  local feed = feeder(peer, text)
  local reader = setmetatable({ text = text, at = 1 }, Reader)
  for _, reading in ipairs(readings) do
    compare(conn, feed, reader, reading)
  end
  local rest = { method = "read", "a", requests = 0, exact = true,
                 run = function(r) return r:read({ "a" }, max) end }
  compare(conn, feed, reader, rest)
end
