local sockeye = require "sockeye"

local fork = require "spec.support.fork"
local mask = assert(package.loadlib("./build/spec/mask.so", "luaopen_mask"))()
local process = require "spec.support.process"
local threads = require "spec.support.threads"

local signal <const>, self <const> = sockeye.signal, sockeye.getpid

-- How a child ends that runs f.
local function ending(f)
  local _, how, status = sockeye.waitpid(fork.child(f))
  return how .. " " .. status
end

-- For children: raises where the values differ, with the line.
local function same(wanted, found)
  if wanted ~= found then
    error(("%s is not %s"):format(tostring(found), tostring(wanted)), 2)
  end
end

local function handler() end

-- The signals that this process ignores, catches or leaves to the default, as
-- the system has them: the masks of /proc/self/status.
local function kernel(number)
  local found = "default"
  local bit <const> = 1 << (number - 1)
  for line in io.lines "/proc/self/status" do
    local name, digits = line:match "^(Sig%a+):%s*(%x+)$"
    if name == "SigIgn" and tonumber(digits, 16) & bit ~= 0 then
      found = "ignore"
    elseif name == "SigCgt" and tonumber(digits, 16) & bit ~= 0 then
      found = "handler"
    end
  end
  return found
end

-- valgrind catches every signal itself.
local function in_kernel(wanted, number)
  if os.getenv "SOCKEYE_CHECKED" == "valgrind" then return end
  same(wanted, kernel(number))
end

describe("the action of a signal", function()
  for _, before in ipairs { "default", "ignore" } do
    it(("that was %q before a handler is restored by \"original\"")
      :format(before), function()
      assert.equal("exit 0", ending(function()
        local number <const> = sockeye.SIGUSR1
        signal(number, before)
        in_kernel(before, number)
        same(before, signal(number, handler))
        in_kernel("handler", number)
        -- The action from before the first handler, not the last.
        same(handler, signal(number, print))
        same(print, signal(number, "original"))
        same(before, signal(number))
        in_kernel(before, number)
      end))
    end)
  end

  it("that takes a handler's place is the one from before the next", function()
    assert.equal("exit 0", ending(function()
      signal("USR1", handler)
      signal("USR1", "ignore")
      in_kernel("ignore", sockeye.SIGUSR1)
      signal("USR1", handler)
      same(handler, signal("USR1", "original"))
      in_kernel("ignore", sockeye.SIGUSR1)
    end))
  end)

  it("stays as it is where no handler was set", function()
    assert.equal("exit 0", ending(function()
      signal("USR1", "ignore")
      for _ = 1, 3 do
        same("ignore", signal("USR1", "original"))
        in_kernel("ignore", sockeye.SIGUSR1)
      end
      signal("USR1", "default")
      same("default", signal("USR1", "original"))
      in_kernel("default", sockeye.SIGUSR1)
    end))
  end)

  it("is each signal's own", function()
    assert.equal("exit 0", ending(function()
      signal("USR1", handler)
      signal("USR2", "ignore")
      signal("USR1", "original")
      in_kernel("default", sockeye.SIGUSR1)
      in_kernel("ignore", sockeye.SIGUSR2)
      in_kernel("default", sockeye.SIGTERM)
    end))
  end)

  it("has SA_RESTART and blocks no call of Lua's io", function()
    assert.equal("exit 0", ending(function()
      local came = 0
      signal("USR1", function() came = came + 1 end)
      local pipe <close> = assert(io.popen(
        ("sleep 0.02; kill -USR1 %d; sleep 0.02; echo line"):format(self())))
      same("line", pipe:read())
      same(1, came)
    end))
  end)

  -- What a script calls, during which a shell sends it signals, and the result.
  local calls = {
    ["io.popen and lines"] = { "line", function(shell)
      return shell("r", "echo line"):lines()()
    end },
    ["a pipe that is full"] = { "200000", function(shell)
      local name = os.tmpname()
      local pipe = shell("w", "wc -c >" .. name)
      pipe:setvbuf "no"
      assert(pipe:write(("x"):rep(200000)))
      pipe:close()
      local file <close> = assert(io.open(name))
      os.remove(name)
      return file:read "l":match "%d+"
    end },
    ["a FIFO that is opened"] = { "line", function(shell)
      local name = os.tmpname()
      os.remove(name)
      assert(os.execute("mkfifo " .. name))
      local _ <close> = shell("r", "echo line >" .. name)
      local file <close> = assert(io.open(name))
      os.remove(name)
      return file:read "l"
    end },
    ["os.execute"] = { true, function(_, signals)
      return (os.execute(signals))
    end },
  }
  for what, row in pairs(calls) do
    it("lets Lua's own calls go on: " .. what, function()
      assert.equal("exit 0", ending(function()
        local came = 0
        signal("USR1", function() came = came + 1 end)
        local signals = ("kill -USR1 %d; "):format(self()):rep(3)
        same(row[1], row[2](function(mode, command)
          return assert(io.popen(signals .. command, mode))
        end, signals))
        same(true, came > 0)
      end))
    end)
  end

  it("is the same in a child, which may change its own", function()
    assert.equal("exit 0", ending(function()
      signal("USR1", "ignore")
      signal("USR1", handler)
      same("exit 0", ending(function()
        in_kernel("handler", sockeye.SIGUSR1)
        same(handler, signal("USR1", "original"))
        in_kernel("ignore", sockeye.SIGUSR1)
      end))
      in_kernel("handler", sockeye.SIGUSR1)
    end))
  end)

  for _, name in ipairs { "KILL", "STOP" } do
    it("cannot be replaced for SIG" .. name, function()
      assert.equal("exit 0", ending(function()
        for _, change in ipairs { handler, "ignore" } do
          local ok, err = pcall(signal, name, change)
          assert(not ok and err.code == "EINVAL" and err.call == "signal")
        end
        same("default", signal(name))
      end))
    end)
  end
end)

