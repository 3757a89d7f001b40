local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group = sockeye.group

-- Runs f inside run, and gives what it raised.
local function failure(f, ...)
  local ok, err = pcall(run, f, ...)
  assert.is_false(ok)
  return err
end

describe("a group", function()
  descriptors.guard()

  it("ends when all of its tasks have", function()
    run(function()
      local ended = 0
      group(function(g)
        for i = 1, 5 do
          g:spawn(function(seconds)
            sleep(seconds)
            ended = ended + 1
          end, i / 1000)
        end
      end)
      assert.equal(5, ended)
    end)
  end)

  it("returns what its function does", function()
    assert.same({ 1, nil, 3, n = 3 }, table.pack(run(function()
      return group(function() return 1, nil, 3 end)
    end)))
  end)

  it("cancels the others when one fails, and raises its error", function()
    run(function()
      local codes = {}
      local ok, err = pcall(group, function(g)
        for _ = 1, 3 do
          g:spawn(function()
            local _, problem = pcall(sleep, 100)
            table.insert(codes, problem.code)
          end)
        end
        g:spawn(error, "reason", 0)
        local _, problem = pcall(sleep, 100)
        table.insert(codes, problem.code)
      end)
      assert.same({ false, "reason" }, { ok, err })
      assert.same({ "ECANCELED", "ECANCELED", "ECANCELED", "ECANCELED" },
                  codes)
      sleep(0)
    end)
  end)

  it("cancels its tasks when its function fails", function()
    run(function()
      local t
      local ok, err = pcall(group, function(g)
        t = g:spawn(sleep, 100)
        sockeye.yield()
        error("reason", 0)
      end)
      assert.same({ false, "reason" }, { ok, err })
      assert.equal("cancelled", t:status())
    end)
  end)

  it("raises the first error of several", function()
    run(function()
      local ok, err = pcall(group, function(g)
        g:spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function() error("second", 0) end,
          })
          sleep(100)
        end)
        g:spawn(function()
          sleep(0.001)
          error("first", 0)
        end)
      end)
      assert.same({ false, "first" }, { ok, err })
    end)
  end)

  it("does not cancel tasks outside when it fails", function()
    run(function()
      local other = spawn(function()
        sleep(0.002)
        return "alive"
      end)
      pcall(group, function(g) g:spawn(error, "reason") end)
      assert.equal("alive", other:join())
    end)
  end)

  it("owns the tasks that its tasks start", function()
    run(function()
      local ended
      group(function(g)
        g:spawn(function()
          spawn(function()
            sleep(0.001)
            spawn(function()
              sleep(0.001)
              ended = true
            end)
          end)
        end)
      end)
      assert.is_true(ended)
    end)
  end)

  it("is cancelled as a whole by the one that owns it", function()
    run(function()
      local closed = 0
      local t = spawn(function()
        group(function(g)
          for _ = 1, 3 do
            g:spawn(function()
              local _ <close> = setmetatable({}, {
                __close = function() closed = closed + 1 end,
              })
              sleep(100)
            end)
          end
        end)
      end)
      sleep(0.001)
      t:cancel()
      errors.join_canceled(t)
      assert.equal("cancelled", t:status())
      assert.equal(3, closed)
    end)
  end)

  it("cancels all of its tasks when asked to", function()
    run(function()
      local tasks = {}
      group(function(g)
        for i = 1, 3 do tasks[i] = g:spawn(sleep, 100) end
        sockeye.yield()
        assert.equal(g, g:cancel())
      end)
      for _, t in ipairs(tasks) do assert.equal("cancelled", t:status()) end
    end)
  end)

  it("ends with all its tasks at the deadline around it", function()
    run(function()
      local codes = {}
      local err = errors.raised("ETIMEDOUT", "group", sockeye.timeout, 0.002,
        group, function(g)
          g:spawn(function()
            group(function(inner)
              inner:spawn(function()
                local _, problem = pcall(sleep, 100)
                table.insert(codes, problem.code)
              end)
            end)
          end)
        end)
      assert.is_true(err.timeout)
      assert.same({ "ECANCELED" }, codes)
    end)
  end)

  it("raises an error inside rather than its cancellation", function()
    run(function()
      local ok, err = pcall(group, function(g)
        g:spawn(function()
          group(function(inner)
            inner:spawn(error, "inner", 0)
            sleep(100)
          end)
        end)
        sleep(100)
      end)
      assert.same({ false, "inner" }, { ok, err })
    end)
  end)

  it("raises its function's error though a task fails later", function()
    run(function()
      local ok, err = pcall(group, function(g)
        g:spawn(function()
          pcall(sleep, 100)
          error("later", 0)
        end)
        sockeye.yield()
        error("body", 0)
      end)
      assert.same({ false, "body" }, { ok, err })
    end)
  end)

  it("rejects what is no function", function()
    for _, value in ipairs { false, 5, "f", {} } do
      errors.rejected("bad argument #1 to 'group'", group, value)
    end
  end)

  it("finishes though its owner was cancelled for a failure", function()
    run(function()
      pcall(group, function(g)
        g:spawn(error, "reason")
        pcall(sleep, 100)
      end)
      sleep(0)
      local ok = pcall(group, function(g) g:spawn(error, "reason") end)
      assert.is_false(ok)
      sleep(0)
    end)
  end)

  it("outlives its owner's coroutine when that is closed", function()
    local function close_owner()
      local co
      local owner = spawn(function()
        co = coroutine.running()
        group(function(g)
          g:spawn(sleep, 0.002)
          sleep(100)
        end)
      end)
      sockeye.yield()
      coroutine.close(co)
      owner:cancel()
    end
    local err = failure(function()
      close_owner()
      collectgarbage()
      collectgarbage()
      sleep(0.004)
    end)
    assert.matches("dead coroutine", tostring(err))
  end)

  -- Scripts may keep a group for longer than what it belongs to.
  local function outlived(ending)
    local kept
    local loop = sockeye.loop(function()
      group(function(g)
        kept = g
        g:spawn(sleep, 60)
        g:spawn(sleep, 60)
      end)
    end)
    loop:step()
    ending(loop)
    return kept
  end

  for title, ending in pairs {
    closed = function(loop) loop:close() end,
    collected = function() end,
  } do
    it("may be used after its loop is " .. title, function()
      local g = outlived(ending)
      collectgarbage()
      collectgarbage()
      for i = 1, 200 do assert(("y"):rep(100 + i)) end
      assert.equal(g, g:cancel())
      errors.rejected("not inside sockeye.run", g.spawn, g, sleep, 1)
      run(function()
        errors.rejected("the group has ended", g.spawn, g, sleep, 1)
        assert.equal(g, g:cancel())
      end)
    end)
  end
end)
