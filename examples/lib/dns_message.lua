-- Messages of DNS (RFC 1035), packed and unpacked by hand; for dns.lua and
-- mdns.lua.
--
--   { id = 7, flags = 0x0100, questions = { { name = , type = "A" } },
--     answers = { record, … }, authorities = { … }, additionals = { … } }
--
-- A record is { name =, type =, class =, ttl =, data =, text = }: the data as
-- it is in the message, and as it reads. A dot or backslash that belongs to a
-- label has a backslash before it.

local sockeye = require "sockeye"

local M = {}

M.types = {
  A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28,
  SRV = 33, ANY = 255,
}
local type_names = {}
for name, number in pairs(M.types) do type_names[number] = name end

local sections <const> = { "answers", "authorities", "additionals" }

function M.encode_name(text)
  local labels = {}
  local plain = text:gsub("\\(.)", function(char)
    return ("\\%03d"):format(char:byte())
  end)
  for escaped in plain:gmatch("[^.]+") do
    local label = escaped:gsub("\\(%d%d%d)", function(code)
      return string.char(tonumber(code))
    end)
    if #label > 63 then error("a label of more than 63 bytes: " .. label, 0) end
    labels[#labels + 1] = string.pack("s1", label)
  end
  return table.concat(labels) .. "\0"
end

-- The name at `at` and where it ends. It has at most 255 bytes, hence 127
-- labels, and before each one pointer may do, which leads back in the message:
-- following them comes to an end, and soon.
local function decode_name(message, at)
  local labels, finish, limit = {}, nil, at
  local size, pointers = 1, 0
  while true do
    local length = message:byte(at) or error("name cut short", 0)
    if length == 0 then
      return table.concat(labels, "."), finish or at + 1
    elseif length < 0x40 then
      local label
      label, at = string.unpack("s1", message, at)
      labels[#labels + 1] = label:gsub("[.\\]", "\\%0")
      size = size + 1 + length
      if size > 255 then error("name of more than 255 bytes", 0) end
    elseif length < 0xc0 then
      error("unknown kind of label", 0)
    else
      finish, pointers = finish or at + 2, pointers + 1
      if pointers > 128 then error("name of too many pointers", 0) end
      at = (string.unpack(">I2", message, at) & 0x3fff) + 1
      if at >= limit then error("name points forward", 0) end
      limit = at
    end
  end
end

-- The text of a record's data, which is `size` bytes at a place of the message.
local readers = {
  A = function(message, at)
    return ("%d.%d.%d.%d"):format(string.unpack("BBBB", message, at))
  end,
  AAAA = function(message, at)
    local groups = { string.unpack(">I2I2I2I2I2I2I2I2", message, at) }
    local text = ("%x:%x:%x:%x:%x:%x:%x:%x"):format(table.unpack(groups, 1, 8))
    return sockeye.inet6(text).host
  end,
  NS = decode_name, CNAME = decode_name, PTR = decode_name,
  MX = function(message, at)
    return ("%d %s"):format(string.unpack(">I2", message, at),
                            (decode_name(message, at + 2)))
  end,
  TXT = function(message, at, size)
    local texts, finish = {}, at + size
    while at < finish do
      local text
      text, at = string.unpack("s1", message, at)
      texts[#texts + 1] = ("%q"):format(text)
    end
    return table.concat(texts, " ")
  end,
  SOA = function(message, at)
    local primary, mail
    primary, at = decode_name(message, at)
    mail, at = decode_name(message, at)
    return ("%s %s %d %d %d %d %d"):format(primary, mail,
      string.unpack(">I4I4I4I4I4", message, at))
  end,
  SRV = function(message, at)
    local priority, weight, port = string.unpack(">I2I2I2", message, at)
    return ("%d %d %d %s"):format(priority, weight, port,
                                  (decode_name(message, at + 6)))
  end,
}

-- The data of a record, packed from its parts.
local writers = {
  A = function(host) return sockeye.inet(host):pack():sub(5, 8) end,
  AAAA = function(host) return sockeye.inet6(host):pack():sub(9, 24) end,
  PTR = M.encode_name,
  SRV = function(priority, weight, port, target)
    return string.pack(">I2I2I2", priority, weight, port) ..
      M.encode_name(target)
  end,
  TXT = function(...)
    local texts = { ... }
    for i, text in ipairs(texts) do texts[i] = string.pack("s1", text) end
    return #texts > 0 and table.concat(texts) or "\0"
  end,
}

local function type_number(name)
  return M.types[name] or tonumber(name:match "^TYPE(%d+)$")
end

local function read_data(name, message, at, size)
  local reader = readers[name]
  return reader and (reader(message, at, size)) or ("(%d bytes)"):format(size)
end

--- Returns a record of one of the types A, AAAA, PTR, SRV and TXT.
function M.record(name, type, ttl, ...)
  local data = writers[type](...)
  return { name = name, type = type, class = 1, ttl = ttl, data = data,
           text = read_data(type, data, 1, #data) }
end

--- Returns the bytes of a message. What is absent is zero or empty.
function M.encode(m)
  local parts = { string.pack(">I2I2I2I2I2I2", m.id or 0, m.flags or 0,
    #(m.questions or {}), #(m.answers or {}), #(m.authorities or {}),
    #(m.additionals or {})) }
  for _, q in ipairs(m.questions or {}) do
    parts[#parts + 1] = M.encode_name(q.name) ..
      string.pack(">I2I2", type_number(q.type), q.class or 1)
  end
  for _, section in ipairs(sections) do
    for _, r in ipairs(m[section] or {}) do
      parts[#parts + 1] = M.encode_name(r.name) .. string.pack(">I2I2I4s2",
        type_number(r.type), r.class or 1, r.ttl, r.data)
    end
  end
  return table.concat(parts)
end

local function decode_type(number)
  return type_names[number] or "TYPE" .. number
end

local function decode_record(message, at)
  local r = {}
  local type, size
  r.name, at = decode_name(message, at)
  type, r.class, r.ttl, size, at = string.unpack(">I2I2I4I2", message, at)
  if at + size - 1 > #message then error("record cut short", 0) end
  r.type, r.data = decode_type(type), message:sub(at, at + size - 1)
  r.text = read_data(r.type, message, at, size)
  return r, at + size
end

--- Returns the message that the bytes hold. Raises if they are malformed.
function M.decode(message)
  local m, counts = { questions = {} }, {}
  local at
  m.id, m.flags, counts.questions, counts.answers, counts.authorities,
    counts.additionals, at = string.unpack(">I2I2I2I2I2I2", message)
  for i = 1, counts.questions do
    local q = {}
    local type
    q.name, at = decode_name(message, at)
    type, q.class, at = string.unpack(">I2I2", message, at)
    q.type = decode_type(type)
    m.questions[i] = q
  end
  for _, section in ipairs(sections) do
    m[section] = {}
    for i = 1, counts[section] do
      m[section][i], at = decode_record(message, at)
    end
  end
  return m
end

return M
