local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"
local temporary = require "spec.support.temporary"

-- How a child lets go of what it has inherited: `holder` has the only
-- references, and `close` closes them all.
local endings = {
  closes = function(_, close) close() end,
  collects = function(holder)
    for name in pairs(holder) do holder[name] = nil end
    collectgarbage()
    collectgarbage()
  end,
  ["closes its Lua state"] = function() os.exit(0, true) end,
}

-- Forks a child that ends so. In the parent, waits for it.
local function fork(ending, holder, close)
  io.stdout:flush()
  local pid = sockeye.fork()
  if pid == 0 then
    pcall(ending, holder, close)
    sockeye._exit(0)
  end
  sockeye.waitpid(pid)
end

local function closes(holder)
  return function()
    for _, value in pairs(holder) do pcall(value.close, value) end
  end
end

-- What the peer receives up to the end.
local function rest(peer)
  local parts = {}
  for part in function() return peer:recv(65536) end do
    parts[#parts + 1] = part
  end
  return table.concat(parts)
end

-- Each row: f is called with how a child ends, and checks what the parent has
-- left.
local rows = {
  ["a connection that sends without copying"] = function(ending)
    local c <close>, s = sockets.tcp()
    local holder = { s = s }
    s:send(("x"):rep(20000), "zerocopy")
    fork(ending, holder, closes(holder))
    s:send "more"
    s:close()
    assert.equal(20004, #rest(c))
  end,

  ["a closed socket whose strings the kernel uses"] = function(ending)
    local c <close>, s = sockets.tcp()
    s:send(("x"):rep(20000), "zerocopy")
    s:close()
    fork(ending, {}, function() end)
    assert.equal(20000, #rest(c))
  end,

  ["reports of what was sent without copying"] = function(ending)
    local c, s <close> = sockets.tcp()
    local holder = { s = s }
    s:send(("x"):rep(20000), "zerocopy")
    fork(ending, holder, function() s:zerocopy_wait() end)
    c:recv(65536)
    while not s:zerocopy_wait "dontwait" do c:settimeout(1):recv(65536) end
    assert.equal(1, (s:zerocopy_wait()))
    c:close()
  end,

  ["output that a stream has buffered"] = function(ending)
    local a <close>, b = sockets.unix()
    local holder = { stream = sockeye.stream(b) }
    holder.stream:setvbuf("full"):write "once"
    fork(ending, holder, closes(holder))
    holder.stream:close()
    assert.equal("once", rest(a))
  end,

  ["output of a task that has not waited yet"] = function(ending)
    local a <close>, b = sockets.unix()
    sockeye.run(function()
      local holder = { stream = sockeye.stream(b) }
      holder.stream:write "once"
      fork(ending, holder, closes(holder))
      holder.stream:close()
    end)
    assert.equal("once", rest(a))
  end,

  ["a descriptor for which a task waits"] = function(ending)
    local a, b <close> = sockets.unix()
    sockeye.run(function()
      local reader = sockeye.spawn(a.recv, a, 1)
      sockeye.sleep(0.001)
      fork(ending, { a = a }, function() a:close() end)
      b:send "x"
      assert.equal("x", reader:join())
    end)
    a:close()
  end,

  ["a look-up that a thread is making"] = function(ending)
    sockeye.run(function()
      local lookup = sockeye.spawn(sockeye.resolve, "localhost", 80)
      sockeye.yield()
      fork(ending, {}, function() end)
      assert.is_true(#lookup:join() > 0)
    end)
  end,

  ["a handler of a signal"] = function(ending)
    local calls = 0
    sockeye.signal("SIGUSR1", function() calls = calls + 1 end)
    fork(ending, {}, function() sockeye.signal("SIGUSR1", "original") end)
    sockeye.kill(sockeye.getpid(), "SIGUSR1")
    sockeye.signal("SIGUSR1", "original")
    assert.equal(1, calls)
  end,

  ["the file of a server"] = function(ending)
    local folder = temporary.folder()
    local path = folder.path .. "/socket"
    sockeye.run(function()
      local group = sockeye.spawn(sockeye.serve, "unix:" .. path, function(conn)
        conn:write "here"
      end, { signals = false })
      while not pcall(function()
        local conn <close> = sockeye.connect("unix:" .. path)
        conn:read "a"
      end) do sockeye.sleep(0.01) end
      fork(ending, {}, function() group:cancel() sockeye.sleep(0.01) end)
      local conn <close> = sockeye.connect("unix:" .. path)
      assert.equal("here", conn:read "a")
      group:cancel()
      pcall(group.join, group)
    end)
    getmetatable(folder).__close(folder)
  end,
}

describe("a forked child", function()
  descriptors.guard()

  for what, check in sorted(rows) do
    for how, ending in sorted(endings) do
      it(("that %s leaves its parent %s"):format(how, what), function()
        check(ending)
      end)
    end
  end
end)
