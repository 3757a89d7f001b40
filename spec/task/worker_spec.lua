local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local resolver = require "spec.support.resolver"

for _, poller in ipairs { "epoll", "poll" } do
  -- What a script prints that asks for such names.
  local function printed(text)
    local result = resolver.lua(text, poller)
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
    return result.stdout
  end

  describe(("a name that a task asks for (%s)"):format(poller), function()
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

    it("is asked for by a thread that takes no signals", function()
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

    it("is no thread's business where it is numeric", function()
      assert.equal("127.0.0.1:80\n[::1]:80\n127.0.0.1\t80\n1\n", printed [[
        sockeye.run(function()
          print(found("127.0.0.1"))
          print(found("::1"))
          print(sockeye.nameinfo("127.0.0.1:80", "numerichost numericserv"))
          print(threads())
        end)
      ]])
    end)

    it("can be cancelled, and its thread is free in the end", function()
      assert.equal("ECANCELED getaddrinfo gate-105-107 nil\ncancelled\n" ..
                   "127.0.0.1:80\n", printed [[
        sockeye.run(function()
          local task = sockeye.spawn(found, name)
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

    it("is not asked for any more once it was cancelled in the queue",
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

    it("has to come by the deadline", function()
      assert.equal(("ETIMEDOUT getaddrinfo gate-105-107 true\n"):rep(2),
                   printed [[
        local function ask()
          return sockeye.timeout(0.01, sockeye.resolve, name, 80)
        end
        sockeye.run(function() print(code(ask)) end)
        print(code(ask))
        open(2)
      ]])
    end)

    it("is left to its thread when the state is closed", function()
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

    it("can be asked for by a forked child, too", function()
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

    it("may be a name for an address", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      assert.equal("asked\nlocalhost\nETIMEDOUT getnameinfo 127.0.0.1:4057 " ..
                   "true\n", printed [[
        sockeye.run(function()
          local asking = sockeye.spawn(sockeye.nameinfo, "127.0.0.1:4057")
          questions(1)
          print("asked")
          open()
          print((asking:join()))
          print(code(sockeye.timeout, 0.01, sockeye.nameinfo,
                     "127.0.0.1:4057"))
          open()
        end)
      ]])
    end)

    it("does not fail for want of descriptors that are garbage", function()
      assert.equal("127.0.0.1:80\nEMFILE getaddrinfo gate-105-107 nil\n",
                   printed [[
        sockeye.run(function()
          local kept = {}
          local function exhaust()
            pcall(function()
              while true do kept[#kept + 1] = sockeye.pipe() end
            end)
          end
          open(2)
          collectgarbage("stop")
          exhaust()
          kept = {}
          print(found(name))
          exhaust()
          print(code(sockeye.resolve, name, 80))
        end)
      ]])
    end)
  end)
end

describe("a name outside of a task", function()
  it("is asked for in place, without a thread", function()
    local result = resolver.lua [[
      open()
      print(found(name), questions(1), threads())
    ]]
    assert.equal("127.0.0.1:80\to\t1\n", result.stdout, result.stderr)
  end)
end)
