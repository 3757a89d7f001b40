-- Reads JSON, as far as tools write it.

local M = {}

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local words = { ["true"] = true, ["false"] = false }

local read

local function skip(text, position)
  return text:match("^%s*()", position)
end

local function read_string(text, position)
  local body, finish = text:match('^"([^"\\]*)"()', position)
  if body then return body, finish end
  local parts = {}
  position = position + 1
  while text:sub(position, position) ~= '"' do
    local plain, after = text:match('^([^"\\]+)()', position)
    if plain then
      parts[#parts + 1], position = plain, after
    elseif text:find("^\\u%x%x%x%x", position) then
      local code = tonumber(text:sub(position + 2, position + 5), 16)
      parts[#parts + 1], position = utf8.char(code), position + 6
    else
      local letter = text:match("^\\(.)", position) or
        error("no JSON string at byte " .. position)
      parts[#parts + 1], position = escapes[letter] or letter, position + 2
    end
  end
  return table.concat(parts), position + 1
end

-- What stands between two brackets, each by `add`, which gives where it ends.
local function read_list(text, position, last, add)
  position = skip(text, position + 1)
  while text:sub(position, position) ~= last do
    position = skip(text, add(position))
    local separator = text:match("^[,%]}]", position) or
      error("no JSON at byte " .. position)
    if separator == "," then position = skip(text, position + 1) end
  end
  return position + 1
end

local function read_array(text, position)
  local list = {}
  local finish = read_list(text, position, "]", function(at)
    list[#list + 1], at = read(text, at)
    return at
  end)
  return list, finish
end

local function read_object(text, position)
  local object = {}
  local finish = read_list(text, position, "}", function(at)
    local name
    name, at = read_string(text, at)
    object[name], at = read(text, text:match("^%s*:%s*()", at))
    return at
  end)
  return object, finish
end

function read(text, position)
  local first = text:sub(position, position)
  if first == "{" then return read_object(text, position) end
  if first == "[" then return read_array(text, position) end
  if first == '"' then return read_string(text, position) end
  local number, finish = text:match("^(%-?%d[%d.eE+-]*)()", position)
  if number then return math.tointeger(number) or tonumber(number), finish end
  local word
  word, finish = text:match("^(%a+)()", position)
  return words[word], finish
end

--- The value that the text is; null is nil.
function M.decode(text)
  return (read(text, skip(text, 1)))
end

return M
