-- A signal that nobody has attended to is sent again. On the main thread the
-- handler runs at the next instruction; a coroutine has to be interrupted.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

-- How many timers this process has; nil where the system does not say.
local function timers()
  local file <close> = io.open("/proc/self/timers")
  if not file then return end
  local count = 0
  for line in file:lines() do
    if line:find "^ID:" then count = count + 1 end
  end
  return count
end

local function in_coroutine(f) coroutine.wrap(f)() end

local function send(name)
  os.execute(("kill -%s %d"):format(name, sockeye.getpid()))
end

describe("tick", function()
  descriptors.guard()

  -- A spec of two sockets, whose handlers are gone afterwards.
  local function with_sockets(f)
    return function()
      local a <close>, b = sockets.unix()
      local ok, err = pcall(f, a, b)
      sockeye.signal("USR1", "default")
      sockeye.signal("USR2", "default")
      b:close()
      if not ok then error(err, 0) end
    end
  end

  it("continues until the handler has run", with_sockets(function(a, b)
    sockeye.signal("USR1", function() b:send("x") end)
    in_coroutine(function()
      send "USR1"
      -- Several ticks come while this computes.
      local enough = sockeye.now() + 0.1
      repeat until sockeye.now() > enough
      assert.equal("x", a:recv(1))
    end)
  end))

  it("does not call the handler twice", with_sockets(function(a, b)
    local calls = 0
    sockeye.signal("USR1", function()
      calls = calls + 1
      b:send("x")
    end)
    in_coroutine(function()
      send "USR1"
      a:recv(1)
    end)
    sockeye.sleep(0.1)
    assert.equal(1, calls)
  end))

  it("is separate for each signal", with_sockets(function(a, b)
    local seen = {}
    local function note(name)
      seen[name] = true
      b:send("x")
    end
    sockeye.signal("USR1", note)
    sockeye.signal("USR2", note)
    in_coroutine(function()
      send "USR1"
      send "USR2"
      assert.equal("xx", a:recv(2, "waitall"))
    end)
    assert.same({ SIGUSR1 = true, SIGUSR2 = true }, seen)
  end))

  it("is a timer that lives as long as the handler", function()
    local before = timers()
    if not before then return pending("/proc/self/timers is unavailable") end
    sockeye.signal("USR1", print)
    sockeye.signal("USR1", error)
    local one = timers()
    sockeye.signal("USR2", print)
    local two = timers()
    sockeye.signal("USR1", "ignore")
    sockeye.signal("USR2", "default")
    sockeye.signal("USR1", "default")
    assert.equal(before + 1, one)
    assert.equal(before + 2, two)
    assert.equal(before, timers())
  end)

  it("is separate in a forked child", with_sockets(function(a, b)
    sockeye.signal("USR1", function() b:send("x") end)
    fork.reap(fork.child(function()
      in_coroutine(function()
        send "USR1"
        assert(a:recv(1) == "x")
      end)
    end))
  end))

  it("is not needed if the system has no timer left", function()
    local available, reason = process.available "prlimit"
    if not available then return pending(reason) end
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local calls = 0
      sockeye.signal("USR1", function() calls = calls + 1 end)
      local file <close> = io.open "/proc/self/timers"
      sockeye.kill(sockeye.getpid(), "USR1")
      sockeye.signal("USR1", "default")
      print(calls, file and file:read "a" or "")
    ]], { prefix = { "prlimit", "--sigpending=0" } })
    assert.equal("", result.stderr)
    assert.equal("1\t\n", result.stdout)
  end)
end)
