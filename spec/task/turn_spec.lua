local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("a deadlock", function()
  descriptors.guard()

  it("is an error that names each task and its place", function()
    local ok, err = pcall(run, function()
      local ch = sockeye.channel()
      local t = spawn(function() ch:get() end)
      local line = debug.getinfo(1, "l").currentline - 1
      spawn(function() ch:get() end)
      local okay, problem = pcall(t.join, t)
      assert.is_false(okay)
      assert.is_true(sockeye.is_error(problem, "ECANCELED"))
      return line
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
    local _, count = err:gsub(
      "task %S+ waits in get at spec/task/turn_spec.lua:%d+", "")
    assert.equal(2, count)
    assert.matches("waits in join at spec/task/turn_spec.lua", err)
  end)

  it("is a poll of nothing, without a time", function()
    for _, poller in ipairs { "epoll", "poll" } do
      errors.rejected("deadlock: .*waits in poll", run, { poller = poller },
                      sockeye.poll, {})
    end
  end)

  it("is none if a task sleeps, or waits for a descriptor", function()
    local ch = sockeye.channel()
    run(function()
      spawn(function()
        sleep(0.002)
        ch:put(1)
      end)
      assert.equal(1, ch:get())
      local a, b = sockeye.socketpair()
      spawn(function() ch:put(a:recv(1)) end)
      b:send("x")
      assert.equal("x", ch:get())
      a:close()
      b:close()
    end)
  end)

  it("is none if a deadline is set", function()
    run(function()
      local ch = sockeye.channel()
      errors.raised("ETIMEDOUT", "get", sockeye.timeout, 0.002, ch.get, ch)
    end)
  end)

  it("cancels tasks again and again until they end", function()
    local closed, attempts = {}, 0
    local function stubborn(name)
      local mark <const> = setmetatable({}, {
        __close = function() table.insert(closed, name) end,
      })
      local _ <close> = mark
      local ch = sockeye.channel()
      while attempts < 1000 do
        attempts = attempts + 1
        pcall(ch.get, ch)
      end
    end
    local ok, err = pcall(run, function()
      spawn(stubborn, "a task")
      sockeye.group(function(g)
        g:spawn(stubborn, "one of a group")
      end)
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
    assert.equal(1000, attempts)
    table.sort(closed)
    assert.same({ "a task", "one of a group" }, closed)
  end)

  it("lets tasks that caught it finish in a shield", function()
    local done
    local ok, err = pcall(run, function()
      local ch = sockeye.channel()
      pcall(ch.get, ch)
      errors.raised("ECANCELED", "sleep", sleep, 0.001)
      sockeye.shield(1, sleep, 0.001)
      done = true
    end)
    assert.is_false(ok)
    assert.matches("^deadlock", err)
    assert.is_true(done)
  end)
end)

for _, poller in ipairs { "epoll", "poll" } do
  local function with_poller(f) return run({ poller = poller }, f) end

  describe("a busy task by " .. poller, function()
    descriptors.guard()

    -- Calls that never have to wait; each is made again and again.
    local busy = {
      recv = function()
        local u = sockets.bound("127.0.0.1:0", "dgram")
        local name = u:getsockname()
        return { u }, function()
          u:sendto("x", name)
          u:recv(1)
        end
      end,
      send = function()
        local u = sockets.bound("127.0.0.1:0", "dgram")
        u:connect(u:getsockname())
        return { u }, function() u:send("x") end
      end,
      sendall = function()
        local null = sockeye.adopt(sockeye.dup2(assert(io.open("/dev/null",
                                                               "w")), 901))
        return { null }, function() null:write("data") end
      end,
      connect = function()
        local u = sockets.bound("127.0.0.1:0", "dgram")
        local name = u:getsockname()
        return { u }, function() u:connect(name) end
      end,
      accept = function()
        local l = sockets.listener("unix:@busy-" .. sockeye.getpid())
        local name = l:getsockname()
        return { l }, function()
          local c <close> = sockeye.socket("unix", "stream"):connect(name)
          local d <close> = l:accept()
          return c, d
        end
      end,
    }
    local names = {}
    for name in pairs(busy) do names[#names + 1] = name end
    table.sort(names)

    for _, name in ipairs(names) do
      it("lets other tasks run: " .. name, function()
        with_poller(function()
          local owned, call = busy[name]()
          local done
          local t = spawn(function()
            while not done do call() end
            return "ended"
          end)
          for _ = 1, 5 do sleep(0) end
          done = true
          assert.equal("ended", t:join())
          sockets.close(table.unpack(owned))
        end)
      end)
    end

    it("gets as many turns as another busy task", function()
      with_poller(function()
        local counts = { 0, 0 }
        local u = { sockets.udp() }
        local done
        for i = 1, 2 do
          spawn(function()
            while not done do
              u[i]:send("x")
              u[3 - i]:recv(1)
              counts[i] = counts[i] + 1
            end
          end)
        end
        sleep(0.02)
        done = true
        sleep(0)
        sockets.close(table.unpack(u))
        assert.is_true(counts[1] > 0 and counts[2] > 0)
      end)
    end)
  end)
end
