local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"

-- Names whose answers come when the script opens the gate; see resolver.c.
-- questions(n) waits until n more of them have come, open(n) lets n of them be
-- answered, threads() is how many threads this process has.
local prelude = [[
  local sockeye = require "sockeye"

  local gate, way_out = sockeye.pipe()
  local bell, ringer = sockeye.pipe()
  sockeye.dup2(gate, 105)
  sockeye.dup2(ringer, 107)
  local name = "gate-105-107"

  local function questions(n)
    local text = ""
    bell:settimeout(20)
    while #text < n do text = text .. bell:read(n - #text) end
    return text
  end

  local function open(n) way_out:write(("x"):rep(n or 1)) end

  local function threads()
    local file <close> = io.open("/proc/self/status")
    return math.tointeger(file:read("a"):match("Threads:%s*(%d+)"))
  end

  local function found(name)
    return tostring(sockeye.resolve(name, 80, { type = "stream" })[1].address)
  end

  local function code(f, ...)
    local ok, err = pcall(f, ...)
    if ok or not sockeye.is_error(err) then return ok or err end
    return ("%s %s %s %s"):format(err.code, err.call, err.address, err.timeout)
  end
]]

local function preload()
  local before = os.getenv("LD_PRELOAD")
  local path = "./build/spec/resolver.so"
  return before and before ~= "" and before .. ":" .. path or path
end

for _, poller in ipairs { "epoll", "poll" } do
  -- What a script prints that asks for such names.
  local function printed(text)
    local result = process.lua_script(prelude .. text, {
      env = { LD_PRELOAD = preload(), SOCKEYE_POLLER = poller },
    })
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
    local result = process.lua_script(prelude .. [[
      open()
      print(found(name), questions(1), threads())
    ]], { env = { LD_PRELOAD = preload() } })
    assert.equal("127.0.0.1:80\to\t1\n", result.stdout, result.stderr)
  end)
end)
