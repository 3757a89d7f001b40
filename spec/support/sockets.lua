-- Sockets in the states that the specs of behaviour begin with. What would
-- wait for ever gives up after a while.

local sockeye = require "sockeye"
local examples = require "spec.support.examples"

local M = {}

-- Seconds.
local limit <const> = 20

--- A socket of the address's family, bound to it.
function M.bound(address, type)
  address = sockeye.address(address)
  local s = sockeye.socket(address.family, type or "stream")
  return s:settimeout(limit):bind(address)
end

--- A stream socket that listens there: on the loopback by default.
function M.listener(address, backlog)
  return M.bound(address or "127.0.0.1:0"):listen(backlog)
end

--- A stream socket that is connected to the address.
function M.client(address)
  local s = sockeye.socket(address.family, "stream")
  return s:settimeout(limit):connect(address)
end

--- Waits until that many connections wait to be accepted: what a client has may
-- be on its way still.
function M.await_queue(l, n)
  if not examples.eventually(function()
    return l:getsockopt("TCP_INFO").unacked == n
  end) then
    error(("no %d connections wait to be accepted"):format(n), 2)
  end
end

--- A listener on the loopback whose queue is full, so that the next one stays
-- in SYN_SENT; and the client that fills it.
function M.busy_listener()
  local l = M.listener("127.0.0.1:0", 0)
  local c = M.client(l:getsockname())
  M.await_queue(l, 1)
  return l, c
end

--- Both ends of a TCP connection: the client's and the server's. The server's
-- receive buffer has a size that the kernel does not change, so that once the
-- client has filled it, it stays full.
function M.tcp(address)
  local l <close> = M.listener(address)
  local c = M.client(l:getsockname())
  local s = l:accept()
  return c, s:setsockopt("SO_RCVBUF", 65536):settimeout(limit)
end

--- Both ends of a Unix stream.
function M.unix(type)
  local a, b = sockeye.socketpair("unix", type or "stream")
  return a:settimeout(limit), b:settimeout(limit)
end

--- Two UDP sockets that are connected to each other.
function M.udp()
  local a, b = M.bound("127.0.0.1:0", "dgram"), M.bound("127.0.0.1:0", "dgram")
  a:connect(b:getsockname())
  b:connect(a:getsockname())
  return a, b
end

--- A TCP address at which nobody listens, as long as the socket is open that
-- is the second result.
function M.refusing()
  local s = M.bound("127.0.0.1:0")
  return s:getsockname(), s
end

--- A packet socket; or nil, and the reason where there is none to be had.
function M.packet(type, protocol)
  local ok, s = pcall(sockeye.socket, "packet", type, protocol)
  if ok then return s end
  if sockeye.is_error(s, "EPERM") then
    return nil, "packet sockets need a privilege"
  end
  error(s, 0)
end

local names = 0

--- The address of a Unix socket that no other has.
function M.unix_name()
  names = names + 1
  return ("unix:@sockeye-spec-%d-%d"):format(sockeye.getpid(), names)
end

--- Closes them all.
function M.close(...)
  for _, s in ipairs { ... } do s:close() end
end

--- Whether something can be read without waiting, or the end is there.
function M.readable(s)
  return sockeye.poll({ [s] = "r" }, 0)[s] ~= nil
end

--- Waits until the connection is in that state: the other end's segments may
-- take a while, also on the loopback.
function M.await(s, state)
  if not examples.eventually(function() return s:state() == state end) then
    error(("%s stays in %s, not %s"):format(s, s:state(), state), 2)
  end
end

--- Waits until that many bytes have come, read or not.
function M.arrived(s, n)
  if not examples.eventually(function()
    return s:getsockopt("TCP_INFO").bytes_received >= n
  end) then
    error(("fewer than %d bytes have come"):format(n), 2)
  end
end

-- Waits until all that is on its way has come. Where the receiver has no more
-- room, the sender has none, either: once it has asked, since the receiver may
-- have found some room between the segments.
local function settle(s)
  examples.eventually(function()
    local ok, info = pcall(s.getsockopt, s, "TCP_INFO")
    if not ok then return true end
    return info.unacked == 0 and (info.notsent_bytes == 0 or
      info.backoff > 0 and (info.snd_wnd or 0) == 0)
  end)
end

-- Keeps the size of a TCP socket's send buffer, which the kernel raises as it
-- goes.
local function keep_buffer(s)
  if not pcall(s.getsockopt, s, "TCP_INFO") then return end
  s:setsockopt("SO_SNDBUF", s:getsockopt("SO_SNDBUF") // 2)
end

--- Writes without waiting until nothing more is taken. Returns how much was.
function M.fill(s, size)
  local before = s:gettimeout()
  local block, total = ("x"):rep(size or 4096), 0
  local count
  keep_buffer(s)
  s:settimeout(0)
  repeat
    settle(s)
    count = total
    for n in function() return s:write(block) or nil end do
      total = total + n
    end
  until total == count
  s:settimeout(before)
  return total
end

--- Writes all of the text, of which each call may take a part, and closes.
function M.pour(s, text)
  local done = 0
  while done < #text do
    done = done + s:write(text:sub(done + 1, done + 10000))
  end
  s:close()
end

--- Everything up to the end.
function M.read_all(s)
  local parts = {}
  for part in function() return s:read(65536) end do
    parts[#parts + 1] = part
  end
  return table.concat(parts)
end

--- A socket for the same open file under another number, which has seen nothing
-- of what was done with s.
function M.share(s)
  local spare <close> = sockeye.socket("unix", "stream")
  return sockeye.adopt(sockeye.dup2(s, spare:detach()))
end

--- Calls f with a port that was free a moment ago; again, with another, where
-- somebody else has taken it meanwhile. Returns what f does.
function M.with_port(f)
  for _ = 1, 20 do
    local s = M.bound("127.0.0.1:0")
    local port = s:getsockname().port
    s:close()
    local results = table.pack(pcall(f, port))
    if results[1] then return table.unpack(results, 2, results.n) end
    if not sockeye.is_error(results[2], "EADDRINUSE") then
      error(results[2], 0)
    end
  end
  error("no port stays free", 2)
end

return M
