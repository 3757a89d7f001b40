local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

for _, poller in ipairs { "epoll", "poll" } do
  local function with_poller(f) return run({ poller = poller }, f) end

  describe("fork in a task by " .. poller, function()
    local a, b
    descriptors.guard(function() a, b = sockets.unix() end, function()
      sockets.close(a, b)
    end)

    -- What f in the child's only task returns, as its exit status.
    local function in_child(f)
      local pid = sockeye.fork()
      if pid > 0 then
        local _, how, number = sockeye.waitpid(pid)
        assert.same({ "exit", 0 }, { how, number })
        return
      end
      local ok, err = xpcall(f, debug.traceback)
      if not ok then io.stderr:write(tostring(err), "\n") end
      sockeye._exit(ok and 0 or 1)
    end

    it("leaves the child its task alone", function()
      local parents = 0
      with_poller(function()
        for _ = 1, 5 do
          spawn(function()
            sleep(0.02)
            parents = parents + 1
          end)
        end
        sleep(0)
        in_child(function()
          assert.equal(1, #sockeye.tasks())
          sleep(0.04)
          assert.equal(0, parents)
        end)
      end)
      assert.equal(5, parents)
    end)

    it("delivers to each process only its own events", function()
      with_poller(function()
        local reader = spawn(a.recv, a, 1)
        sleep(0.001)
        in_child(function()
          local c, d = sockeye.socketpair()
          local t = spawn(c.recv, c, 1)
          sleep(0)
          a:close()
          d:send("x")
          assert.equal("x", t:join())
        end)
        assert.equal("waiting", reader:status())
        b:send("y")
        assert.equal("y", reader:join())
      end)
    end)

    it("delivers no event of a closed descriptor to a new one",
       function()
      with_poller(function()
        local c, d = sockeye.socketpair()
        local t = spawn(c.recv, c, 1)
        sleep(0)
        local r, w = sockeye.pipe()
        local pid = sockeye.fork()
        if pid == 0 then
          w:close()
          r:read(1)
          sockeye._exit(0)
        end
        r:close()
        -- The child still holds it.
        local number = c:fd()
        c:close()
        pcall(t.join, t)
        local e, f = sockeye.socketpair()
        assert.equal(number, e:fd())
        t = spawn(e.recv, e, 1)
        sleep(0)
        d:send("x")
        sleep(0.002)
        assert.equal("waiting", t:status())
        f:send("y")
        assert.equal("y", t:join())
        w:close()
        fork.reap(pid)
        sockets.close(d, e, f)
      end)
    end)

    it("lets the child wait on a socket the parent waits on", function()
      with_poller(function()
        errors.raised("ETIMEDOUT", nil, sockeye.timeout, 0.001, a.recv, a, 1)
        in_child(function()
          spawn(function() b:send("x") end)
          assert.equal("x", a:recv(1))
        end)
      end)
    end)

    it("makes the child's run return or raise what the task does", function()
      for _, case in ipairs { { "return", true, "result" },
                              { "raise", false, "reason" } } do
        local r, w = sockeye.pipe()
        local parent = sockeye.getpid()
        local pid
        local ok, result = pcall(run, { poller = poller }, function()
          spawn(function()
            sockeye.group(function(g)
              g:spawn(function()
                pid = sockeye.fork()
                if pid > 0 then return end
                sleep(0.001)
                if case[1] == "raise" then error(case[3], 0) end
                return case[3]
              end)
              sleep(0)
            end)
          end)
          sleep(0.001)
          return "main"
        end)
        if sockeye.getpid() ~= parent then
          w:write(("%s %s"):format(ok, result))
          sockeye._exit(0)
        end
        w:close()
        fork.reap(pid)
        assert.equal(("%s %s"):format(case[2], case[3]), r:read(100))
        assert.same({ true, "main" }, { ok, result })
        r:close()
      end
    end)

    it("keeps a failure in a joined child in the child", function()
      local r, w = sockeye.pipe()
      local parent = sockeye.getpid()
      local pid
      local ok, err = pcall(run, { poller = poller }, function()
        local t = spawn(function()
          pid = sockeye.fork()
          if pid == 0 then error("reason", 0) end
        end)
        t:join()
      end)
      if sockeye.getpid() ~= parent then
        w:write(("%s %s"):format(ok, err))
        sockeye._exit(0)
      end
      w:close()
      fork.reap(pid)
      assert.equal("false reason", r:read(100))
      assert.is_true(ok)
      r:close()
    end)

    it("lets a child fork again from its own loop", function()
      with_poller(function()
        in_child(function()
          in_child(function()
            sleep(0.001)
            assert.equal(1, #sockeye.tasks())
          end)
          sleep(0.001)
        end)
      end)
    end)

    it("from a stepped loop inside a task leaves both loops intact", function()
      with_poller(function()
        local others = 0
        spawn(function()
          sleep(0.01)
          others = others + 1
        end)
        local inner = sockeye.loop({ poller = poller }, function()
          spawn(function()
            sleep(0.01)
            others = others + 1
          end)
          sleep(0)
          in_child(function()
            sleep(0.03)
            assert.equal(0, others)
          end)
        end)
        loops.step_all(inner)
      end)
    end)

    it("outside of run leaves the loop usable in both processes", function()
      local loop = sockeye.loop({ poller = poller }, function()
        return a:recv(1)
      end)
      loop:step()
      local pid = fork.child(function()
        local c, d = sockeye.socketpair()
        local other = sockeye.loop(function() return c:recv(1) end)
        other:step()
        d:send("x")
        assert(loops.step_all(other)[1] == "x")
        loop:step()
        loop:close()
      end)
      fork.reap(pid)
      b:send("y")
      assert.equal("y", loops.step_all(loop)[1])
    end)
  end)
end
