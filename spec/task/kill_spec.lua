local sockeye = require "sockeye"

local closing_waits = require "spec.support.closing_waits"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

local function on_close(f) return setmetatable({}, { __close = f }) end

for _, poller in ipairs { "epoll", "poll" } do
  -- Runs f in a task whose loop keeps what is reported in the list.
  local function with_reports(f)
    local reports = {}
    run({ poller = poller }, function()
      sockeye.on_error(function(err, task, traceback)
        table.insert(reports, { err = err, task = task, text = traceback })
      end)
      f(reports)
    end)
    return reports
  end

  describe("a task that is killed, by " .. poller, function()
    descriptors.guard()

    it("reports the error that it was to fail with", function()
      local can, why = closing_waits.may_wait()
      if not can then return pending(why) end
      for _, reason in ipairs { "reason", 5, false, {} } do
        local t
        local reports = with_reports(function()
          t = spawn(function()
            local _ <close> = on_close(function() sleep(10) end)
            error(reason, 0)
          end)
          sockeye.yield()
          assert.equal("waiting", t:status())
          t:kill()
        end)
        assert.equal(2, #reports)
        assert.equal(reason, reports[1].err)
        assert.matches("kill", tostring(reports[2].err), 1, true)
        assert.equal(t, reports[1].task)
      end
    end)

    it("reports nil as the error that it was to fail with", function()
      local can, why = closing_waits.may_wait()
      if not can then return pending(why) end
      local count = 0
      run({ poller = poller }, function()
        sockeye.on_error(function(err)
          count = count + (err == nil and 1 or 10)
        end)
        local t = spawn(function()
          local _ <close> = on_close(function() sleep(10) end)
          error(nil)
        end)
        sockeye.yield()
        t:kill()
      end)
      assert.equal(11, count)
    end)

    it("reports no cancellation that it was to end with", function()
      local can, why = closing_waits.may_wait()
      if not can then return pending(why) end
      local reports = with_reports(function()
        local t = spawn(function()
          local _ <close> = on_close(function()
            sockeye.shield(5, sleep, 5)
          end)
          sleep(10)
        end)
        sockeye.yield()
        t:cancel()
        for _ = 1, 3 do sockeye.yield() end
        assert.equal("waiting", t:status())
        t:kill()
      end)
      assert.equal(1, #reports)
      assert.matches("kill", tostring(reports[1].err), 1, true)
    end)

    it("cannot kill itself in its own closing", function()
      local ok, err
      local reports = with_reports(function()
        local t
        t = spawn(function()
          local _ <close> = on_close(function() ok, err = pcall(t.kill, t) end)
          sleep(10)
        end)
        sockeye.yield()
        t:kill()
      end)
      assert.is_false(ok)
      assert.matches("kill: the task runs", err, 1, true)
      assert.equal(1, #reports)
    end)

    it("is not one whose group the caller is in", function()
      with_reports(function()
        local refused = 0
        local function refuse(t)
          errors.rejected("kill: the caller is in its group", t.kill, t)
          refused = refused + 1
        end
        local t
        t = spawn(function()
          sockeye.group(function(g)
            g:spawn(refuse, t)
            g:spawn(sockeye.group, function(inner) inner:spawn(refuse, t) end)
            g:spawn(function()
              local loop <close> = sockeye.loop(refuse, t)
              while loop:step() do end
            end)
            g:spawn(sockeye.shield, 5, refuse, t)
          end)
        end)
        t:join()
        assert.equal(4, refused)
      end)
    end)

    it("ends where it waits, though it catches all errors", function()
      local reports = with_reports(function(reports)
        local closed
        local t = spawn(function()
          local _ <close> = on_close(function() closed = true end)
          while true do pcall(sleep, 10) end
        end)
        sockeye.yield()
        assert.equal("waiting", t:status())
        assert.equal(t, t:kill())
        assert.equal("killed", t:status())
        assert.is_true(closed)
        errors.join_canceled(t)
        assert.equal(t, reports[1].task)
      end)
      assert.equal(1, #reports)
      assert.equal("ECANCELED", reports[1].err.code)
      assert.matches("kill_spec.lua", reports[1].text)
    end)

    it("lets others run before, though it catches its cancellation", function()
      local result = process.lua_script([[
        local sockeye = require "sockeye"
        sockeye.run(function()
          sockeye.on_error(function() end)
          local t = sockeye.spawn(function()
            while true do pcall(sockeye.sleep, 10) end
          end)
          sockeye.yield()
          t:cancel()
          sockeye.sleep(0.001)
          t:kill()
          print(t:status())
        end)
      ]], { env = { SOCKEYE_POLLER = poller }, timeout = 5 })
      assert.equal("killed\n", result.stdout, result.stderr)
    end)

    it("raises at once from waits in its closing, shields or not", function()
      with_reports(function()
        local caught = {}
        local t = spawn(function()
          local _ <close> = on_close(function()
            for _, f in ipairs {
              function() sleep(10) end,
              function() sockeye.shield(10, sleep, 10) end,
              function() sockeye.yield() end,
              function() sockeye.group(function() end) end,
            } do
              local ok, err = pcall(f)
              table.insert(caught, not ok and err.code)
            end
          end)
          sockeye.shield(100, sleep, 100)
        end)
        sockeye.yield()
        local start = sockeye.now()
        t:kill()
        assert.is_true(sockeye.now() - start < 1)
        assert.same({ "ECANCELED", "ECANCELED", "ECANCELED", "ECANCELED" },
                    caught)
      end)
    end)

    it("closes its generators first, from the inside", function()
      with_reports(function()
        local order = {}
        local function nested(level)
          local _ <close> = on_close(function()
            table.insert(order, level)
          end)
          if level == 3 then sleep(100) end
          sockeye.wrap(nested)(level + 1)
        end
        local t = spawn(nested, 1)
        sockeye.yield()
        t:kill()
        assert.same({ 3, 2, 1 }, order)
      end)
    end)

    it("does not fail its group", function()
      local reports = with_reports(function()
        local result = sockeye.group(function(g)
          local t = g:spawn(sleep, 100)
          local other = g:spawn(function()
            sleep(0.002)
            return "alive"
          end)
          sockeye.yield()
          t:kill()
          return other:join()
        end)
        assert.equal("alive", result)
      end)
      assert.equal(1, #reports)
    end)

    it("takes along the tasks of its groups", function()
      with_reports(function()
        local inner
        local t = spawn(sockeye.group, function(g)
          inner = g:spawn(function()
            while true do pcall(sleep, 100) end
          end)
          sleep(100)
        end)
        sockeye.yield()
        sockeye.yield()
        t:kill()
        assert.same({ "killed", "killed" }, { t:status(), inner:status() })
      end)
    end)

    it("lets go of its socket", function()
      with_reports(function()
        local a, b = sockets.unix()
        local t = spawn(a.recv, a, 1)
        sockeye.yield()
        t:kill()
        b:send "x"
        assert.equal("x", a:recv(1))
        sockets.close(a, b)
      end)
    end)

    it("reports what its closing raises", function()
      local reports = with_reports(function()
        local t = spawn(function()
          local _ <close> = on_close(function() error("not saved", 0) end)
          sleep(100)
        end)
        sockeye.yield()
        t:kill()
        assert.equal("killed", t:status())
      end)
      assert.equal(2, #reports)
      assert.equal("not saved", reports[2].err)
    end)

    it("never begins, if it has not yet", function()
      with_reports(function()
        local ran
        local t = spawn(function() ran = true end)
        t:kill()
        assert.equal("killed", t:status())
        sleep(0.001)
        assert.is_nil(ran)
      end)
    end)

    it("is left alone once it has ended", function()
      local reports = with_reports(function()
        local t = spawn(function() return 1 end)
        assert.equal(1, t:join())
        assert.equal(1, t:kill():join())
        local killed = spawn(sleep, 100)
        killed:kill():kill()
      end)
      assert.equal(1, #reports)
    end)

    it("must not be the caller", function()
      with_reports(function()
        local main = sockeye.tasks()[1].task
        errors.rejected("kill: the task runs", main.kill, main)
        local _, text = pcall(sockeye.wrap(function() main:kill() end))
        assert.matches("kill: the task runs", text, 1, true)
        sleep(0)
      end)
    end)
  end)
end
