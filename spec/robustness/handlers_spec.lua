-- Signal handlers in Lua beside calls that block, outside of tasks.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"
local resolver = require "spec.support.resolver"
local trace = require "spec.support.trace"

local soon <const> = 0.1 -- seconds

describe("a handler in Lua", function()
  descriptors.guard()

  it("runs soon during each call that blocks", function()
    local result = process.run(
      { process.lua, "spec/support/handled.lua" }, { timeout = 60 })
    local count = 0
    assert.equal("", result.stderr)
    for name, seconds in result.stdout:gmatch "([^\n]+)\t([^\n]+)\n" do
      count = count + 1
      assert.is_true(tonumber(seconds) < soon, name .. ": " .. seconds)
    end
    assert.equal(0, result.status)
    assert.is_true(count >= 38, "all calls were made: " .. count)
  end)

  it("runs during a look-up", function()
    assert.equal("handled\n127.0.0.1:80\n", resolver.printed [[
      local parent = sockeye.getpid()
      sockeye.signal("USR1", function()
        print("handled")
        open()
      end)
      local pid = sockeye.fork()
      if pid == 0 then
        questions(1)
        sockeye.kill(parent, "USR1")
        sockeye._exit(0)
      end
      print(found(name))
    ]])
  end)

  it("leaves Lua's own io alone", function()
    local calls = 0
    local before = sockeye.signal("USR1", function() calls = calls + 1 end)
    local parent <const> = sockeye.getpid()
    local r, w = sockeye.pipe()
    local pid = fork.child(function()
      r:close()
      for _ = 1, 3 do
        fork.await(parent, "S")
        sockeye.kill(parent, "USR1")
        sockeye.sleep(0.002)
      end
      w:write "text"
    end)
    w:close()
    local file <close> = io.open("/dev/fd/" .. r:fd())
    r:close()
    assert.equal("text", file:read "a")
    assert.is_true(calls > 0)
    sockeye.signal("USR1", before)
    fork.reap(pid)
  end)

  it("leaves the limits that the kernel keeps in force", function()
    local before = sockeye.signal("USR1", function() end)
    local a, b = sockeye.socketpair()
    a:setsockopt("SO_RCVTIMEO", 0.01):setsockopt("SO_SNDTIMEO", 0.01)
    errors.raised("EAGAIN", "recv", a.recv, a, 1)
    errors.raised("EAGAIN", "sendall", a.sendall, a, ("x"):rep(1 << 22))
    a:settimeout(0.01)
    assert.is_true(errors.raised("ETIMEDOUT", "recv", a.recv, a, 1).timeout)
    sockeye.signal("USR1", before)
    a:close()
    b:close()
  end)
end)

-- The calls that a byte takes from one end to the other.
local script <const> = [[
  local sockeye = require "sockeye"
  local a, b = sockeye.socketpair()
  local function talk()
    sockeye.getppid()
    a:send "x"
    b:recv(1)
    sockeye.getppid()
  end
  talk()
  sockeye.signal("USR1", function() end)
  talk()
  sockeye.signal("USR1", "default")
  talk()
  sockeye.run(function()
    for _ in sockeye.signals "USR1" do break end
  end)
  talk()
]]

describe("send and recv #ptrace", function()
  local can, reason = trace.available()
  if not can then
    pending(("are one system call each (%s)"):format(reason))
    return
  end

  it("are one system call each, before, with and after a handler", function()
    local text = trace.calls("all", (script:gsub("for _ in (.-) end",
      "sockeye.spawn(function() sockeye.kill(sockeye.getpid(), 'USR1') end) " ..
      "for _ in %1 end")))
    local pieces = {}
    for piece in (text .. "getppid("):gmatch "(.-)getppid%(" do
      pieces[#pieces + 1] = piece
    end
    assert.equal(9, #pieces)
    for i = 2, 8, 2 do
      local names = {}
      for name in pieces[i]:gmatch "\n%d* *([%l%d_]+)%(" do
        names[#names + 1] = name
      end
      assert.same({ "sendto", "recvfrom" }, names)
    end
  end)
end)
