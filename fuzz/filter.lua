-- Attaches classic BPF filters in all forms that SO_ATTACH_FILTER accepts.
--
-- Input: a form, then a text, or bytes that make a list, or instructions that
-- are valid one by one. Checks that an accepted filter reads back the same, and
-- that all forms of a program mean the same.

local s = core.socket("inet", "dgram")

-- The code, and how a byte becomes jt, jf and k: the kernel accepts most
-- programs made of these.
local instructions = {
  { 0x28, 0, 0, 1 }, { 0x30, 0, 0, 1 }, { 0x20, 0, 0, 4 }, { 0x15, 1, 1, 1 },
  { 0x45, 1, 0, 7 }, { 0xb1, 0, 0, 1 }, { 0x48, 0, 0, 1 }, { 0x54, 0, 0, 255 },
  { 0x02, 0, 0, 0 }, { 0x61, 0, 0, 0 }, { 0x07, 0, 0, 0 }, { 0x16, 0, 0, 0 },
  { 0x06, 0, 0, 65537 },
}

-- Returns the instructions that are attached afterwards, or the code of an
-- error, or nil for a wrong argument.
local function attach(filter)
  local ok, err = pcall(s.setsockopt, s, "SO_ATTACH_FILTER", filter)
  if ok then return s:getsockopt "SO_ATTACH_FILTER" end
  fuzz.check_error(err)
  if type(err) == "table" then return err.code end
  assert(err:find("filter", 1, true), err)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if #a ~= #b then return false end
  for i, instruction in ipairs(a) do
    for j = 1, 4 do
      if instruction[j] ~= b[i][j] then return false end
    end
  end
  return true
end

local function as_text(list)
  local lines = { #list .. "\n" }
  for i, instruction in ipairs(list) do
    lines[i + 1] = ("%d %d %d %d\n"):format(table.unpack(instruction))
  end
  return table.concat(lines)
end

local function as_code(list)
  local lines = {}
  for i, instruction in ipairs(list) do
    lines[i] = ("{ 0x%x, %d, %d, 0x%08x },\n"):format(
      table.unpack(instruction))
  end
  return table.concat(lines)
end

local function as_bytes(list)
  local bytes = {}
  for i, instruction in ipairs(list) do
    bytes[i] = string.pack("=I2BBI4", table.unpack(instruction))
  end
  return table.concat(bytes)
end

local function check_forms(list)
  local outcome = attach(list)
  assert(same(outcome, attach(as_text(list))), as_text(list))
  assert(same(outcome, attach(as_code(list))), as_code(list))
  assert(same(outcome, attach(as_bytes(list))), as_text(list))
  assert(type(outcome) ~= "table" or same(outcome, list), as_text(list))
end

local function program(input)
  local list = {}
  for i = 2, #input - 1, 2 do
    local code, step = input:byte(i, i + 1)
    local row = instructions[code % #instructions + 1]
    list[#list + 1] = { row[1], row[2] * step // 16, row[3] * step % 16,
                        row[4] * step }
  end
  return list
end

-- Numbers of all sizes, and some values that are no numbers.
local function any_list(input)
  local list, at = {}, 2
  while at + 8 <= #input do
    local code, jt, jf, k
    code, jt, jf, k, at = string.unpack("<i2i1i1i5", input, at)
    list[#list + 1] = { code, jt, jf, k % 7 == 0 and k / 2 or k }
  end
  return list
end

return function(input)
  local form = (input:byte() or 0) % 4
  if form == 3 then
    check_forms(program(input))
  elseif form == 2 then
    attach(any_list(input))
  else
    local list = attach(input:sub(2))
    if type(list) == "table" then check_forms(list) end
  end
end
