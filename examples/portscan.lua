-- Which TCP ports of a host accept connections: many are tried at once, each
-- for a limited time.
--
--   lua portscan.lua localhost 1-1024
--   lua portscan.lua 192.0.2.1 22 0.5

local sockeye = require "sockeye"

local host, range, timeout = table.unpack(arg, 1, 3)
local first, last = (range or ""):match("^(%d+)%-?(%d*)$")
first = math.tointeger(tonumber(first))
last = math.tointeger(tonumber(last)) or first
timeout = tonumber(timeout or 1)
if not first or last > 65535 or first > last or not timeout then
  io.stderr:write("usage: lua portscan.lua HOST FIRST[-LAST] [SECONDS]\n")
  os.exit(2)
end

local at_once <const> = 200

local address = sockeye.resolve(host, nil, { type = "stream" })[1].address
local wanted = {} -- socket -> "w"
local attempts = {} -- in order: socket, port, deadline
local count = { open = 0, closed = 0, silent = 0 }
local kinds = {
  ECONNREFUSED = "closed", ETIMEDOUT = "silent", EHOSTUNREACH = "silent",
  ENETUNREACH = "silent",
}

local function endpoint(port)
  if address.family == "inet" then return sockeye.inet(address.host, port) end
  return sockeye.inet6(address.host, port, { scope = address.scope_id })
end

local function report(port)
  local service = sockeye.getservbyport(port, "tcp")
  print(port, service and service.name or "")
end

-- What an attempt came to; nil while it is under way. On the loopback, a port
-- that nobody listens on may meet itself as the source of its own connection.
local function result(socket, target)
  local ok, connected = pcall(socket.connect, socket, target)
  if ok and not connected then return nil end
  if ok then return socket:getsockname() ~= target and "open" or "closed" end
  local kind = sockeye.is_error(connected) and kinds[connected.code]
  return kind or error(connected, 0)
end

-- Whether the attempt is over.
local function try(attempt)
  local kind = result(attempt.socket, endpoint(attempt.port))
  if not kind then return false end
  if kind == "open" then report(attempt.port) end
  count[kind] = count[kind] + 1
  wanted[attempt.socket] = nil
  attempt.socket:close()
  return true
end

local function start(port)
  local attempt = {
    socket = sockeye.socket(address.family, "stream"):settimeout(0),
    port = port,
    deadline = sockeye.now() + timeout,
  }
  if not try(attempt) then
    wanted[attempt.socket] = "w"
    attempts[#attempts + 1] = attempt
  end
end

-- Waits for the next result, and gives up what has taken too long.
local function wait()
  local left = attempts[1].deadline - sockeye.now()
  local ready = sockeye.poll(wanted, math.max(left, 0))
  local waiting = {}
  for _, attempt in ipairs(attempts) do
    if ready[attempt.socket] then
      if not try(attempt) then waiting[#waiting + 1] = attempt end
    elseif attempt.deadline <= sockeye.now() then
      count.silent = count.silent + 1
      wanted[attempt.socket] = nil
      attempt.socket:close()
    else
      waiting[#waiting + 1] = attempt
    end
  end
  attempts = waiting
end

for port = first, last do
  while #attempts >= at_once do wait() end
  start(port)
end
while #attempts > 0 do wait() end
io.stderr:write(("%d open, %d closed, %d without an answer\n"):format(
  count.open, count.closed, count.silent))
os.exit(count.open > 0 and 0 or 1)
