local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local self <const> = sockeye.getpid()

-- Sets handlers for the time of f.
local function with_handlers(handlers, f)
  local before = {}
  for name, handler in pairs(handlers) do
    before[name] = sockeye.signal(name, handler)
  end
  local ok, err = pcall(f)
  for name, handler in pairs(before) do sockeye.signal(name, handler) end
  if not ok then error(err, 0) end
end

-- Both have come before either is handled: os.execute goes on after EINTR.
local function send_both()
  os.execute(("kill -USR1 %d; kill -USR2 %d"):format(self, self))
end

describe("signal", function()
  descriptors.guard()

  it("calls the handler with the name and the number", function()
    local calls = {}
    local function handler(...) table.insert(calls, { ... }) end
    with_handlers({ USR1 = handler }, function()
      sockeye.kill(self, "USR1")
      sockeye.kill(self, sockeye.SIGUSR1)
    end)
    assert.are.same({ { "SIGUSR1", sockeye.SIGUSR1 },
                      { "SIGUSR1", sockeye.SIGUSR1 } }, calls)
  end)

  it("calls the handler of a signal without a name", function()
    local name, number
    with_handlers({ [50] = function(...) name, number = ... end }, function()
      sockeye.kill(self, 50)
    end)
    assert.are.equal(50, name)
    assert.are.equal(50, number)
  end)

  it("returns the handler before, which can be put back", function()
    local function first() end
    local function second() end
    assert.are.equal("default", sockeye.signal("USR1", first))
    assert.are.equal(first, sockeye.signal("USR1", second))
    assert.are.equal(second, sockeye.signal("USR1"))
    assert.are.equal(second, sockeye.signal("USR1", "ignore"))
    sockeye.kill(self, "USR1")
    assert.are.equal("ignore", sockeye.signal("USR1", "default"))
    assert.are.equal("default", sockeye.signal("USR1", nil))
    assert.are.equal("default", sockeye.signal("USR1", first))
    assert.are.equal(first, sockeye.signal("USR1", "original"))
    assert.are.equal("default", sockeye.signal("USR1"))
  end)

  it("keeps the handler of the lua command for SIGINT", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local original = sockeye.signal("INT", print)
      print(original)
      sockeye.kill(sockeye.getpid(), "INT")
      sockeye.signal("INT", original)
      print(sockeye.signal("INT"))
      print(select(2, pcall(sockeye.kill, sockeye.getpid(), "INT")))
    ]]
    assert.are.equal("original\nSIGINT\t2\noriginal\ninterrupted!\n",
                     result.stdout)
  end)

  for _, name in ipairs { "SIGTERM", "sigterm", "TERM", "term" } do
    it("takes the name " .. name, function()
      assert.are.equal("default", sockeye.signal(name))
    end)
  end

  for what, case in pairs {
    ["an unknown signal"] = { "did you mean 'term'", "TRM" },
    ["number 0"] = { "#1", 0 },
    ["a number beyond all signals"] = { "#1", 1000 },
    ["a negative number"] = { "#1", -1 },
    ["no signal"] = { "#1" },
    ["an unknown handler"] = { "did you mean 'ignore'", "TERM", "ignored" },
    ["a number as handler"] = { "#2", "TERM", 1 },
    ["a table as handler"] = { "#2", "TERM", {} },
    ["a handler of SIGSEGV"] = { "#2", "SEGV", print },
    ["a handler of SIGBUS"] = { "#2", "BUS", print },
    ["a handler of SIGFPE"] = { "#2", "FPE", print },
    ["a handler of SIGILL"] = { "#2", "ILL", print },
  } do
    it("rejects " .. what, function()
      errors.rejected(case[1], sockeye.signal, case[2], case[3])
    end)
  end

  for _, name in ipairs { "KILL", "STOP" } do
    it("cannot handle SIG" .. name, function()
      for _, handler in ipairs { print, "ignore" } do
        local err = errors.raised("EINVAL", "signal", sockeye.signal, name,
                                  handler)
        assert.are.equal(name, err.subject)
      end
      assert.are.equal("default", sockeye.signal(name))
    end)
  end

  it("rejects the signals that the C library reserves", function()
    errors.raised("EINVAL", "signal", sockeye.signal, 32)
    errors.raised("EINVAL", "signal", sockeye.signal, 32, print)
  end)

  it("has the numbers in the module", function()
    assert.are.equal(9, sockeye.SIGKILL)
    assert.are.equal(2, sockeye.SIGINT)
  end)
