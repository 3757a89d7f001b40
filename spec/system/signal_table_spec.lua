-- What handlers of signals change for a loop in which every task waits.

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local process = require "spec.support.process"

-- send(seconds) has a child send this process SIGUSR1 after that time.
local prelude <const> = [[
  local sockeye = require "sockeye"
  local function send(seconds)
    local parent = sockeye.getpid()
    if sockeye.fork() == 0 then
      sockeye.sleep(seconds)
      sockeye.kill(parent, "SIGUSR1")
      sockeye._exit(0)
    end
  end
  local function report(...)
    local ok, err = pcall(sockeye.run, ...)
    print(ok, (tostring(err):match "^[^\n:]+"))
  end
]]

-- What the script prints under each poller.
local function printed(wanted, text)
  for _, poller in ipairs(loops.pollers) do
    local result = process.lua_script(prelude .. text, {
      env = { SOCKEYE_POLLER = poller }, timeout = 20,
    })
    assert.equal("", result.stderr)
    assert.equal(wanted, result.stdout)
  end
end

describe("a wait that only a signal can end", function()
  descriptors.guard()

  it("is no deadlock while there is a handler", function()
    printed("true\tcaught\n", [[
      report(function()
        local ch = sockeye.channel(1)
        sockeye.signal("SIGUSR1", function() ch:put "caught" end)
        send(0.02)
        return ch:get()
      end)
    ]])
  end)

  it("is no deadlock while another task listens", function()
    printed("true\tSIGUSR1\n", [[
      report(function()
        local ch = sockeye.channel(1)
        sockeye.spawn(function()
          for name in sockeye.signals "USR1" do ch:put(name) break end
        end)
        send(0.02)
        return ch:get()
      end)
    ]])
  end)

  it("is a deadlock when the handler has removed itself", function()
    printed("handled\nfalse\tdeadlock\n", [[
      report(function()
        sockeye.signal("SIGUSR1", function()
          print "handled"
          io.stdout:flush()
          sockeye.signal("SIGUSR1", "default")
        end)
        send(0.02)
        return sockeye.channel():get()
      end)
    ]])
  end)

  it("is a deadlock where a signal is ignored, or the lua command's",
     function()
    printed("original\nfalse\tdeadlock\n", [[
      sockeye.signal("SIGUSR1", "ignore")
      print(sockeye.signal("SIGINT"))
      report(function() return sockeye.channel():get() end)
    ]])
  end)

  it("is a deadlock where another Lua state has the handler", function()
    printed("nil\nfalse\tdeadlock\n", [[
      local threads = require "spec.support.threads"
      local state = threads.state()
      print(state:start([=[
        require "sockeye".signal("SIGUSR1", function() end)
      ]=])())
      report(function() return sockeye.channel():get() end)
    ]])
  end)

  it("is a deadlock in a child, whose parent listens", function()
    printed("false\tdeadlock\ntrue\tnil\n", [[
      report(function()
        local listening = sockeye.spawn(function()
          for _ in sockeye.signals "USR1" do end
        end)
        sockeye.yield()
        local pid = sockeye.fork()
        if pid == 0 then sockeye.channel():get() end
        sockeye.waitpid(pid)
        listening:cancel()
      end)
    ]])
  end)
end)
