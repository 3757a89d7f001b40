-- Makes loops whose tasks have `<close>` variables that call the library, and
-- ends them in the way that the argument names. Prints how many ran, when the
-- Lua state ends.

local sockeye = require "sockeye"

local ending <const> = ...

local function nothing() end

-- What a `<close>` variable does. Waiting is an error there, but no harm.
local handlers <const> = {
  sleep = function() sockeye.sleep(1) end,
  spawn = function() sockeye.spawn(nothing) end,
  group = function() sockeye.group(nothing) end,
  timeout = function() sockeye.timeout(1, sockeye.sleep, 2) end,
  within = function() sockeye.within(1, sockeye.sleep, 2) end,
  shield = function() sockeye.shield(1, sockeye.sleep, 2) end,
  spawn_daemon = function() sockeye.spawn_daemon(nothing) end,
  on_error = function() sockeye.on_error(nothing) end,
  tasks = function() return #sockeye.tasks() end,
  run = function() sockeye.run(nothing) end,
  -- While it closes a state, Lua calls no finalizer of what is made then.
  loop = function()
    local loop <const> = sockeye.loop(nothing)
    loop:step()
    loop:close()
  end,
  waitpid = function() sockeye.waitpid() end,
  getaddrinfo = function() sockeye.getaddrinfo("localhost", "80") end,
  raise = function() error("raised", 0) end,
  raise_nil = function() error() end,
  recv = function(t) t.s:recv(1) end,
  sendall = function(t) t.s:sendall(("x"):rep(1 << 22)) end,
  sendmsg = function(t) t.s:sendmsg { iov = { "x", "y" } } end,
  recvmsg = function(t) t.s:recvmsg { iov = { 1, 2 }, control = true } end,
  recvmany = function(t) t.s:recvmany(2, 5) end,
  close = function(t) t.s:close() end,
  poll = function(t) sockeye.poll({ [t.s] = "r", [t.stream] = "w" }, 1) end,
  accept = function(t) t.listener:accept() end,
  read = function(t) t.stream:read() end,
  write = function(t) t.stream:write "x" end,
  write_more = function(t) t.stream:write(("x"):rep(1 << 22)) end,
  write_and_close = function(t) t.stream:write("x"):close() end,
  pipe = function(t) t.stream:pipe(t.second) end,
  join = function(t) t.task:join() end,
  cancel = function(t) t.task:cancel() end,
  kill = function(t) t.task:kill() end,
  status = function(t) return t.task:status(), t.task:traceback() end,
  group_spawn = function(t) t.group:spawn(nothing) end,
  group_spawn_daemon = function(t) t.group:spawn_daemon(nothing) end,
  group_cancel = function(t) t.group:cancel() end,
  send_to_channel = function(t) t.channel:send(1) end,
  receive_from_channel = function(t) t.channel:receive() end,
  close_loop = function(t) if t.loop then t.loop:close() end end,
  collect = function() collectgarbage() collectgarbage() end,
}

local ran = 0

-- Written when the state ends: what has a finalizer first has it called last.
local report = setmetatable({}, {
  __gc = function() io.write("ran ", ran, "\n") end,
})

local function values()
  local t = {
    listener = sockeye.listen "127.0.0.1:0",
    channel = sockeye.channel(),
    peers = {},
  }
  t.s, t.peers[1] = sockeye.socketpair()
  for i, name in ipairs { "stream", "second" } do
    local s, peer = sockeye.socketpair()
    t[name], t.peers[i + 1] = sockeye.stream(s), peer
  end
  return t
end

-- The function of a task that closes, in the middle of everything, a variable.
local function body(handler, t)
  local peer
  peer, t.peers.other = sockeye.socketpair()
  sockeye.group(function(g)
    t.group, t.task = g, sockeye.spawn(sockeye.sleep, 60)
    local _ <close> = setmetatable({}, { __close = function()
      ran = ran + 1
      handler(t)
    end })
    g:spawn(function()
      local _ <close> = setmetatable({}, {
        __close = function() handler(t) end,
      })
      peer:recv(1)
    end)
    t.stream:write "pending"
    sockeye.timeout(50, peer.recv, peer, 1)
  end)
end

local kept = { report = report }

local function begin(handler)
  local t = values()
  local loop = sockeye.loop(body, handler, t)
  loop:step()
  loop:step()
  if ending ~= "collected" then t.loop = loop end
  return loop
end

-- Kept until the state ends.
package.loaded["spec.support.closing.kept"] = kept

local count = 0
for _, handler in pairs(handlers) do
  count = count + 1
  if ending == "collected" then
    begin(handler)
  elseif ending == "closed" then
    begin(handler):close()
  else
    kept[count] = begin(handler)
  end
  collectgarbage()
  collectgarbage()
end
io.write("of ", count, "\n")
if ending == "os.exit" then
  os.exit(0, true)
elseif ending == "os.exit in a task" then
  sockeye.run(function()
    sockeye.spawn(body, handlers.recv, values())
    sockeye.spawn(function()
      local _ <close> = setmetatable({}, { __close = handlers.spawn })
      os.exit(0, true)
    end)
    sockeye.sleep(60)
  end)
end
