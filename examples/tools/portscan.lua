-- Which TCP ports of a host accept connections: many are tried at once, each
-- for a limited time.
--
--   lua portscan.lua localhost 1-1024
--   lua portscan.lua 192.0.2.1 22 0.5

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage(
  "usage: lua portscan.lua HOST FIRST[-LAST] [SECONDS]")
local host, range, timeout = table.unpack(arguments.words(arg, 2, 3, usage))
local first, last = range:match("^(%d+)%-?(%d*)$")
first = math.tointeger(tonumber(first))
last = math.tointeger(tonumber(last)) or first
timeout = tonumber(timeout or 1)
if not first or last > 65535 or first > last or not timeout then usage() end

local at_once <const> = 200

local count = { open = 0, closed = 0, silent = 0 }
local kinds = {
  ECONNREFUSED = "closed", ECONNRESET = "closed",
  ETIMEDOUT = "silent", EHOSTUNREACH = "silent",
  ENETUNREACH = "silent",
}

local function endpoint(address, port)
  if address.family == "inet" then return sockeye.inet(address.host, port) end
  return sockeye.inet6(address.host, port, { scope = address.scope_id })
end

-- On the loopback, a port that nobody listens on may be the source of the same
-- connection, or of another one that is being tried and resets it.
local function kind_of(target)
  local s <close> = sockeye.socket(target.family, "stream")
  local ok, err = sockeye.pcall(s.connect, s:settimeout(timeout), target)
  if ok then return s:getsockname() ~= target and "open" or "closed" end
  return sockeye.is_error(err) and kinds[err.code] or error(err, 0)
end

local function try(address, port)
  local kind = kind_of(endpoint(address, port))
  count[kind] = count[kind] + 1
  if kind ~= "open" then return end
  local service = sockeye.getservbyport(port, "tcp")
  print(port, service and service.name or "")
end

sockeye.run(function()
  local address = sockeye.resolve(host, nil, { type = "stream" })[1].address
  local ports = sockeye.channel()
  for _ = 1, at_once do
    sockeye.spawn(function()
      for port in ports:values() do try(address, port) end
    end)
  end
  for port = first, last do ports:put(port) end
  ports:close()
end)
io.stderr:write(("%d open, %d closed, %d without an answer\n"):format(
  count.open, count.closed, count.silent))
os.exit(count.open > 0 and 0 or 1)
