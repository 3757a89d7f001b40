local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"
local programs = require "spec.support.process"

local process <const> = sockeye.process

-- How many are started one after the other. Where a checker copies the whole
-- process each time, a tenth.
local many <const> = os.getenv "SOCKEYE_CHECKED" and 100 or 1000

-- The signal masks of a process: name -> 16 or more hexadecimal digits.
local function masks(text)
  local list = {}
  for name, mask in text:gmatch "(Sig%a+):%s*(%x+)" do
    if name ~= "SigQ" then list[name] = tonumber(mask, 16) end
  end
  return list
end

local function own_masks()
  local file <close> = assert(io.open "/proc/self/status")
  return masks(file:read "a")
end

local function bit(name) return 1 << sockeye[name] - 1 end

local function child_masks()
  -- Nothing is preloaded, which could have handlers of its own.
  local p <close> = process { "cat", "/proc/self/status", stdout = "pipe",
                              env = {} }
  return masks(p.stdout:read "a")
end

describe("the child of a process", function()
  descriptors.guard()

  it("has no signal blocked, and the usual actions for handled ones",
     function()
    local before = {
      sockeye.signal("USR1", function() end),
      sockeye.signal("USR2", "ignore"),
    }
    local child = child_masks()
    assert.equal(0, child.SigBlk)
    assert.equal(0, child.SigCgt)
    assert.equal(bit "SIGUSR2", child.SigIgn & (bit "SIGUSR1" | bit "SIGUSR2"))
    sockeye.signal("USR1", before[1])
    sockeye.signal("USR2", before[2])
  end)

  it("has no signal blocked where this process blocks one", function()
    local mask <const> = assert(package.loadlib("./build/spec/mask.so",
                                                "luaopen_mask"))()
    mask.block(sockeye.SIGUSR1)
    local child = child_masks()
    local own = own_masks()
    mask.unblock(sockeye.SIGUSR1)
    assert.equal(0, child.SigBlk)
    assert.equal(bit "SIGUSR1", own.SigBlk & bit "SIGUSR1")
  end)

  it("has the usual action for SIGPIPE, also where that is ignored",
     function()
    local before = sockeye.signal("PIPE", "ignore")
    local child = child_masks()
    assert.equal(bit "SIGPIPE", own_masks().SigIgn & bit "SIGPIPE")
    sockeye.signal("PIPE", before)
    assert.equal(0, child.SigIgn & bit "SIGPIPE")
  end)

  it("changes neither mask nor actions of this process", function()
    local before = own_masks()
    process({ "true" }):wait()
    pcall(process, { "/nosuch" })
    pcall(process, { "true", cwd = "/nosuch" })
    assert.same(before, own_masks())
  end)

  it("leaves a handler in place, which runs here alone", function()
    local came = 0
    local before = sockeye.signal("USR1", function() came = came + 1 end)
    process({ "true" }):wait()
    sockeye.kill(sockeye.getpid(), "USR1")
    sockeye.sleep(0)
    assert.equal(1, came)
    local p <close> = process { "sleep", 1000 }
    p:kill "USR1"
    assert.same({ "signal", sockeye.SIGUSR1 }, { p:wait() })
    assert.equal(1, came)
    sockeye.signal("USR1", before)
  end)

  it("runs no <close> variable, finalizer or exit function of this process",
     function()
    local result = programs.lua_script [[
      local sockeye = require "sockeye"
      io.stdout:setvbuf "full"
      io.write "buffered once\n"
      local say = setmetatable({}, { __close = function() print "closed" end,
                                     __gc = function() print "collected" end })
      do
        local _ <close> = say
        local ok, err = pcall(sockeye.process, { "/nosuch" })
        assert(not ok and err.code == "ENOENT")
        sockeye.process({ "true" }):wait()
      end
      say = nil
    ]]
    assert.equal("buffered once\nclosed\ncollected\n", result.stdout)
  end)

  for _, poller in ipairs(loops.pollers) do
    it("is one of a thousand, of which nothing is left, by " .. poller,
       function()
      local before = descriptors.count()
      sockeye.run({ poller = poller }, function()
        local left, ended, tasks = many, 0, {}
        for i = 1, 20 do
          tasks[i] = sockeye.spawn(function()
            while left > 0 do
              left = left - 1
              local p <close> = process { "echo", "x", stdin = "null",
                                          stdout = "pipe" }
              assert(p.stdout:read "a" == "x\n")
              local how, number = p:wait()
              if how == "exit" and number == 0 then ended = ended + 1 end
            end
          end)
        end
        for _, t in ipairs(tasks) do t:join() end
        assert.equal(many, ended)
      end)
      errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
      collectgarbage()
      collectgarbage()
      assert.equal(before, descriptors.count())
    end)
  end

  it("may fail to start a thousand times, of which nothing is left",
     function()
    local before = descriptors.count()
    for _ = 1, many do
      pcall(process, { "/nosuch", stdin = "pipe", stdout = "pipe" })
    end
    assert.equal(before, descriptors.count())
    errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
  end)

  it("does not keep what its parent closes registered", function()
    sockeye.run({ poller = "epoll" }, function()
      local a, b = sockeye.socketpair()
      local p <close> = process { "sleep", 1000, stdin = a }
      pcall(sockeye.timeout, 0.01, a.recv, a, 1)
      local number <const> = a:fd()
      a:close()
      local c <close>, d = sockeye.socketpair()
      b:send "for nobody"
      d:send "x"
      assert.equal("x", c:recv(10))
      assert.is_true(c:fd() == number or d:fd() == number)
      b:close()
      d:close()
      p:kill "KILL"
    end)
  end)
end)
