local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"

local thread = require "spec.support.threads"

-- Whether a task runs in this thread.
local function in_task() return (pcall(sockeye.yield)) end

-- Starts a script that has the same function.
local function start(script, ...)
  return thread.start([[
    local sockeye = require "sockeye"
    local function in_task() return (pcall(sockeye.yield)) end
  ]] .. script:format(...))
end

describe("the running task", function()
  descriptors.guard()

  it("is one of the loop that is stepped, then of the loop around it",
     function()
    local inner = sockeye.loop(function()
      sockeye.sleep(0.002)
      assert.is_true(in_task())
    end)
    sockeye.run(function()
      while inner:step(0.01) do assert.is_true(in_task()) end
      assert.is_true(in_task())
    end)
    assert.is_false(in_task())
  end)

  it("is none after a loop that raised", function()
    assert.is_false(pcall(sockeye.run, error, "reason"))
    assert.is_false(in_task())
    local loop = sockeye.loop(error, "reason")
    assert.is_false(pcall(loop.step, loop))
    assert.is_false(in_task())
  end)

  it("is none in another thread", function()
    sockeye.run(function()
      local join = start [[
        assert(not in_task())
        sockeye.run(function()
          sockeye.sleep(0.001)
          assert(in_task())
        end)
        assert(not in_task())
      ]]
      assert.is_nil(join())
      assert.is_true(in_task())
    end)
    assert.is_false(in_task())
  end)

  it("is none here while another thread has one", function()
    local there, go = sockeye.pipe()
    local here, come = sockeye.pipe()
    -- Its task blocks the thread: reading a file does not yield.
    local join = start([[
      sockeye.run(function()
        local go = assert(io.open("/dev/fd/%d", "r"))
        local come = assert(io.open("/dev/fd/%d", "w"))
        come:write("x"):close()
        assert(go:read(1) == "y")
        go:close()
        assert(in_task())
      end)
    ]], there:fd(), come:fd())
    assert.equal("x", here:read(1))
    assert.is_false(in_task())
    sockeye.run(function() assert.is_true(in_task()) end)
    go:write("y")
    assert.is_nil(join())
    for _, pipe in ipairs { there, go, here, come } do pipe:close() end
  end)

  it("waits while that of another thread runs, and the other way round",
     function()
    local a <close>, b = sockeye.socketpair()
    local join = start([[
      local b <close> = sockeye.adopt(%d)
      sockeye.run(function()
        for data in function() return b:recv(100) end do b:sendall(data) end
      end)
    ]], b:detach())
    sockeye.run(function()
      for i = 1, 200 do
        local text = ("%3d"):format(i)
        a:sendall(text)
        assert.equal(text, a:recv(3, "waitall"))
      end
      a:shutdown("wr")
    end)
    assert.is_nil(join())
  end)
end)
