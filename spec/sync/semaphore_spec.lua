local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local loops = require "spec.support.loops"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local semaphore = sockeye.semaphore

describe("a semaphore", function()
  it("lets as many tasks in as it has permits", function()
    run(function()
      local s, inside, most = semaphore(3), 0, 0
      sockeye.group(function(g)
        for _ = 1, 12 do
          g:spawn(function()
            local _ <close> = s:acquire()
            inside = inside + 1
            most = math.max(most, inside)
            sleep(0.001)
            inside = inside - 1
          end)
        end
      end)
      assert.equal(3, most)
      assert.equal("semaphore(3 free, 0 waiting)", tostring(s))
    end)
  end)

  it("gives a permit back where its holder fails", function()
    run(function()
      local s = semaphore(1)
      local t = spawn(function()
        local _ <close> = s:acquire()
        error "failure"
      end)
      pcall(t.join, t)
      s:acquire(0)
      assert.equal("semaphore(0 free, 0 waiting)", tostring(s))
    end)
  end)

  it("gives a permit to the task that has waited longest", function()
    run(function()
      local s, order = semaphore(0), {}
      for i = 1, 4 do
        spawn(function()
          s:acquire()
          order[#order + 1] = i
        end)
      end
      sockeye.yield()
      assert.equal("semaphore(0 free, 4 waiting)", tostring(s))
      s:release()
      errors.raised("ETIMEDOUT", "acquire", s.acquire, s, 0)
      for _ = 1, 3 do s:release() end
      sockeye.yield()
      assert.same({ 1, 2, 3, 4 }, order)
    end)
  end)

  it("may be released by another task, and more often than acquired",
     function()
    local s = semaphore(0)
    assert.equal(s, s:release():release())
    assert.equal(s, s:acquire():acquire())
    errors.raised("ETIMEDOUT", "acquire", s.acquire, s, 0)
  end)

  it("gives nothing to a task that was cancelled before", function()
    run(function()
      local s = semaphore(0)
      local t, other = spawn(s.acquire, s), spawn(s.acquire, s)
      sockeye.yield()
      t:cancel()
      s:release()
      other:join()
      errors.raised("ECANCELED", "join", t.join, t)
    end)
  end)

  it("lets a task keep the permit that is cancelled after", function()
    run(function()
      local s = semaphore(0)
      local t = spawn(function()
        local _ <close> = s:acquire()
        sleep(1)
      end)
      sockeye.yield()
      s:release()
      t:cancel()
      errors.raised("ECANCELED", "join", t.join, t)
      s:acquire(0)
    end)
  end)

  it("takes back what a task has not seen whose loop is closed", function()
    local s = semaphore(0)
    local loop = sockeye.loop(function() s:acquire() end)
    local mine <close> = sockeye.loop(function()
      s:acquire()
      return "acquired"
    end)
    loop:step()
    mine:step()
    s:release()
    loop:close()
    assert.equal("acquired", loops.step_all(mine)[1])
    loop = sockeye.loop(function() s:acquire() end)
    loop:step()
    s:release()
    loop:close()
    s:acquire(0)
  end)

  it("takes back what a coroutine has not seen that was closed", function()
    run(function()
      local s = semaphore(0)
      local inner = coroutine.create(function() s:acquire() end)
      local t = spawn(function()
        sockeye.resume(inner)
        sleep(0)
      end)
      sockeye.yield()
      s:release()
      coroutine.close(inner)
      t:join()
      s:acquire(0)
      assert.equal("semaphore(0 free, 0 waiting)", tostring(s))
    end)
  end)

  it("rejects what is no number of permits", function()
    for _, n in ipairs { -1, 1.5, "x", {} } do
      errors.rejected("bad argument #1 to 'sockeye.semaphore'", semaphore, n)
    end
    errors.rejected("sockeye.Semaphore expected", semaphore(1).release, {})
  end)
end)
