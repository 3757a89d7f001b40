local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"
local rtnetlink = require "spec.support.rtnetlink"
local temporary = require "spec.support.temporary"
local threads = require "spec.support.threads"

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

-- Who calls fork(2).
local forks = {
  ["from sockeye.fork"] = sockeye.fork,
  ["from other code"] = threads.fork,
}

-- Which of them does so.
local fork_itself

-- Forks a child that ends so, after it has called `lives`. In the parent, waits
-- for it; returns true if it has ended well.
local function fork(ending, holder, close, lives)
  io.stdout:flush()
  local pid = fork_itself()
  if pid == 0 then
    local ok = pcall(lives or function() end)
    if ok then pcall(ending, holder, close) end
    sockeye._exit(ok and 0 or 1)
  end
  local _, how, status = sockeye.waitpid(pid)
  return how == "exit" and status == 0
end

local function closes(holder)
  return function()
    for _, value in pairs(holder) do pcall(value.close, value) end
  end
end

-- What the peer receives up to the end.
local function rest(peer)
  local parts = {}
  for part in function() return peer:read(65536) end do
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

  ["the descriptor of epoll"] = function(ending)
    local a, b <close> = sockets.unix()
    local quiet, other = sockets.unix()
    sockeye.run(function()
      local reader = sockeye.spawn(a.recv, a, 1)
      local silent = sockeye.spawn(quiet.recv, quiet, 1)
      sockeye.sleep(0.001)
      -- The child's descriptor has the number of the parent's.
      assert.is_true(fork(ending, {}, function() end, function()
        a:close()
        local c, d = sockeye.socketpair()
        sockeye.dup2(c, quiet:fd())
        local t = sockeye.spawn(quiet.recv, quiet, 1)
        sockeye.yield()
        d:send "y"
        assert(t:join() == "y")
        sockeye.sleep(0.001)
      end))
      assert.same({ "waiting", "waiting" },
                  { reader:status(), silent:status() })
      b:send "x"
      assert.equal("x", reader:join())
      other:send "z"
      assert.equal("z", silent:join())
    end)
    sockets.close(a, quiet, other)
  end,

  ["another loop"] = function(ending)
    local a, b <close> = sockets.unix()
    local loop = sockeye.loop(function() return a:recv(1) end)
    loop:step()
    assert.is_true(fork(ending, { loop = loop }, function() loop:close() end,
                        function()
      assert(loop:timeout() == 0)
      a:close()
      local more, problem
      repeat more, problem = pcall(loop.step, loop, 0.01) until not more
      assert(problem.code == "EBADF" and problem.closed)
    end))
    b:send "y"
    assert.equal("y", loops.step_all(loop)[1])
    loop:close()
    a:close()
  end,

  ["the other tasks"] = function(ending)
    local r <close>, w = sockeye.pipe()
    local parent = sockeye.getpid()
    -- Notes that a process runs another task, or leaves its variable.
    local function note()
      w:write(sockeye.getpid() == parent and "p" or "c")
    end
    sockeye.run(function()
      for _ = 1, 3 do
        sockeye.spawn(function()
          local _ <close> = setmetatable({}, { __close = note })
          sockeye.sleep(0.005)
          note()
        end)
      end
      sockeye.sleep(0)
      local forking = sockeye.spawn(function()
        assert.is_true(fork(ending, {}, function() end, function()
          assert(#sockeye.tasks() == 1)
          sockeye.sleep(0.01)
          assert(sockeye.spawn(function() return "new" end):join() == "new")
          assert(#sockeye.tasks() == 1)
        end))
      end)
      forking:join()
    end)
    w:close()
    assert.equal(("p"):rep(6), rest(r))
  end,

  ["the results of its task"] = function(ending)
    local r <close>, w = sockeye.pipe()
    local parent = sockeye.getpid()
    local pid
    local ok, result = pcall(sockeye.run, function()
      sockeye.group(function(group)
        group:spawn(function()
          pid = fork_itself()
          if pid == 0 then
            sockeye.sleep(0)
            return "child"
          end
        end)
        group:spawn(sockeye.sleep, 0.001)
      end)
      return "parent"
    end)
    if sockeye.getpid() ~= parent then
      w:write(tostring(ok) .. " " .. tostring(result))
      pcall(ending, {}, function() end)
      sockeye._exit(0)
    end
    sockeye.waitpid(pid)
    w:close()
    assert.equal("true child", rest(r))
    assert.same({ true, "parent" }, { ok, result })
  end,

  ["the error of its task"] = function(ending)
    local r <close>, w = sockeye.pipe()
    local parent = sockeye.getpid()
    local pid
    local ok, err = pcall(sockeye.run, function()
      sockeye.group(function(group)
        group:spawn(function()
          pid = fork_itself()
          if pid == 0 then
            sockeye.spawn(error, "reason", 0)
            sockeye.sleep(1)
          end
        end)
      end)
    end)
    if sockeye.getpid() ~= parent then
      w:write(tostring(ok) .. " " .. tostring(err))
      pcall(ending, {}, function() end)
      sockeye._exit(0)
    end
    sockeye.waitpid(pid)
    w:close()
    assert.equal("false reason", rest(r))
    assert.is_true(ok)
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
  descriptors.guard(nil, nil, descriptors.zerocopy)

  for whence, f in sorted(forks) do
    for what, check in sorted(rows) do
      for how, ending in sorted(endings) do
        it(("%s that %s leaves its parent %s"):format(whence, how, what),
           function()
          fork_itself = f
          check(ending)
        end)
      end
    end
  end

  it("leaves its parent what watches the network #namespace", function()
    assert.equal(("address\tnew\n"):rep(6), rtnetlink.on_host [[
    local threads = require "spec.support.threads"
    local endings = {
      function(watcher) watcher:close() end,
      function() collectgarbage() collectgarbage() end,
      function() os.exit(0, true) end,
    }
    for _, fork in ipairs { sockeye.fork, threads.fork } do
      for number, ending in ipairs(endings) do
        local next_event, _, _, watcher = netlink.watch { "address" }
        watcher:settimeout(20)
        local pid = fork()
        if pid == 0 then
          local inherited = watcher
          watcher, next_event = nil, nil
          ending(inherited)
          sockeye._exit(0)
        end
        assert(sockeye.waitpid(pid) == pid)
        nl:add_address { ifname = "lo", ["local"] = "10.9.0." .. number }
        local event = next_event()
        print(event.event, event.action)
        watcher:close()
        nl:delete_address { ifname = "lo", ["local"] = "10.9.0." .. number }
      end
    end
    ]])
  end)
end)
