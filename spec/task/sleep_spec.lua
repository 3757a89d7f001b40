local sockeye = require "sockeye"

local closing = require "spec.support.closing_waits"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sorted = require "spec.support.sorted"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local timeout, wrap = sockeye.timeout, sockeye.wrap

-- f as it is, and inside of run.
local worlds = {
  ["outside of run"] = function(f) return f() end,
  ["in a task"] = run,
}

local function canceled(f, ...)
  local err = errors.raised("ECANCELED", nil, f, ...)
  assert.is_true(err.canceled)
  assert.is_nil(err.timeout)
  return err
end

local function timed_out(f, ...)
  local err = errors.raised("ETIMEDOUT", nil, f, ...)
  assert.is_true(err.timeout)
  return err
end

for where, inside in sorted(worlds) do
  describe("a deadline " .. where, function()
    descriptors.guard()

    it("does nothing if the function returns in time", function()
      inside(function()
        assert.same({ 1, nil, 3, n = 3 }, table.pack(timeout(10, function(...)
          sleep(0)
          return ...
        end, 1, nil, 3)))
        sleep(0)
      end)
    end)

    it("ends a wait inside", function()
      inside(function()
        local start = sockeye.now()
        timed_out(timeout, 0.005, sleep, 100)
        local a, b = sockeye.socketpair()
        timed_out(timeout, 0.005, a.recv, a, 1)
        timed_out(timeout, 0.005, sockeye.poll, { [a] = "r" })
        timed_out(timeout, 0.005, a.sendall, a, ("x"):rep(1 << 22))
        assert.is_true(sockeye.now() - start >= 0.02)
        a:close()
        b:close()
      end)
    end)

    it("ends a wait with a longer deadline inside", function()
      inside(function()
        local inner
        timed_out(timeout, 0.005, function()
          inner = not pcall(timeout, 100, sleep, 50)
          sleep(100)
        end)
        assert.is_true(inner)
      end)
    end)

    it("continues after a deadline inside has passed", function()
      inside(function()
        assert.equal("went on", timeout(100, function()
          timed_out(timeout, 0.002, sleep, 100)
          sleep(0.001)
          return "went on"
        end))
      end)
    end)

    it("ends every later wait, too", function()
      inside(function()
        timed_out(timeout, 0.002, function()
          for _ = 1, 3 do canceled(sleep, 100) end
          sleep(100)
        end)
        sleep(0.001)
      end)
    end)

    it("no longer holds once the function has raised", function()
      inside(function()
        assert.is_false(pcall(timeout, 0.002, error))
        assert.is_true(pcall(sleep, 0.004))
      end)
    end)

    it("of no time ends the first wait", function()
      inside(function()
        assert.equal(1, timeout(0, function() return 1 end))
        timed_out(timeout, 0, sleep, 100)
      end)
    end)

    it("may be infinite", function()
      inside(function()
        for _, seconds in ipairs { math.huge, 1e300 } do
          assert.equal("done", timeout(seconds, function()
            sleep(0.001)
            return "done"
          end))
        end
      end)
    end)

    it("loses no data that arrived", function()
      inside(function()
        local a, b = sockeye.socketpair()
        timed_out(timeout, 0.002, a.recv, a, 5)
        b:send("hello")
        assert.equal("hello", a:recv(5))
        a:close()
        b:close()
      end)
    end)

    it("holds beside a socket's time-out: the earlier one counts", function()
      inside(function()
        local a, b = sockeye.socketpair()
        a:settimeout(100)
        timed_out(timeout, 0.002, a.recv, a, 1)
        a:settimeout(0.002)
        assert.equal("went on", timeout(100, function()
          timed_out(a.recv, a, 1)
          return "went on"
        end))
        a:close()
        b:close()
      end)
    end)

    it("of no time ends calls that need not wait", function()
      inside(function()
        local a, b = sockeye.socketpair()
        b:send("x")
        local text = timeout(0, function()
          canceled(sockeye.poll, { [a] = "r" }, 0)
          canceled(a.recv, a, 1)
          canceled(sleep, 0)
          return "values"
        end)
        assert.equal("values", text)
        assert.equal("x", a:recv(1))
        a:close()
        b:close()
      end)
    end)

    it("does not end calls that never wait", function()
      inside(function()
        local a, b = sockeye.socketpair()
        b:send("x")
        timeout(0, function()
          assert.equal("x", a:recv(1, "dontwait"))
          assert.is_false(a:recv(1, "dontwait"))
          assert.equal(1, a:send("y", "dontwait"))
        end)
        a:close()
        b:close()
      end)
    end)
  end)
end

