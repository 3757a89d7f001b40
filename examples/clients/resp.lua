-- A client of Redis's protocol, RESP 2: sends one command, or each line of its
-- standard input, all at once, and prints the replies in their order.
--
--   lua resp.lua 127.0.0.1:6379 SET greeting "hello, world"
--   printf 'INCR n\nGET n\n' | lua resp.lua unix:/run/redis.sock

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local program = require "program"

-- The words of a command may begin with "-".
if #arg == 0 or arg[1]:find "^%-" then
  program.usage "usage: lua resp.lua HOST:PORT | unix:PATH [COMMAND …]" ()
end

local function encode(words)
  local parts = { ("*%d\r\n"):format(#words) }
  for _, word in ipairs(words) do
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  return table.concat(parts)
end

-- The text before the next end of a line.
local function line(conn)
  return conn:read_until("\r\n") or
    error("the server closed the connection", 0)
end

-- n bytes, and the end of their line.
local function bytes(conn, n)
  local data = conn:read(n + 2)
  if not data or #data < n + 2 then
    error("the server closed the connection", 0)
  end
  return data:sub(1, n)
end

-- Prints a reply, an element of an array behind its number. Returns whether it
-- is no error.
local function print_reply(conn, indent)
  local kind, rest = line(conn):match("^(.)(.*)$")
  local number = math.tointeger(tonumber(rest))
  if kind == "+" then
    print(rest)
  elseif kind == "-" then
    print("(error) " .. rest)
  elseif kind == ":" then
    print("(integer) " .. rest)
  elseif number == -1 then
    print("(nil)")
  elseif kind == "$" and number then
    print(("%q"):format(bytes(conn, number)))
  elseif kind == "*" and number == 0 then
    print("(empty)")
  elseif kind == "*" and number then
    for i = 1, number do
      local label = ("%d) "):format(i)
      io.write(i > 1 and indent or "", label)
      print_reply(conn, indent .. (" "):rep(#label))
    end
  else
    error("this is not RESP: " .. tostring(kind), 0)
  end
  return kind ~= "-"
end

local function main()
  local conn <close> = sockeye.connect(arg[1])
  local commands = { encode { table.unpack(arg, 2) } }
  if #arg == 1 then
    commands = {}
    for text in io.lines() do
      local words = {}
      for word in text:gmatch("%S+") do words[#words + 1] = word end
      if #words > 0 then commands[#commands + 1] = encode(words) end
    end
  end
  conn:write(table.concat(commands))
  local status = 0
  for _ = 1, #commands do
    if not print_reply(conn, "") then status = 1 end
  end
  return status
end

program.run(main)
