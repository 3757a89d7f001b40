local descriptors = require "spec.support.descriptors"
local resolver = require "spec.support.resolver"

for _, poller in ipairs { "epoll", "poll" } do
  local function printed(text) return resolver.printed(text, poller) end

  describe(("a job that a task waits for (%s)"):format(poller), function()
    descriptors.guard()

    it("lets the other tasks run meanwhile", function()
      assert.equal("asked\nsomething else\n127.0.0.1:80\n", printed [[
        sockeye.run(function()
          local asking = sockeye.spawn(function() print(found(name)) end)
          questions(1)
          print("asked")
          sockeye.sleep(0)
          print("something else")
          open()
          asking:join()
        end)
      ]])
    end)

    it("can be cancelled, and its thread is free afterwards", function()
      assert.equal("ECANCELED getaddrinfo gate-105-107 nil\n" ..
                   "ECANCELED join nil nil\n" ..
                   "cancelled\n" ..
                   "127.0.0.1:80\n", printed [[
        sockeye.run(function()
          local task = sockeye.spawn(function()
            local ok, err = pcall(found, name)
            print(code(error, err, 0))
            error(err, 0)
          end)
          questions(1)
          task:cancel()
          print(code(task.join, task))
          print(task:status())
          open()
          local again = sockeye.spawn(found, name)
          questions(1)
          open()
          print(again:join())
        end)
      ]])
    end)

    it("does not delay closing the Lua state", function()
      assert.equal("asked\n", printed [[
        local loop = sockeye.loop(function()
          sockeye.spawn(found, name)
          questions(1)
          print("asked")
          sockeye.sleep(1000)
        end)
        repeat loop:step(20) until bell == nil or threads() == 2
        for _ = 1, 10 do loop:step() end
        -- The thread goes on while the state is closed.
        open()
        os.exit(0, true)
      ]])
    end)
  end)
end
