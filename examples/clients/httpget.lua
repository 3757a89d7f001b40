-- Fetches a file by HTTP/1.0 (RFC 1945), following redirections.
--
--   lua httpget.lua http://example.com/             to standard output
--   lua httpget.lua http://example.com/a.txt a.txt  to a file

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage "usage: lua httpget.lua URL [FILE]"
local url, path = table.unpack(arguments.words(arg, 1, 2, usage))

local redirections <const>, head_limit <const>, seconds <const> = 5, 1000, 30

-- Endpoint and path of "http://host:port/path".
local function parse(text)
  local authority, target = text:match("^[hH][tT][tT][pP]://([^/?#]+)([^#]*)")
  if not authority then error("not an http URL: " .. text, 0) end
  local host, port = authority:match("^(%[.*%]):?(%d*)$")
  if not host then host, port = authority:match("^([^:]+):?(%d*)$") end
  if not host then error("not an http URL: " .. text, 0) end
  if not target:find("^/") then target = "/" .. target end
  return { endpoint = host .. ":" .. (port == "" and "80" or port),
           target = target, authority = authority }
end

local function read_head(conn)
  local lines = {}
  repeat
    lines[#lines + 1] = conn:read("L") or error("the head is cut short", 0)
  until lines[#lines]:find("^\r?\n$") or #lines > head_limit
  return table.concat(lines)
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

local function copy_body(conn, length, file)
  local count = 0
  while not length or count < length do
    local data = conn:read_some(length and length - count)
    if not data then break end
    assert(file:write(data))
    count = count + #data
  end
  if length and count < length then
    error(("the body is cut short: %d of %d bytes"):format(count, length), 0)
  end
end

-- The location that the answer redirects to; nil once the file is fetched.
local function fetch(place)
  local conn <close> = sockeye.connect(place.endpoint, { timeout = seconds })
  conn:settimeout(seconds)
  conn:write("GET ", place.target, " HTTP/1.0\r\nHost: ", place.authority,
             "\r\nUser-Agent: sockeye\r\n\r\n")
  local status, reason, fields = parse_head(read_head(conn))
  if status // 100 == 3 and fields.location then return fields.location end
  if status ~= 200 then error(("%d %s"):format(status, reason), 0) end
  local file = path and assert(io.open(path, "wb")) or io.stdout
  copy_body(conn, tonumber(fields["content-length"]), file)
  assert(file:flush())
end

-- The place that a redirection from `place` names.
local function follow(place, location)
  if location:find("^%a[%w+.-]*:") then return parse(location) end
  if location:find("^//") then return parse("http:" .. location) end
  local parent = place.target:match("^[^?]*/")
  local target = location:find("^/") and location or parent .. location
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

program.run(main, url .. ": ")
