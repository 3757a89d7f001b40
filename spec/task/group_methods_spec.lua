local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, sleep, group = sockeye.run, sockeye.sleep, sockeye.group

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
      local count = 0
      group(function(g)
        g:spawn_daemon(function()
          while true do
            sleep(0.001)
            count = count + 1
          end
        end)
        sleep(0.01)
      end)
      assert.is_true(count >= 2)
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

  it("has no method that finishes it", function()
    run(function()
      group(function(g)
        assert.is_nil(g.finish)
        errors.rejected("finish", function() g:finish(true) end)
      end)
    end)
  end)
end)
