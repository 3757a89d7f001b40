local sockeye = require "sockeye"

local fork = require "spec.support.fork"
local mask = assert(package.loadlib("./build/spec/mask.so", "luaopen_mask"))()
local process = require "spec.support.process"
local threads = require "spec.support.threads"

local number <const> = sockeye.SIGUSR1

-- How a child ends that runs f.
local function ending(f)
  local _, how, status = sockeye.waitpid(fork.child(f))
  return how .. " " .. status
end

-- What is set instead.
local changes = {
  ["the default"] = "default",
  ["what was before"] = "original",
  ["being ignored"] = "ignore",
  ["another handler"] = function() error "the other handler ran" end,
}

describe("a signal that has come before its handler is replaced", function()
  for name, change in pairs(changes) do
    it("in a coroutine is handled before " .. name, function()
      assert.equal("exit 0", ending(function()
        local calls = 0
        sockeye.signal(number, function() calls = calls + 1 end)
        coroutine.wrap(function()
          -- No handler runs here, where nothing waits.
          mask.receive(number)
          os.execute(("kill -USR1 %d"):format(sockeye.getpid()))
          sockeye.signal(number, change)
          assert(calls == 1)
        end)()
        assert(calls == 1)
      end))
    end)

    it("and was sent on from another thread is handled before " .. name,
       function()
      assert.equal("exit 0", ending(function()
        local calls = 0
        sockeye.signal(number, function() calls = calls + 1 end)
        mask.block(number)
        mask.receive(number)
        assert(calls == 0)
        sockeye.signal(number, change)
        assert(calls == 1)
        mask.unblock(number)
        assert(calls == 1)
      end))
    end)
  end

  it("raises its handler's error where it is replaced", function()
    assert.equal("exit 0", ending(function()
      sockeye.signal(number, function() error("reason", 0) end)
      mask.block(number)
      mask.receive(number)
      local ok, err = pcall(sockeye.signal, number, "default")
      assert(not ok and err == "reason")
      assert(sockeye.signal(number) == "default")
    end))
  end)
end)

it("a signal that has not yet come has the new action", function()
  assert.equal("signal " .. number, ending(function()
    sockeye.signal(number, function() end)
    mask.block(number)
    os.execute(("kill -USR1 %d"):format(sockeye.getpid()))
    sockeye.signal(number, "default")
    mask.unblock(number)
  end))
end)

describe("kill to a process group", function()
  -- A thread that is not the first: the kernel gives the signal to that.
  local script <const> = [[
    local threads = require "spec.support.threads"
    local err = threads.start(%q)()
    assert(err == nil, err)
    io.write "done"
  ]]
  local body <const> = [[
    local sockeye = require "sockeye"
    local calls = 0
    sockeye.signal("USR1", function() calls = calls + 1 end)
    for i = 1, 100 do
      sockeye.kill(%s, "USR1")
      assert(calls == i, calls)
    end
  ]]

  for name, group in pairs { ["0"] = "0",
                             ["its number"] = "-sockeye.getpid()" } do
    it("runs the handler in this process first, by " .. name, function()
      local result = process.lua_script(script:format(body:format(group)),
                                        { prefix = { "setsid", "-w" } })
      assert.same({ "done", "" }, { result.stdout, result.stderr })
    end)
  end
end)

describe("the handlers of a Lua state that goes to another thread", function()
  local begin <const> = [[
    sockeye = require "sockeye"
    calls = 0
    sockeye.signal("USR1", function() calls = calls + 1 end)
  ]]

  for name, script in pairs {
    kill = [[sockeye.kill(sockeye.getpid(), "USR1")]],
    run = [[
      local r, w = sockeye.pipe()
      sockeye.run(function()
        os.execute(("kill -USR1 %d"):format(sockeye.getpid()))
        for _ = 1, 1000 do
          sockeye.sleep(0.001)
          if calls > 0 then break end
        end
      end)
      r:close()
      w:close()
    ]],
  } do
    it("run there after " .. name, function()
      assert.equal("exit 0", ending(function()
        local state = threads.state()
        assert(state:start(begin)() == nil)
        local err = state:start(script .. " assert(calls == 1, calls)")()
        assert(err == nil, err)
        assert(state:start_close()() == nil)
        assert(sockeye.signal("USR1") == "default")
      end))
    end)
  end

  it("run although the thread that set them has ended", function()
    assert.equal("exit 0", ending(function()
      local state = threads.state()
      assert(state:start(begin)() == nil)
      mask.receive(number)
      local err = state:start [[
        sockeye.run(sockeye.sleep, 0.001)
        assert(calls == 1, calls)
      ]]()
      assert(err == nil, err)
      state:close()
    end))
  end)
end)

it("one Lua state at a time has handlers", function()
  assert.equal("exit 0", ending(function()
    local claims <const> = [[
      local sockeye = require "sockeye"
      local ok, err = pcall(sockeye.signal, "USR1", function() end)
      assert(ok or err:find "another Lua state", err)
      sockeye.kill(sockeye.getpid(), 0)
    ]]
    for _ = 1, 50 do
      local joins = {}
      for i = 1, 3 do joins[i] = threads.start(claims) end
      for i = 1, 3 do
        local err = joins[i]()
        assert(err == nil, err)
      end
    end
    assert(sockeye.signal("USR1") == "default")
  end))
end)