describe("a deadline", function()
  descriptors.guard()

  for what, arguments in sorted {
    ["a negative time"] = { -1, print }, ["no number"] = { "x", print },
    ["not a number"] = { 0 / 0, print }, ["no function"] = { 1 },
    ["a table for a function"] = { 1, {} },
  } do
    it("rejects " .. what, function()
      errors.rejected("^spec/task/sleep_spec.lua:%d+: bad argument #%d to",
        function()
          timeout(table.unpack(arguments))
          return true
        end)
    end)
  end

  it("around run ends all tasks", function()
    local codes = {}
    timed_out(timeout, 0.005, run, function()
      for _ = 1, 2 do
        spawn(function()
          local _, err = pcall(sleep, 100)
          table.insert(codes, err.code)
        end)
      end
      spawn(canceled, sleep, 100):join()
      sleep(100)
    end)
    assert.equal(2, #codes)
    sleep(0.001)
  end)

  it("holds for one task and not for others", function()
    run(function()
      local other = spawn(function()
        sleep(0.01)
        return "fine"
      end)
      timed_out(timeout, 0.002, sleep, 100)
      assert.equal("fine", other:join())
    end)
  end)

  it("that has passed does not end later waits", function()
    run(function()
      local a, b = sockeye.socketpair()
      sleep(0.001)
      local reader = spawn(function()
        local count = 0
        for data in function() return b:recv(65536) end do
          count = count + #data
        end
        return count
      end)
      assert.equal(1 << 21, a:sendall(("x"):rep(1 << 21)))
      a:close()
      assert.equal(1 << 21, reader:join())
      b:close()
    end)
  end)

  it("reaches a task that never has to wait", function()
    run(function()
      local u <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
      local name = u:getsockname()
      timed_out(timeout, 0.005, function()
        while true do
          u:sendto("x", name)
          u:recv(1)
        end
      end)
    end)
  end)

  it("of a coroutine that was collected no longer holds", function()
    run(function()
      coroutine.wrap(function() timeout(0.001, coroutine.yield) end)()
      collectgarbage()
      collectgarbage()
      assert.is_true(pcall(sleep, 0.003))
    end)
  end)

  it("still holds for a loop made inside, after the function",
     function()
    local loop = timeout(0.002, sockeye.loop, function()
      canceled(sleep, 100)
      return "done"
    end)
    collectgarbage()
    collectgarbage()
    local more, result
    repeat more, result = loop:step(0.01) until not more
    assert.equal("done", result)
  end)
end)

describe("a wait", function()
  local a, b

  -- The guard is to come first before each spec, and last after it.
  descriptors.guard(function() a, b = sockeye.socketpair() end, function()
    a:close()
    b:close()
  end)

  local ways = {
    ["in a metamethod"] = function()
      local t = setmetatable({}, { __index = function() return a:recv(1) end,
                                   __add = function() return a:recv(1) end })
      assert.equal("x", t.key)
      assert.equal("x", t + 1)
    end,
    ["in an iterator"] = function()
      local text = ""
      for data in function() return #text < 2 and a:recv(1) or nil end do
        text = text .. data
      end
      assert.equal("xx", text)
    end,
    ["in pcall and xpcall"] = function()
      assert.same({ true, "x" }, { pcall(a.recv, a, 1) })
      assert.same({ true, "x" }, { xpcall(a.recv, print, a, 1) })
    end,
    ["when a variable is closed"] = function()
      local got
      do
        local _ <close> = setmetatable({}, {
          __close = function() got = a:recv(2) end,
        })
      end
      assert.equal("xx", got)
    end,
  }

  for where, f in sorted(ways) do
    it(where .. " is as any other", function()
      local possible, reason = closing.may_wait()
      if where == "when a variable is closed" and not possible then
        return pending(reason)
      end
      run(function()
        spawn(function()
          sleep(0.001)
          b:send("xx")
        end)
        f()
      end)
    end)
  end

  local refused = {
    ["table.sort"] = function(f) table.sort({ 3, 2, 1 }, f) end,
    ["string.gsub"] = function(f) return (("abc"):gsub("%a", f)) end,
    ["load"] = function(f) return load(f) end,
  }

  for where, call in sorted(refused) do
    for kind, wait in sorted {
      recv = function() a:recv(1) end, sleep = function() sleep(1) end,
      ["a coroutine"] = function() wrap(function() a:recv(1) end)() end,
      ["a channel"] = function() sockeye.channel():get() end,
    } do
      it(("for %s inside of %s raises an error"):format(kind, where),
         function()
        run(function()
          local ok, err, text = pcall(call, wait)
          if where == "load" then ok, err = err, text end
          assert.is_falsy(ok)
          assert.matches("cannot wait", err)
          spawn(function() b:send("x") end)
          assert.equal("x", a:recv(1))
        end)
      end)
    end
  end

  it("in a finalizer raises, and stalls nothing", function()
    run(function()
      local ok, err
      setmetatable({}, { __gc = function() ok, err = pcall(a.recv, a, 1) end })
      collectgarbage()
      assert.is_false(ok)
      assert.matches("cannot wait", err)
      sleep(0)
    end)
  end)
end)
