local descriptors = require "spec.support.descriptors"
local resolver = require "spec.support.resolver"

for _, poller in ipairs { "epoll", "poll" } do
  local function printed(text) return resolver.printed(text, poller) end

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

    it("is one of at most four at once", function()
      assert.equal("bbbb\n5\nbb\n6\n5\n", printed [[
        sockeye.run(function()
          local tasks = {}
          for i = 1, 6 do tasks[i] = sockeye.spawn(found, name) end
          print(questions(4))
          print(threads())
          open(2)
          print(questions(2))
          open(4)
          local count = 0
          for _, t in ipairs(tasks) do
            count = count + (t:join() == "127.0.0.1:80" and 1 or 0)
          end
          print(count)
          print(threads())
        end)
      ]])
    end)

    it("is not resolved if it was cancelled in the queue",
       function()
      assert.equal("bbbb\nECANCELED getaddrinfo gate-105-107 nil\nb\nnil\n",
                   printed [[
        sockeye.run(function()
          local tasks = {}
          for i = 1, 4 do tasks[i] = sockeye.spawn(found, name) end
          print(questions(4))
          local fifth = sockeye.spawn(found, name)
          sockeye.yield()
          local sixth = sockeye.spawn(found, name)
          sockeye.yield()
          fifth:cancel()
          print(code(fifth.join, fifth))
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
