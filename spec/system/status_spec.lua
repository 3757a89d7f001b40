local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

-- A child that waits to be ended by a signal.
local function idle_child()
  return fork.child(function()
    while true do sockeye.sleep(60) end
  end)
end

describe("how a child ends", function()
  descriptors.guard()

  for _, status in ipairs { 0, 1, 2, 126, 127, 128, 254, 255 } do
    it(("is \"exit\" and %d"):format(status), function()
      local pid = sockeye.fork()
      if pid == 0 then sockeye._exit(status) end
      assert.are.same({ pid, "exit", status }, { sockeye.waitpid(pid) })
      assert.is_nil(fork.state(pid))
    end)
  end

  -- ABRT and QUIT may leave a core behind, which is no other word.
  for _, name in ipairs { "HUP", "KILL", "TERM", "ABRT", "QUIT" } do
    it(("is \"signal\" and SIG%s"):format(name), function()
      local pid = idle_child()
      sockeye.kill(pid, name)
      assert.are.same({ pid, "signal", sockeye["SIG" .. name] },
                      { sockeye.waitpid(pid) })
    end)
  end

  it("is \"signal\" and the number of one without a name", function()
    local pid = idle_child()
    sockeye.kill(pid, 50)
    assert.are.same({ pid, "signal", 50 }, { sockeye.waitpid(pid) })
  end)

  it("is the same for a process", function()
    local p <close> = sockeye.process { "sh", "-c", "exit 255" }
    local q <close> = sockeye.process { "sh", "-c", "kill -50 $$" }
    assert.are.same({ "exit", 255 }, { p:wait() })
    assert.are.same({ "signal", 50 }, { q:wait() })
  end)
end)

describe("how a child goes on", function()
  descriptors.guard()

  it("is \"stop\" and SIGSTOP, then \"continue\" and SIGCONT", function()
    local pid = idle_child()
    sockeye.kill(pid, "STOP")
    assert.are.same({ pid, "stop", sockeye.SIGSTOP },
                    { sockeye.waitpid(pid, "untraced continued") })
    sockeye.kill(pid, "CONT")
    assert.are.same({ pid, "continue", sockeye.SIGCONT },
                    { sockeye.waitpid(pid, sockeye.WCONTINUED) })
    sockeye.kill(pid, "KILL")
    assert.are.same({ pid, "signal", sockeye.SIGKILL },
                    { sockeye.waitpid(pid) })
  end)

  it("is \"stop\" for a program that stops itself", function()
    local pid = fork.child(function()
      sockeye.execvp("sh", { "sh", "-c", "kill -STOP $$; exit 3" })
    end)
    assert.are.same({ pid, "stop", sockeye.SIGSTOP },
                    { sockeye.waitpid(pid, "untraced") })
    sockeye.kill(pid, "CONT")
    assert.are.same({ pid, "exit", 3 }, { sockeye.waitpid(pid) })
  end)

  it("is not lost where there is no memory to return it", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local allocator = assert(package.loadlib("./build/spec/allocator.so",
                                               "luaopen_allocator"))()
      local fork = require "spec.support.fork"

      -- The word that is returned is nowhere in this script: whoever returns it
      -- has to have memory for it, or to have it.
      local function check()
        local pid = sockeye.fork()
        if pid == 0 then while true do sockeye.sleep(60) end end
        sockeye.kill(pid, "STOP")
        fork.await(pid, "T")
        sockeye.waitpid(pid, "untraced")
        sockeye.kill(pid, "CONT")
        fork.await(pid, "S")
        local n, ok, refused, found, how, number = -1
        repeat
          collectgarbage()
          n = n + 1
          ok, refused, found, how, number = allocator.call(
            n, sockeye.waitpid, pid, "continued nohang")
        until ok or not refused
        assert(ok and found == pid, tostring(found))
        assert(#how == 8 and number == sockeye.SIGCONT)
        sockeye.kill(pid, "KILL")
        sockeye.waitpid(pid)
      end
      check()
      sockeye.run(check)
    ]]
    assert.same({ 0, "" }, { result.status, result.stderr })
  end)
end)
