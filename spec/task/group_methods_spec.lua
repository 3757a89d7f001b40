local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group = sockeye.group

describe("a group that ends", function()
  descriptors.guard()

  it("cancels its daemons when only such are left", function()
    run(function()
      local daemon, ended
      local start = sockeye.now()
      local result = group(function(g)
        daemon = g:spawn_daemon(sleep, 100)
        g:spawn(function()
          sleep(0.002)
          ended = daemon:status()
        end)
        return "body"
      end)
      assert.equal("body", result)
      assert.equal("waiting", ended)
      assert.equal("cancelled", daemon:status())
      assert.is_true(sockeye.now() - start < 5)
    end)
  end)

  it("keeps its daemons while its body runs", function()
    run(function()
      local turns, daemon = sockeye.channel()
      group(function(g)
        daemon = g:spawn_daemon(function()
          while true do turns:put(true) end
        end)
        for _ = 1, 3 do assert.is_true(turns:get()) end
        assert.equal("waiting", daemon:status())
      end)
      assert.equal("cancelled", daemon:status())
    end)
  end)

  it("fails when a daemon does", function()
    run(function()
      local ok, err = pcall(group, function(g)
        g:spawn_daemon(error, "reason", 0)
        sleep(100)
      end)
      assert.same({ false, "reason" }, { ok, err })
    end)
  end)

  it("of run has daemons, too", function()
    local daemon
    assert.equal("main", run(function()
      daemon = sockeye.spawn_daemon(sleep, 100)
      sockeye.yield()
      return "main"
    end))
    assert.equal("cancelled", daemon:status())
  end)

  it("is cancelled with its body, and returns nothing then", function()
    run(function()
      assert.equal(0, select("#", group(function(g)
        g:cancel()
        errors.raised("ECANCELED", "sleep", sleep, 1)
        sleep(1)
        return "not reached"
      end)))
      assert.equal("value", group(function(g)
        g:cancel()
        return "value"
      end))
      sleep(0)
    end)
  end)

  it("keeps the failures of nested groups in one turn apart", function()
    run(function()
      local went_on, inner_error
      sockeye.on_error(function(err) inner_error = err end)
      local ok, err = pcall(group, function(outer)
        pcall(group, function(inner)
          inner:spawn(error, "inner", 0)
          outer:spawn(error, "outer", 0)
          sleep(10)
        end)
        sleep(1)
        went_on = true
      end)
      assert.same({ false, "outer" }, { ok, err })
      assert.is_nil(went_on)
      assert.is_nil(inner_error)
    end)
  end)

  it("that is over takes no time for tasks that are spawned late", function()
    run(function()
      local start = sockeye.now()
      errors.raised("ETIMEDOUT", nil, sockeye.timeout, 0.02, group,
                    function(g)
        g:spawn(function()
          pcall(sleep, 60)
          g:spawn(sleep, 60)
        end)
      end)
      assert.is_true(sockeye.now() - start < 5)
    end)
  end)
end)

