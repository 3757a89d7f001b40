local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"

local function here()
  return ("spec/task/describe_spec.lua:%d"):format(
    debug.getinfo(2, "l").currentline)
end

describe("the text of a task", function()
  descriptors.guard()

  it("has its state, the call it waits in, and where it was spawned",
    function()
      sockeye.run(function()
        local a, b = sockeye.socketpair()
        local _ <close> = a
        local _ <close> = b
        local t, line = sockeye.spawn(function() b:recv(1) end), here()
        local function expect(text)
          assert.equal(("task (%s, spawned at %s)"):format(text, line),
                       tostring(t))
        end
        expect "ready"
        sockeye.yield()
        expect "waiting in recv"
        a:send "x"
        t:join()
        expect "done"
      end)
    end)

  it("tells how it has ended", function()
    sockeye.run(function()
      local failed = sockeye.spawn(error, "reason")
      pcall(failed.join, failed)
      assert.matches("^task %(failed, spawned at [^ ]+:%d+%)$",
                     tostring(failed))
      local t = sockeye.spawn(sockeye.sleep, 60)
      sockeye.yield()
      assert.matches("^task %(waiting in sleep, ", tostring(t))
      t:cancel()
      pcall(t.join, t)
      assert.matches("^task %(cancelled, ", tostring(t))
    end)
  end)

  it("of the task that runs says so", function()
    sockeye.run(function()
      local t
      t = sockeye.spawn(function() return tostring(t) end)
      assert.matches("^task %(running, ", t:join())
    end)
  end)

  it("is the same once the loop is gone", function()
    local t
    sockeye.run(function() t = sockeye.spawn(function() end) end)
    collectgarbage()
    assert.matches("^task %(done, spawned at ", tostring(t))
    local loop = sockeye.loop(function()
      t = sockeye.spawn(sockeye.sleep, 60)
    end)
    loop:step()
    loop:close()
    assert.matches("^task %(cancelled, spawned at ", tostring(t))
  end)
end)

describe("the text of a group", function()
  descriptors.guard()

  it("counts its tasks, and its daemons", function()
    sockeye.run(function()
      local kept
      sockeye.group(function(g)
        kept = g
        assert.equal("group (0 tasks)", tostring(g))
        g:spawn(sockeye.sleep, 60)
        assert.equal("group (1 task)", tostring(g))
        g:spawn(sockeye.sleep, 60)
        g:spawn_daemon(sockeye.sleep, 60)
        assert.equal("group (2 tasks, 1 daemon)", tostring(g))
        g:cancel()
        assert.equal("group (2 tasks, 1 daemon, cancelled)", tostring(g))
      end)
      assert.equal("group (ended)", tostring(kept))
    end)
  end)
end)

describe("the text of a loop", function()
  descriptors.guard()

  it("counts its tasks", function()
    local loop <close> = sockeye.loop(function()
      sockeye.spawn(sockeye.sleep, 60)
      sockeye.yield()
    end)
    assert.equal("loop (1 task)", tostring(loop))
    loop:step()
    assert.equal("loop (2 tasks)", tostring(loop))
    loop:close()
    assert.equal("loop (closed)", tostring(loop))
  end)
end)
