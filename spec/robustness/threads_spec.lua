-- Lua states in several threads that use all that the process shares.

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local process = require "spec.support.process"
local threads = require "spec.support.threads"

-- What a state does: each is a script, with sockeye and the poller's name.
local works <const> = {
  sockets = [[
    for i = 1, 30 do
      local l <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
      l:listen()
      local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
      local s = l:accept()
      c:send(("x"):rep(i))
      c:close()
      assert(s:recv(100, "waitall") == ("x"):rep(i))
      s:close()
    end
  ]],
  tasks = [[
    sockeye.run({ poller = poller }, function()
      local a, b = sockeye.socketpair()
      local echo = sockeye.spawn(function()
        for data in function() return b:recv(100) end do b:sendall(data) end
      end)
      for i = 1, 50 do
        a:sendall(("%3d"):format(i))
        assert(a:recv(3, "waitall") == ("%3d"):format(i))
        if i % 10 == 0 then sockeye.sleep(0.001) end
      end
      local polling = sockeye.spawn(pcall, sockeye.poll, { [a] = "r" })
      sockeye.yield()
      a:close()
      assert(not polling:join())
      echo:join()
      b:close()
    end)
  ]],
  streams = [[
    sockeye.run({ poller = poller }, function()
      local a, b = sockeye.socketpair()
      local w, r = sockeye.stream(a), sockeye.stream(b)
      w:setvbuf "full"
      for i = 1, 50 do w:write(i, "\n") end
      w:close()
      local sum = 0
      for line in r:lines() do sum = sum + tonumber(line) end
      assert(sum == 1275)
      r:close()
    end)
  ]],
  ["look-ups"] = [[
    sockeye.run({ poller = poller }, function()
      for _ = 1, 5 do
        sockeye.spawn(sockeye.resolve, "localhost", 80)
        sockeye.spawn(sockeye.nameinfo, sockeye.inet("127.0.0.1", 80))
        sockeye.spawn(function()
          pcall(sockeye.timeout, 0, sockeye.resolve, "localhost", 80)
        end)
      end
    end)
  ]],
  databases = [[
    for _ = 1, 50 do
      assert(sockeye.getprotobyname "tcp".number == 6)
      assert(sockeye.getservbyname("http", "tcp").port == 80)
    end
  ]],
  signals = [[
    for _ = 1, 10 do
      local ok = pcall(sockeye.signal, "USR1", function() end)
      pcall(sockeye.signal, "USR2", function() end)
      sockeye.kill(sockeye.getpid(), 0)
      if ok then sockeye.kill(sockeye.getpid(), "USR1") end
      pcall(sockeye.signal, "USR1", "original")
    end
  ]],
  forks = [[
    for _ = 1, 3 do
      local loop <close> = sockeye.loop({ poller = poller }, sockeye.sleep, 9)
      assert(loop:step())
      local pid = sockeye.fork()
      if pid == 0 then sockeye._exit(loop:step() and 0 or 1) end
      local _, how, status = sockeye.waitpid(pid)
      assert(how == "exit" and status == 0)
    end
  ]],
}

local function script(work, poller)
  return ("local sockeye = require 'sockeye' local poller = %q %s"):format(
    poller, works[work])
end

describe("Lua states in threads", function()
  descriptors.guard()

  for _, poller in ipairs(loops.pollers) do
    for work in pairs(works) do
      local tag = work == "forks" and " #forks" or ""
      it(("do not disturb each other's %s, by %s%s"):format(work, poller, tag),
         function()
        local joins = {}
        for i = 1, 4 do joins[i] = threads.start(script(work, poller)) end
        for i, join in ipairs(joins) do joins[i] = join() or "ended" end
        assert.same({ "ended", "ended", "ended", "ended" }, joins)
      end)
    end

    it(("do different things, each in several threads, by %s #forks")
       :format(poller), function()
      local states = {}
      for work in pairs(works) do states[work] = threads.state() end
      for _ = 1, 3 do
        local joins = {}
        for work, state in pairs(states) do
          joins[work] = state:start(script(work, poller))
        end
        for work, join in pairs(joins) do joins[work] = join() end
        assert.same({}, joins)
      end
      local joins = {}
      for work, state in pairs(states) do joins[work] = state:start_close() end
      for _, join in pairs(joins) do join() end
    end)
  end

  it("are closed while signals arrive", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local threads = require "spec.support.threads"
      sockeye.signal("USR1", "ignore")
      local parent = sockeye.getpid()
      local pid = sockeye.fork()
      if pid == 0 then
        while sockeye.getppid() == parent do
          sockeye.kill(parent, "USR1")
          sockeye.sleep(0.0001)
        end
        sockeye._exit(0)
      end
      for i = 1, 100 do
        local state = threads.state()
        local err = state:start [=[
          local sockeye = require "sockeye"
          local calls = 0
          assert(sockeye.signal("USR1", function() calls = calls + 1 end))
          if calls == 0 then sockeye.sleep(0.0005) end
        ]=]()
        assert(err == nil, err)
        if i % 2 == 0 then state:close() else state:start_close()() end
      end
      sockeye.kill(pid, "KILL")
      sockeye.waitpid(pid)
      io.write "done"
    ]]
    assert.same({ "done", "", nil, 0 },
                { result.stdout, result.stderr, result.signal,
                  result.status })
  end)
end)