describe("the end of the Lua state that handles signals", function()
  -- What is set when a state that set these handlers has been closed.
  local function after(script)
    local state = threads.state()
    same(nil, state:start(script)())
    same(nil, state:start_close()())
  end

  it("restores each action from before", function()
    assert.equal("exit 0", ending(function()
      signal("USR2", "ignore")
      after [[
        local signal = require "sockeye".signal
        signal("USR1", print)
        signal("USR2", print)
        signal("USR2", error)
        signal("TERM", print)
        signal("TERM", "ignore")
      ]]
      in_kernel("default", sockeye.SIGUSR1)
      in_kernel("ignore", sockeye.SIGUSR2)
      -- Nobody handles it when the state ends: it stays as it was set.
      in_kernel("ignore", sockeye.SIGTERM)
    end))
  end)

  it("drops a signal that was caught and is still to come", function()
    assert.equal("exit 0", ending(function()
      local number <const> = sockeye.SIGUSR1
      same(nil, mask.close_with_pending([[
        require "sockeye".signal("USR1", function() end)
      ]], number))
      in_kernel("default", number)
    end))
  end)

  it("leaves children to be waited for, though it handled SIGCHLD", function()
    assert.equal("exit 0", ending(function()
      local pid = fork.child(function() end)
      fork.await(pid, "Z")
      after [[require "sockeye".signal("CHLD", function() end)]]
      local found, how, status = sockeye.waitpid(pid)
      same(pid, found)
      same("exit 0", how .. " " .. status)
      in_kernel("default", sockeye.SIGCHLD)
    end))
  end)

  it("lets another state set handlers", function()
    assert.equal("exit 0", ending(function()
      after [[require "sockeye".signal("USR1", function() end)]]
      local came = 0
      signal("USR1", function() came = came + 1 end)
      sockeye.kill(self(), "USR1")
      same(1, came)
    end))
  end)
end)

describe("a signal that another Lua state handles", function()
  it("is refused, whatever is to become of it", function()
    assert.equal("exit 0", ending(function()
      local state = threads.state()
      same(nil, state:start [[
        require "sockeye".signal("USR1", function() end)
      ]]())
      for _, change in ipairs { handler, "default", "ignore", "original" } do
        local ok, err = pcall(signal, "USR1", change)
        assert(not ok and err:find "another Lua state", err)
      end
      in_kernel("handler", sockeye.SIGUSR1)
      -- One that it does not handle may still be ignored.
      same("default", signal("USR2", "ignore"))
      in_kernel("ignore", sockeye.SIGUSR2)
      state:close()
      in_kernel("default", sockeye.SIGUSR1)
      in_kernel("ignore", sockeye.SIGUSR2)
    end))
  end)
end)

describe("an action that is not the module's", function()
  it("is \"original\": that of the lua command for SIGINT", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      io.write(sockeye.signal("INT"), " ")
      sockeye.signal("INT", function() io.write "handled " end)
      sockeye.kill(sockeye.getpid(), "INT")
      sockeye.signal("INT", "original")
      io.write(sockeye.signal("INT"), " ")
      local ok, err = pcall(function()
        sockeye.kill(sockeye.getpid(), "INT")
        for _ = 1, 1e7 do end
      end)
      io.write(tostring(ok), " ", err:match "[^ ]*$")
    ]]
    assert.equal("original handled original false interrupted!",
                 result.stdout, result.stderr)
  end)
end)