describe("a group's method", function()
  descriptors.guard()

  for _, name in ipairs { "spawn", "spawn_daemon" } do
    it(name .. " starts a task with its arguments, and returns it", function()
      run(function()
        local got, t
        group(function(g)
          t = g[name](g, function(...)
            got = table.pack(...)
            return "result"
          end, 1, nil, 3, nil)
          assert.equal("ready", t:status())
          assert.is_nil(got)
          sockeye.yield()
        end)
        assert.same({ 1, nil, 3, nil, n = 4 }, got)
        assert.equal("result", t:join())
      end)
    end)

    it(name .. " rejects what is no function, and what is no group", function()
      run(function()
        group(function(g)
          for _, value in ipairs { false, 5, "f", {} } do
            errors.rejected("function expected, got " .. type(value),
                            g[name], g, value)
          end
          for _, value in ipairs { false, 5, "f", {}, io.stdout,
                                   (coroutine.create(print)) } do
            errors.rejected("Group expected", g[name], value, print)
          end
          errors.rejected("Group expected", g[name], spawn(print), print)
        end)
      end)
    end)

    it(name .. " rejects a group that has ended, and starts nothing", function()
      run(function()
        local kept, began
        group(function(g) kept = g end)
        errors.rejected("spawn: the group has ended", kept[name], kept,
                        function() began = true end)
        sleep(0)
        assert.is_nil(began)
        assert.equal(1, #sockeye.tasks())
      end)
    end)

    it(name .. " begins a cancelled task in a group that is over", function()
      run(function()
        for _, ends in ipairs {
          function(g) g:cancel() end,
          function(g)
            g:spawn(error, "reason", 0)
            pcall(sleep, 100)
          end,
        } do
          local began, went_on, late = false, false, nil
          pcall(group, function(g)
            ends(g)
            late = g[name](g, function()
              began = true
              sockeye.yield()
              went_on = true
            end)
          end)
          assert.same({ true, false }, { began, went_on })
          assert.equal("cancelled", late:status())
        end
      end)
    end)

    it(name .. " may be called by a task of it while it finishes", function()
      run(function()
        local late
        group(function(g)
          g:spawn(function()
            sleep(0.001)
            late = g[name](g, sleep, name == "spawn" and 0.001 or 100)
          end)
        end)
        assert.equal(name == "spawn" and "done" or "cancelled",
                     late:status())
      end)
    end)
  end

  it("cancel returns the group, also again and after its end", function()
    run(function()
      local kept
      group(function(g)
        kept = g
        assert.equal(g, g:cancel())
        assert.equal(g, g:cancel())
      end)
      assert.equal(kept, kept:cancel())
      -- It is not the caller who is cancelled then.
      sleep(0)
    end)
  end)

  it("cancel of an inner group leaves the outer one alone", function()
    run(function()
      local waited
      assert.equal("outer", group(function(outer)
        outer:spawn(function()
          sleep(0.001)
          waited = true
        end)
        assert.equal(0, select("#", group(function(inner)
          inner:cancel()
          sleep(100)
        end)))
        sleep(0)
        return "outer"
      end))
      assert.is_true(waited)
    end)
  end)

  it("is none that is not public", function()
    run(function()
      group(function(g)
        for _, name in ipairs { "finish", "finish_group", "kill", "close",
                                "kill_group", "scope", "fail" } do
          assert.is_nil(g[name])
        end
      end)
    end)
  end)
end)

describe("a group that finishes", function()
  descriptors.guard()

  it("returns all that its body returned", function()
    run(function()
      assert.same({ 1, nil, false, nil, n = 4 },
                  table.pack(group(function() return 1, nil, false, nil end)))
      local many = {}
      for i = 1, 300 do many[i] = i end
      assert.same({ n = 300, table.unpack(many) },
                  table.pack(group(function()
        return table.unpack(many)
      end)))
    end)
  end)

  for what, value in pairs { ["a text"] = "reason", ["a table"] = {},
                             ["false"] = false, ["a number"] = 5 } do
    it("raises a failure unchanged that is " .. what, function()
      run(function()
        local ok, err = pcall(group, function(g) g:spawn(error, value, 0) end)
        assert.is_false(ok)
        assert.is_true(rawequal(value, err))
        ok, err = pcall(group, function() error(value, 0) end)
        assert.is_false(ok)
        assert.is_true(rawequal(value, err))
      end)
    end)
  end

  it("raises a failure that is nil", function()
    run(function()
      local results = table.pack(pcall(group, function(g)
        g:spawn(error, nil)
      end))
      assert.same({ false, nil, n = 2 }, results)
    end)
  end)

  it("waits for a task that swallows its cancellation", function()
    run(function()
      local ended = false
      pcall(group, function(g)
        g:spawn(function()
          for _ = 1, 3 do pcall(sleep, 10) end
          ended = true
        end)
        error("reason", 0)
      end)
      assert.is_true(ended)
    end)
  end)

  it("raises a cancellation from further out, though its body returned",
     function()
    run(function()
      local err
      group(function(outer)
        local _
        _, err = pcall(group, function(g)
          g:spawn(sleep, 0)
          outer:cancel()
          return "not seen"
        end)
      end)
      assert.is_true(err.canceled)
      assert.same({ "ECANCELED", "group" }, { err.code, err.call })
    end)
  end)

  it("raises the cancellation that ended its body, though the generator " ..
     "has left what was over", function()
    run(function()
      local gate, never = sockeye.channel(), sockeye.channel()
      local function wait_in_group()
        group(function(g)
          g:spawn(sockeye.shield, 1000, gate.get, gate)
          never:get()
        end)
      end
      local inner
      local step = sockeye.wrap(function()
        group(function(g)
          inner = g:spawn(wait_in_group)
          sleep(0)
          coroutine.yield()
          sockeye.shield(1000, sockeye.yield)
          coroutine.yield()
        end)
      end)
      step()
      assert.is_true(sockeye.within(0, step))
      gate:put(true)
      local err = errors.raised("ECANCELED", "get", step)
      assert.equal("failed", inner:status())
      assert.is_false(sockeye.is_canceled(err))
    end)
  end)

  it("raises a child's own error, though its owner was cancelled", function()
    run(function()
      local owner = spawn(group, function(g)
        g:spawn(function()
          pcall(sleep, 100)
          error("own", 0)
        end)
      end)
      sockeye.yield()
      owner:cancel()
      local ok, err = pcall(owner.join, owner)
      assert.same({ false, "own" }, { ok, err })
      assert.equal("failed", owner:status())
    end)
  end)

  it("kills its tasks where its coroutine is closed, and reports its failure",
     function()
    run(function()
      local reports, closed = {}, false
      sockeye.on_error(function(err) table.insert(reports, err) end)
      local t = spawn(function()
        group(function(g)
          g:spawn(function()
            local _ <close> = setmetatable({}, { __close = function()
              closed = true
            end })
            pcall(sleep, 100)
            pcall(sleep, 100)
          end)
          g:spawn(error, "own", 0)
        end)
      end)
      sockeye.yield()
      sockeye.yield()
      t:kill()
      assert.is_true(closed)
      local own = 0
      for _, err in ipairs(reports) do
        if err == "own" then own = own + 1 end
      end
      assert.equal(1, own)
    end)
  end)

  it("is finished once", function()
    local primitives = require "sockeye.core".primitives
    local finish = primitives.finish_group
    errors.rejected("Group expected", finish, nil, true)
    run(function()
      local g = primitives.group()
      finish(g, true)
      errors.rejected("the group has ended", finish, g, true)
      errors.rejected("the group has ended", g.spawn, g, sleep, 1)
    end)
  end)
end)
