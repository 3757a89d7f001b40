-- A client of Redis's protocol, RESP 2: sends one command, or each line of its
-- standard input, all at once, and prints the replies in their order.
--
--   lua resp.lua 127.0.0.1:6379 SET greeting "hello, world"
--   printf 'INCR n\nGET n\n' | lua resp.lua unix:/run/redis.sock

local sockeye = require "sockeye"

if #arg == 0 then
  io.stderr:write("usage: lua resp.lua HOST:PORT | unix:PATH [COMMAND …]\n")
  os.exit(2)
end

local function connect(endpoint)
  local host, port = endpoint:match("^%[?([^%]]*)%]?:(%d+)$")
  if endpoint:find("^unix:") then host = nil end
  local err
  for _, found in ipairs(host and sockeye.resolve(host, port,
                                                  { type = "stream" }) or
                         { { address = sockeye.address(endpoint) } }) do
    local s = sockeye.socket(found.address.family, "stream")
    local ok
    ok, err = pcall(s.connect, s, found.address)
    if ok then return s end
    s:close()
  end
  error(err, 0)
end

local function encode(words)
  local parts = { ("*%d\r\n"):format(#words) }
  for _, word in ipairs(words) do
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  return table.concat(parts)
end

-- Functions that take a line, or n bytes and their end, from the socket.
local function reader(s)
  local buffer = ""
  local function more()
    local data = s:recv(65536) or error("the server closed the connection", 0)
    buffer = buffer .. data
  end
  local function take(n)
    while #buffer < n + 2 do more() end
    local data = buffer:sub(1, n)
    buffer = buffer:sub(n + 3)
    return data
  end
  local function line()
    local at = buffer:find("\r\n", 1, true)
    while not at do
      more()
      at = buffer:find("\r\n", 1, true)
    end
    return take(at - 1)
  end
  return line, take
end

-- Prints a reply, an element of an array behind its number; whether it went
-- well.
local function print_reply(line, take, indent)
  local kind, rest = line():match("^(.)(.*)$")
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
    print(("%q"):format(take(number)))
  elseif kind == "*" and number == 0 then
    print("(empty)")
  elseif kind == "*" and number then
    for i = 1, number do
      local label = ("%d) "):format(i)
      io.write(i > 1 and indent or "", label)
      print_reply(line, take, indent .. (" "):rep(#label))
    end
  else
    error("this is not RESP: " .. tostring(kind), 0)
  end
  return kind ~= "-"
end

local function main()
  local s <close> = connect(arg[1])
  local commands = { encode { table.unpack(arg, 2) } }
  if #arg == 1 then
    commands = {}
    for text in io.lines() do
      local words = {}
      for word in text:gmatch("%S+") do words[#words + 1] = word end
      if #words > 0 then commands[#commands + 1] = encode(words) end
    end
  end
  s:sendall(table.concat(commands))
  local line, take = reader(s)
  local status = 0
  for _ = 1, #commands do
    if not print_reply(line, take, "") then status = 1 end
  end
  return status
end

local ok, status = pcall(main)
if not ok then
  io.stderr:write(tostring(status), "\n")
  status = 1
end
os.exit(status)
