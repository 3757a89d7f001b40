local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"
local process = require "spec.support.process"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("run", function()
  descriptors.guard()

  it("gives main its arguments and returns its results", function()
    assert.same({ "a", nil, n = 2 }, table.pack(run(function(...)
      return ...
    end, "a", nil)))
    assert.same({ n = 0 }, table.pack(run(function() end)))
  end)

  it("ends when the last task has", function()
    local done
    assert.equal(1, run(function()
      spawn(function()
        sleep(0.002)
        spawn(function()
          sleep(0.002)
          done = true
        end)
      end)
      return 1
    end))
    assert.is_true(done)
  end)

  it("inside a task is an error that says so", function()
    run(function()
      errors.rejected("run: inside a task", run, print)
    end)
  end)

  it("works in a coroutine, and again and again", function()
    for i = 1, 20 do
      assert.equal(i, coroutine.wrap(function()
        return run(function()
          sleep(0)
          return i
        end)
      end)())
    end
  end)

  for _, poller in ipairs { "epoll", "poll" } do
    it("waits by " .. poller .. " if the options say so", function()
      local a, b = sockeye.socketpair()
      run({ poller = poller }, function()
        spawn(function() b:send("x") end)
        assert.equal("x", a:recv(1))
        assert.equal("x", spawn(function() return a:recv(1) end, b:send("x"))
          :join())
      end)
      a:close()
      b:close()
    end)
  end

  for what, arguments in pairs {
    ["an unknown poller"] = { { poller = "kqueue" }, print },
    ["an unknown option"] = { { poler = "poll" }, print },
    ["a poller that is no name"] = { { poller = {} }, print },
    ["no function"] = {}, ["options alone"] = { {} },
    ["a number"] = { 5 },
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument #%d to '[%w.]*run'", run,
                      table.unpack(arguments))
    end)
  end

  it("uses the poller that the environment names", function()
    for poller, known in pairs { epoll = true, poll = true, other = false } do
      local result = process.lua_script([[
        local sockeye = require "sockeye"
        local loop = sockeye.loop(function() sockeye.sleep(1) end)
        print(loop:pollfd() == nil)
      ]], { env = { SOCKEYE_POLLER = poller } })
      if known then
        local has_descriptor = poller == "epoll" and loops.has_epoll()
        assert.equal(tostring(not has_descriptor) .. "\n", result.stdout)
      else
        assert.matches("unknown poller 'other'", result.stderr)
      end
    end
  end)


  it("lets the tasks of the loop around it run between two steps", function()
    run(function()
      local ticks, start = 0, sockeye.now()
      sockeye.spawn_daemon(function()
        while true do
          sleep(0.001)
          ticks = ticks + 1
        end
      end)
      sockeye.yield()
      local loop <close> = sockeye.loop(sleep, 60)
      while ticks < 5 and sockeye.now() - start < 5 do loop:step(0) end
      assert.is_true(ticks >= 5)
      while ticks < 10 and sockeye.now() - start < 5 do loop:step(0.002) end
      assert.is_true(ticks >= 10)
    end)
  end)

  for _, ending in ipairs {
    "closed", "collected", "kept", "os.exit", "os.exit in a task",
  } do
    for _, poller in ipairs(loops.pollers) do
      it(("lets `<close>` variables use the library where a loop is left: " ..
          "%s, %s"):format(ending, poller), function()
        local result = process.run({
          process.lua, "spec/support/closing.lua", ending,
        }, { is_lua = true, env = { SOCKEYE_POLLER = poller }, timeout = 60 })
        local count = tonumber(result.stdout:match "of (%d+)\n")
        local ran = tonumber(result.stdout:match "ran (%d+)\n")
        assert.equal(0, result.status)
        if ending == "os.exit in a task" then ran = ran - 1 end
        assert.equal(count, ran)
      end)
    end
  end
end)
