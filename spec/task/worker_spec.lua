local descriptors = require "spec.support.descriptors"
local resolver = require "spec.support.resolver"

for _, poller in ipairs { "epoll", "poll" } do
  -- counts() is how many threads run, are idle and abandoned, and how many
  -- names wait; settled(f) waits until f(counts) holds, and returns them.
  local function printed(text)
    return resolver.printed([[
      local function counts(c)
        c = c or sockeye.resolver()
        return ("%d %d %d %d"):format(c.running, c.idle, c.abandoned, c.queued)
      end

      local function settled(f)
        local deadline = sockeye.now() + 20
        while not f(sockeye.resolver()) and sockeye.now() < deadline do
          sockeye.sleep(0.001)
        end
        return counts()
      end

      local function abandon()
        local task = sockeye.spawn(found, name)
        questions(1)
        task:cancel()
        pcall(task.join, task)
      end
    ]] .. text, poller)
  end

  describe(("a name that a task asks for (%s)"):format(poller), function()
    descriptors.guard()

    it("is resolved by a thread that takes no signals", function()
      assert.equal("b\n2\n", printed [[
        sockeye.run(function()
          local asking = sockeye.spawn(found, name)
          print(questions(1))
          print(threads())
          open()
          asking:join()
        end)
      ]])
    end)

    it("is one of as many at once as the limit says", function()
      assert.equal("bbbb\n4 0 0 2\nbb\n6\n0 4 0 0\n", printed [[
        sockeye.resolver { threads = 4 }
        sockeye.run(function()
          local tasks = {}
          for i = 1, 6 do tasks[i] = sockeye.spawn(found, name) end
          print(questions(4))
          print(counts())
          open(2)
          print(questions(2))
          open(4)
          local count = 0
          for _, t in ipairs(tasks) do
            count = count + (t:join() == "127.0.0.1:80" and 1 or 0)
          end
          print(count)
          print(settled(function(c) return c.idle == 4 end))
        end)
      ]])
    end)

    it("is found while forty others wait for their servers", function()
      assert.equal("127.0.0.1:80\n40 1 0 0\n", printed [[
        sockeye.run(function()
          for _ = 1, 40 do sockeye.spawn(found, name) end
          questions(40)
          print(found "127.0.0.1+127.0.0.2")
          print(settled(function(c) return c.idle == 1 end))
          open(40)
        end)
      ]])
    end)

    it("gets a thread when the limit is raised", function()
      assert.equal("b\n1 0 0 2\nbb\n3 0 0 0\n", printed [[
        sockeye.resolver { threads = 1 }
        sockeye.run(function()
          for _ = 1, 3 do sockeye.spawn(found, name) end
          print(questions(1))
          print(counts())
          sockeye.resolver { threads = 3 }
          print(questions(2))
          print(counts())
          open(3)
        end)
      ]])
    end)

    it("leaves as many idle threads as a lower limit allows", function()
      assert.equal("0 3 0 0\n0 1 0 0\n127.0.0.1:80\n2\n", printed [[
        sockeye.run(function()
          local tasks = {}
          for i = 1, 3 do tasks[i] = sockeye.spawn(found, name) end
          questions(3)
          open(3)
          for i = 1, 3 do tasks[i]:join() end
          print(settled(function(c) return c.idle == 3 end))
          sockeye.resolver { threads = 1 }
          print(settled(function(c) return c.idle == 1 end))
          open()
          print(found(name))
          while threads() > 2 do sockeye.sleep(0.001) end
          print(threads())
        end)
      ]])
    end)

    it("waits for none that was abandoned", function()
      assert.equal("1 0 5 0\n127.0.0.1:80\n0 1 0 0\n", printed [[
        sockeye.resolver { threads = 1 }
        sockeye.run(function()
          for _ = 1, 5 do abandon() end
          local sixth = sockeye.spawn(found, name)
          questions(1)
          print(counts())
          open(6)
          print(sixth:join())
          print(settled(function(c)
            return c.idle == 1 and c.abandoned == 0
          end))
        end)
      ]])
    end)

    it("gets the thread of one that is abandoned while it waits in the queue",
       function()
      assert.equal("1 0 0 1\n1 0 1 0\n127.0.0.1:80\n", printed [[
        sockeye.resolver { threads = 1 }
        sockeye.run(function()
          local first = sockeye.spawn(found, name)
          questions(1)
          local second = sockeye.spawn(found, name)
          sockeye.yield()
          print(counts())
          first:cancel()
          pcall(first.join, first)
          questions(1)
          print(counts())
          open(2)
          print(second:join())
        end)
      ]])
    end)

    it("waits when more were abandoned than are left out of account",
       function()
      assert.equal("0 0 258 1\n127.0.0.1:80\n0 2 0 0\n", printed [[
        sockeye.resolver { threads = 2 }
        sockeye.run(function()
          for _ = 1, 258 do abandon() end
          local late = sockeye.spawn(found, name)
          sockeye.sleep(0.01)
          print(counts())
          open(259)
          print(late:join())
          print(settled(function(c)
            return c.idle == 2 and c.abandoned == 0
          end))
        end)
      ]])
    end)

    it("is not resolved if it was cancelled in the queue",
       function()
      assert.equal("bbbb\nECANCELED getaddrinfo gate-105-107 nil\nb\nnil\n",
                   printed [[
        sockeye.resolver { threads = 4 }
        sockeye.run(function()
          local tasks = {}
          for i = 1, 4 do tasks[i] = sockeye.spawn(found, name) end
          print(questions(4))
          local fifth = sockeye.spawn(code, found, name)
          sockeye.yield()
          local sixth = sockeye.spawn(found, name)
          sockeye.yield()
          fifth:cancel()
          print(fifth:join())
          open(5)
          sixth:join()
          for _, t in ipairs(tasks) do t:join() end
          print(questions(1))
          print(next(sockeye.poll({ [bell] = "r" }, 0)))
        end)
      ]])
    end)

    it("can be resolved by a forked child, too", function()
      assert.equal("127.0.0.1:80 127.0.0.1:80\n", printed [[
        local result
        sockeye.run(function()
          local parents = sockeye.spawn(found, name)
          questions(1)
          local r, w = sockeye.pipe()
          local pid = sockeye.fork()
          if pid == 0 then
            -- The parent's thread is not here: one more has to be started.
            local asking = sockeye.spawn(found, name)
            questions(1)
            open(2)
            w:write(asking:join())
            sockeye._exit(0)
          end
          w:close()
          sockeye.waitpid(pid)
          print(r:read(100) .. " " .. parents:join())
        end)
      ]])
    end)
  end)
end
