-- Decodes any bytes, of any length, as the kernel's answer to getsockopt: the
-- result is a plain value, and nothing that the answer did not set is in it.
--
-- Input: which option to read; the size of an option that is read by its
-- number; the number of allocations, or zero for no limit; then the answers, as
-- fuzz/kernel.h explains them.

-- The specs read all options, whichever the input names; libFuzzer reads one,
-- which is faster.
local reads_all = not os.getenv "FUZZ_TARGET"

local sockets = {
  core.socket("inet6", "dgram"), core.socket("unix", "stream"),
}

local getsockopt = sockets[1].getsockopt

local arguments = {
  ip_msfilter = { group = "239.1.2.3", interface = "127.0.0.1" },
  group_filter = { group = "ff05::7", interface = 1 },
}

-- One option of each type at each level: the others are decoded alike.
local function choose_options()
  local chosen, known = {}, {}
  for _, option in ipairs(core.options()) do
    local kind = option.type .. option.level
    if option.readable and not known[kind] then
      known[kind] = true
      chosen[#chosen + 1] = option
    end
  end
  return chosen
end

local options = choose_options()

-- ---- checks ----

local function is_plain(value)
  local kind = type(value)
  return kind == "string" or kind == "number" or kind == "boolean" or
    kind == "nil" or kind == "userdata" and type(value.family) ~= "nil"
end

-- Returns the number of values and of bytes in strings.
local function measure(value, depth)
  assert(depth < 5, "tables without an end")
  if type(value) ~= "table" then
    assert(is_plain(value), type(value))
    return type(value) == "string" and #value or 1
  end
  local sum = 1
  for _, inner in pairs(value) do sum = sum + measure(inner, depth + 1) end
  return sum
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b or a ~= a and b ~= b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- ---- reading ----

-- The most that an answer can become: the kernel may ask for 2^20 bytes, and
-- each bit may have a number or a name.
local function most(size) return 2^20 + 2^14 + size * 2^7 end

local function check(answers, requests, ...)
  local ok, value = fuzz.answered(answers, requests, getsockopt, ...)
  if not ok then return fuzz.check_error(value) end
  local again, second = fuzz.answered(answers, 0, getsockopt, ...)
  assert(again and same(value, second), "what the answer does not hold")
  assert(measure(value, 0) <= most(#answers), "more than there was")
end

local function check_numbers(answers, requests, s, size)
  check(answers, requests, s, "SOL_SOCKET", "SO_RCVBUF")
  check(answers, requests, s, "SOL_SOCKET", "SO_RCVBUF", size * 8)
  check(answers, requests, s, "SOL_SOCKET", "SO_ATTACH_FILTER", size)
end

local function choose(which)
  if reads_all then return options end
  return { options[1 + which % #options] }
end

return function(input)
  local which, size, requests = input:byte(1) or 0, input:byte(2) or 0,
    input:byte(3) or 0
  local answers = input:sub(4)
  for _, s in ipairs(sockets) do
    for _, option in ipairs(choose(which)) do
      check(answers, requests, s, option.name, arguments[option.type])
    end
    check_numbers(answers, requests, s, size)
  end
end
