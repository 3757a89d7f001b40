-- Streams in the states that their specs begin with. What would wait for ever
-- gives up after a while.

local busted = require "busted"
local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"

local M = {}

-- What is to be closed after a spec.
local made = {}

--- Has them closed after the spec. Returns them.
function M.keep(...)
  for _, s in ipairs { ... } do made[#made + 1] = s end
  return ...
end

local keep <const> = M.keep

--- Called in a describe: closes what was made here after each of its specs,
-- which have to leave nothing else open, at most `seconds` later.
function M.guard(seconds)
  busted.after_each(function()
    for _, s in ipairs(made) do
      pcall(s.settimeout, s, 0)
      pcall(s.close, s)
    end
    made = {}
  end)
  descriptors.guard(nil, nil, seconds)
end

--- Both ends of a Unix stream, or of another type: a stream and a socket.
function M.pair(type)
  local a, b = sockets.unix(type)
  return keep(sockeye.stream(a), b)
end

--- Both ends of a TCP connection: a stream and a socket.
function M.tcp()
  local a, b = sockets.tcp()
  return keep(sockeye.stream(a), b)
end

--- A stream of which the peer has sent this, and then ended.
function M.holding(text)
  local conn, peer = M.pair()
  peer:sendall(text)
  peer:close()
  return conn
end

--- On a seqpacket socket each send is a message of its own: a list of those
-- that have come.
function M.sends(peer)
  local list = {}
  while true do
    local message = peer:recv(100000, "dontwait")
    if not message then return list end
    list[#list + 1] = message
  end
end

--- What this process has in memory, in KiB; 0 where a checker, which keeps what
-- is freed, makes that say nothing.
function M.memory()
  if os.getenv "SOCKEYE_CHECKED" then return 0 end
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmRSS:%s*(%d+)"
    if size then return math.tointeger(size) end
  end
end

--- A stream whose peer sends the text in pieces of at most so many bytes, and
-- closes: in a task.
function M.in_pieces(text, most)
  local conn, peer = M.pair()
  sockeye.spawn(function()
    local at = 1
    while at <= #text do
      local n = math.random(most)
      peer:send(text:sub(at, at + n - 1))
      at = at + n
      sockeye.yield()
    end
    peer:close()
  end)
  return conn
end

return M