end)

describe("a handler", function()
  descriptors.guard()

  it("runs while the script computes", function()
    local caught = false
    with_handlers({ USR1 = function() caught = true end }, function()
      os.execute("kill -USR1 " .. self)
      local deadline = sockeye.now() + 20
      while not caught and sockeye.now() < deadline do end
    end)
    assert.is_true(caught)
  end)

  it("runs before kill returns, in a coroutine too", function()
    local caught = 0
    with_handlers({ USR1 = function() caught = caught + 1 end }, function()
      coroutine.wrap(function()
        sockeye.kill(self, "USR1")
        assert.are.equal(1, caught)
      end)()
    end)
  end)

  -- The signal comes, and only then the call begins to wait.
  it("runs during a call that began to wait after the signal", function()
    local a, b = sockeye.socketpair()
    local result
    with_handlers({ USR1 = function() b:send("x") end }, function()
      coroutine.wrap(function()
        os.execute("kill -USR1 " .. self)
        result = a:recv(1)
      end)()
    end)
    assert.are.equal("x", result)
    a:close()
    b:close()
  end)

  it("that raises makes the interrupted call raise", function()
    local reason = {}
    with_handlers({ USR1 = function() error(reason) end }, function()
      local ok, err = pcall(function() sockeye.kill(self, "USR1") end)
      assert.is_false(ok)
      assert.are.equal(reason, err)
      ok, err = pcall(function()
        os.execute("kill -USR1 " .. self)
        return true
      end)
      assert.is_false(ok)
      assert.are.equal(reason, err)
    end)
  end)

  it("is called in the order of signal numbers", function()
    local calls = {}
    local function note(name) table.insert(calls, name) end
    with_handlers({ USR1 = note, USR2 = note }, function()
      send_both()
    end)
    assert.are.same({ "SIGUSR1", "SIGUSR2" }, calls)
  end)

  it("is called even though another has raised", function()
    local caught = false
    with_handlers({
      USR1 = function() error("first") end,
      USR2 = function() caught = true end,
    }, function()
      local ok, err = pcall(function() send_both() end)
      assert.is_false(ok)
      assert.is_truthy(tostring(err):find "first")
    end)
    assert.is_true(caught)
  end)

  it("is called later if another raised in a coroutine", function()
    local a, b = sockeye.socketpair()
    a:settimeout(20)
    with_handlers({
      USR1 = function() error("first") end,
      USR2 = function() b:send("x") end,
    }, function()
      local lost = coroutine.create(function()
        send_both()
        sockeye.sleep(20)
      end)
      assert.is_false(coroutine.resume(lost))
      coroutine.wrap(function() assert.are.equal("x", a:recv(1)) end)()
    end)
    a:close()
    b:close()
  end)

  it("can be replaced, and removed, by itself", function()
    local calls = {}
    local function second()
      table.insert(calls, "second")
      sockeye.signal("USR1", "ignore")
    end
    with_handlers({
      USR1 = function()
        table.insert(calls, "first")
        sockeye.signal("USR1", second)
      end,
    }, function()
      for _ = 1, 3 do sockeye.kill(self, "USR1") end
    end)
    assert.are.same({ "first", "second" }, calls)
  end)

  it("leaves a debugger's hook in place", function()
    local function hook() end
    local function set() debug.sethook(hook, "r") end
    local caught = 0
    local before = table.pack(debug.gethook())
    with_handlers({ USR1 = function() caught = caught + 1 end }, function()
      set()
      os.execute("kill -USR1 " .. self)
      local between = debug.gethook()
      sockeye.kill(self, "USR1")
      local after, mask = debug.gethook()
      debug.sethook(table.unpack(before, 1, 3))
      assert.are.equal(hook, between)
      assert.are.equal(hook, after)
      assert.are.equal("r", mask)
    end)
    assert.are.equal(2, caught)
  end)

  it("stays in a forked child, which catches signals of its own", function()
    local a, b = sockeye.socketpair()
    local caught = 0
    local function handler()
      caught = caught + 1
      b:send("x")
    end
    with_handlers({ USR1 = handler }, function()
      fork.reap(fork.child(function()
        a:settimeout(20)
        coroutine.wrap(function()
          os.execute("kill -USR1 " .. sockeye.getpid())
          assert(a:recv(1) == "x")
        end)()
        sockeye.kill(sockeye.getpid(), "USR1")
        assert(caught == 2)
      end))
    end)
    assert.are.equal(0, caught)
    a:close()
    b:close()
  end)

  it("does not run in a child for its parent's signals", function()
    local calls = {}
    local function note() table.insert(calls, sockeye.getpid()) end
    local child
    with_handlers({
      USR1 = function()
        child = fork.child(function()
          local before = #calls
          sockeye.kill(sockeye.getpid(), "ALRM")
          assert(#calls == before)
        end)
      end,
      USR2 = note,
      ALRM = function() end,
    }, send_both)
    fork.reap(child)
    assert.are.same({ self }, calls)
  end)

  it("is not inherited by another program", function()
    local out = fork.output(function()
      sockeye.signal("USR1", function() end)
      sockeye.signal("USR2", "ignore")
      sockeye.execv("/bin/sh", { "sh", "-c",
        "kill -USR2 $$; echo one; kill -USR1 $$; echo two" })
    end)
    assert.are.equal("one\n", out)
  end)
end)

describe("the end of the Lua state", function()
  it("restores the actions that handlers replaced", function()
    local result = process.lua_script [[
      local late = setmetatable({}, {__gc = function(t)
        print(t.sockeye.signal("USR1"))
        print((select(2, pcall(t.sockeye.signal, "USR1", print))))
        io.stdout:flush()
        t.sockeye.kill(t.sockeye.getpid(), "USR1")
        print "not reached"
      end})
      late.sockeye = require "sockeye"
      late.sockeye.signal("USR1", print)
      os.exit(0, true)
    ]]
    assert.are.equal("default\nthis Lua state is about to end\n",
                     result.stdout)
    assert.is_true(result.signal == sockeye.SIGUSR1 or
                   result.status == 128 + sockeye.SIGUSR1)
  end)
end)

describe("a host's signal mask", function()
  local mask = assert(package.loadlib("./build/spec/mask.so",
                                      "luaopen_mask"))()

  it("does not keep kill from running the handler before it returns",
     function()
    fork.reap(fork.child(function()
      local calls = 0
      sockeye.signal("SIGUSR1", function() calls = calls + 1 end)
      mask.block(sockeye.SIGUSR1)
      sockeye.kill(sockeye.getpid(), "SIGUSR1")
      assert(calls == 1)
      sockeye.run(function() sockeye.kill(sockeye.getpid(), "SIGUSR1") end)
      assert(calls == 2)
      mask.unblock(sockeye.SIGUSR1)
    end))
  end)

  it("does not let a caught signal reach a state that is closed", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local mask = package.loadlib("./build/spec/mask.so", "luaopen_mask")()
      for _ = 1, 8 do
        local err = mask.close_with_pending([=[
          local sockeye = require "sockeye"
          sockeye.signal("SIGUSR1", function() end)
        ]=], sockeye.SIGUSR1)
        assert(err == nil, err)
      end
    ]]
    assert.same({ "", 0 }, { result.stderr, result.status })
  end)
end)
