-- Receives messages whose headers the kernel may have filled in any way that it
-- can, and compares their data and senders with what they say.
--
-- Input: flags; the number of messages; the size of one; the size of the
-- control data, in units of 16 bytes; the number of allocations, or zero for no
-- limit; then the answers, as fuzz/kernel.h explains them.

local TABLE <const>, NUMBERS <const>, SEVERAL <const> = 1, 2, 4
local PEEK <const>, TRUNC <const>, STREAM <const> = 8, 16, 32

local EINTR <const>, EAGAIN <const> = 4, 11 -- on every Linux

local datagrams = core.socket("inet", "dgram"):settimeout(0)
local stream = core.socket("unix", "stream"):settimeout(0)

-- ---- the answers ----

-- Returns a function that returns the next number or bytes, as fuzz/kernel.c
-- takes them.
local function consumer(text)
  local at = 1
  local function bytes(size)
    local taken = text:sub(at, at + size - 1)
    at = at + #taken
    return taken
  end
  local function number(size)
    local taken = bytes(size)
    return (string.unpack("<I" .. size,
                          taken .. ("\0"):rep(size - #taken)))
  end
  return number, bytes
end

-- Returns a list of the messages that the kernel answers with; or nil, and
-- whether the call would have to wait.
local function messages_of(answers, count)
  local number, bytes = consumer(answers)
  local error_number
  repeat error_number = number(1) until error_number ~= EINTR
  if error_number ~= 0 then return nil, error_number == EAGAIN end
  local messages = {}
  for i = 1, math.min(number(1), count) do
    local m = { length = number(2), flags = number(2) }
    m.name = bytes(number(1)):sub(1, 128)
    m.control = bytes(number(2))
    m.byte = string.char(i)
    messages[i] = m
  end
  return messages
end

-- Removes the ends of a stream that fill up the messages asked for.
local function drop_ends(messages, count, size)
  if #messages < count or size == 0 then return end
  while #messages > 0 and messages[#messages].length == 0 do
    messages[#messages] = nil
  end
end

-- ---- checks ----

local function check_sender(sender, m)
  if m.name == "" then
    assert(not sender, "a sender without an address")
  else
    local ok, address = pcall(core.unpack, m.name)
    assert(not ok or address == sender, tostring(sender))
    assert(#sender:pack() <= 128 and #tostring(sender) < 1024)
  end
end

local function check_data(data, m, size)
  assert(data == m.byte:rep(math.min(size, m.length)), "not its data")
end

local function check_lists(data, from, messages, plan)
  assert(#data == #messages and #from == #messages, "not as many as came")
  local lengths = data.lengths or {}
  for i, m in ipairs(messages) do
    check_data(data[i], m, plan.size)
    check_sender(from[i], m)
    local expected = (plan.trunc or m.length > plan.size) and m.length or nil
    assert(lengths[i] == expected, "not its length")
  end
end

-- The caller owns the descriptors that it receives as numbers.
local function close_numbers(control)
  local numbers = { control.pidfd, table.unpack(control.rights or {}) }
  for _, number in pairs(numbers) do
    if math.type(number) == "integer" and number >= 0 then
      core.adopt(number):close()
    end
  end
end

local function check_tables(list, messages, plan)
  assert(#list == #messages, "not as many as came")
  for i, m in ipairs(messages) do
    local message = list[i]
    if plan.numbers and message.control then close_numbers(message.control) end
    check_data(message.data, m, plan.size)
    check_sender(message.from, m)
    assert(not plan.several or table.concat(message.iov) == message.data)
  end
end

-- ---- the call ----

local function plan_of(input)
  local flags, count, size, control, requests = input:byte(1, 5)
  flags, count, size = flags or 0, 1 + (count or 0) % 8, size or 0
  local plan = {
    count = flags & PEEK ~= 0 and 1 or count, asked = count, size = size,
    requests = requests or 0, tables = flags & TABLE ~= 0,
    numbers = flags & NUMBERS ~= 0, trunc = flags & TRUNC ~= 0,
    socket = flags & STREAM ~= 0 and stream or datagrams,
    several = flags & (TABLE | SEVERAL) == TABLE | SEVERAL,
  }
  local names = (flags & PEEK ~= 0 and "peek " or "") ..
    (plan.trunc and "trunc" or "")
  plan.first, plan.second = size, names
  if plan.tables then
    plan.first = {
      iov = plan.several and { size // 2, size - size // 2 } or size,
      control = (control or 0) * 16, flags = names,
      rights = plan.numbers and "numbers" or "sockets",
    }
    plan.second = nil
  end
  return plan
end

return function(input)
  local plan, answers = plan_of(input), input:sub(6)
  local s = plan.socket
  local ok, data, from = fuzz.answered(answers, plan.requests, s.recvmany, s,
                                       plan.asked, plan.first, plan.second)
  if not ok then return fuzz.check_error(data) end
  local messages, waits = messages_of(answers, plan.count)
  if not messages then return assert(waits and data == false, "no error") end
  if #messages == 0 then return assert(data == nil, "messages from nowhere") end
  if s == stream then drop_ends(messages, plan.count, plan.size) end
  if #messages == 0 then return assert(data == nil, "no end") end
  if plan.tables then
    check_tables(data, messages, plan)
  else
    check_lists(data, from, messages, plan)
  end
end
