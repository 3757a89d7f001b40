-- Fetches a file by HTTP/1.0 (RFC 1945), following redirections.
--
--   lua httpget.lua http://example.com/             to standard output
--   lua httpget.lua http://example.com/a.txt a.txt  to a file

local sockeye = require "sockeye"

local url, path = table.unpack(arg, 1, 2)
if not url then
  io.stderr:write("usage: lua httpget.lua URL [FILE]\n")
  os.exit(2)
end

local redirections <const>, head_limit <const>, seconds <const> = 5, 65536, 30

-- Host, port and path of "http://host:port/path".
local function parse(text)
  local authority, target = text:match("^[hH][tT][tT][pP]://([^/?#]+)([^#]*)")
  if not authority then error("not an http URL: " .. text, 0) end
  local host, port = authority:match("^%[(.*)%]:?(%d*)$")
  if not host then host, port = authority:match("^([^:]+):?(%d*)$") end
  if not host then error("not an http URL: " .. text, 0) end
  if not target:find("^/") then target = "/" .. target end
  return { host = host, port = port == "" and "80" or port, target = target,
           authority = authority }
end

local function connect(host, port)
  local ok, err
  for _, found in ipairs(sockeye.resolve(host, port, { type = "stream" })) do
    local s = sockeye.socket(found.address.family, "stream")
    ok, err = pcall(s.connect, s:settimeout(seconds), found.address)
    if ok then return s end
    s:close()
  end
  error(err, 0)
end

-- The head, and what has come of the body with it.
local function read_head(s)
  local text = ""
  repeat
    local data = s:recv(16384) or error("the head is cut short", 0)
    text = text .. data
    local _, at = text:find("\r?\n\r?\n")
    if at then return text:sub(1, at), text:sub(at + 1) end
  until #text > head_limit
  error("the head is too long", 0)
end

local function parse_head(head)
  local status, reason = head:match("^HTTP/%d%.%d (%d%d%d) ?([^\r\n]*)")
  if not status then error("this is not HTTP", 0) end
  local fields = {}
  for field, value in head:gmatch("\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    fields[field:lower()] = value
  end
  return tonumber(status), reason, fields
end

local function copy_body(s, data, length, file)
  local count = 0
  while data do
    count = count + #data
    assert(file:write(data))
    data = (not length or count < length) and s:recv(65536) or nil
  end
  if length and count < length then
    error(("the body is cut short: %d of %d bytes"):format(count, length), 0)
  end
end

-- Where the answer sends us; nil when the file has been fetched.
local function fetch(place)
  local s <close> = connect(place.host, place.port)
  s:sendall("GET ", place.target, " HTTP/1.0\r\nHost: ", place.authority,
            "\r\nUser-Agent: sockeye\r\n\r\n")
  local head, data = read_head(s)
  local status, reason, fields = parse_head(head)
  if status // 100 == 3 and fields.location then return fields.location end
  if status ~= 200 then error(("%d %s"):format(status, reason), 0) end
  local file = path and assert(io.open(path, "wb")) or io.stdout
  copy_body(s, data, tonumber(fields["content-length"]), file)
  assert(file:flush())
end

-- The place that a redirection from `place` names.
local function follow(place, location)
  if location:find("^%a[%w+.-]*:") then return parse(location) end
  if location:find("^//") then return parse("http:" .. location) end
  local folder = place.target:match("^[^?]*/")
  local target = location:find("^/") and location or folder .. location
  return parse("http://" .. place.authority .. target)
end

local function main()
  local place = parse(url)
  for _ = 0, redirections do
    local location = fetch(place)
    if not location then return end
    place = follow(place, location)
  end
  error("too many redirections", 0)
end

local ok, err = pcall(main)
if not ok then
  io.stderr:write(("%s: %s\n"):format(url, err))
  os.exit(1)
end
