-- Any number of listeners for one signal, in any order of coming and going.

local mask = assert(package.loadlib("./build/spec/mask.so", "luaopen_mask"))()
local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local primitives <const> = require "sockeye.core".primitives
local run, spawn, yield = sockeye.run, sockeye.spawn, sockeye.yield

local function send(name) sockeye.kill(sockeye.getpid(), name or "USR1") end

-- A task that notes in `heard` which signals it hears, until it is cancelled.
local function listener(heard, label, ...)
  local task = spawn(function(...)
    for name in sockeye.signals(...) do
      heard[#heard + 1] = label .. " " .. name
    end
  end, ...)
  yield()
  return task
end

local function leave(task)
  task:cancel()
  pcall(task.join, task)
end

-- What was heard, in the order of names.
local function sorted(heard)
  table.sort(heard)
  return table.concat(heard, ", ")
end

-- Every order of the numbers from 1 to n.
local function orders(n)
  return coroutine.wrap(function()
    local list = {}
    local function extend(used)
      if #list == n then return coroutine.yield { table.unpack(list) } end
      for i = 1, n do
        if not used[i] then
          used[i] = true
          list[#list + 1] = i
          extend(used)
          list[#list] = nil
          used[i] = nil
        end
      end
    end
    extend {}
  end)
end

describe("those who listen to a signal", function()
  descriptors.guard()

  it("all hear it, and so does its handler", function()
    local heard = {}
    local before = sockeye.signal("USR1", function(name, number)
      heard[#heard + 1] = ("handler %s %d"):format(name, number)
    end)
    run(function()
      local a = listener(heard, "a", "USR1")
      local b = listener(heard, "b", "SIGUSR1", "USR2")
      send()
      send "USR2"
      yield()
      assert.equal("a SIGUSR1, b SIGUSR1, b SIGUSR2, handler SIGUSR1 10",
                   sorted(heard))
      leave(a)
      leave(b)
    end)
    sockeye.signal("USR1", before)
  end)

  for order in orders(3) do
    local title = table.concat(order, ", ")

    it(("hear it until they leave, in the order %s"):format(title), function()
      for _, disposition in ipairs { "default", "ignore", function() end } do
        local before = sockeye.signal("USR1", disposition)
        run(function()
          local tasks, heard = {}, {}
          for i = 1, 3 do tasks[i] = listener(heard, tostring(i), "USR1") end
          for gone = 1, 3 do
            leave(tasks[order[gone]])
            tasks[order[gone]] = nil
            if next(tasks) then send() end
            yield()
            local wanted = {}
            for i in pairs(tasks) do wanted[#wanted + 1] = i .. " SIGUSR1" end
            assert.equal(sorted(wanted), sorted(heard))
            heard = {}
            for i, task in pairs(tasks) do
              leave(task)
              tasks[i] = listener(heard, tostring(i), "USR1")
            end
            assert.equal(disposition, sockeye.signal "USR1")
          end
        end)
        assert.equal(disposition, sockeye.signal("USR1", before))
      end
    end)
  end

  it("hear it when the first of them has left", function()
    assert.equal("B\tSIGUSR1\n", process.lua_script([[
      local sockeye = require "sockeye"
      sockeye.run(function()
        local A = sockeye.spawn(function()
          for _ in sockeye.signals("SIGUSR1") do end
        end)
        sockeye.yield()
        sockeye.spawn(function()
          for s in sockeye.signals("SIGUSR1") do print("B", s) break end
        end)
        sockeye.yield()
        A:cancel()
        sockeye.sleep(0.01)
        sockeye.kill(sockeye.getpid(), "SIGUSR1")
      end)
    ]]).stdout)
  end)

  it("leave a disposition set meanwhile for when they have gone", function()
    local heard = {}
    run(function()
      local function handler() heard[#heard + 1] = "handler" end
      local a = listener(heard, "a", "USR1")
      assert.equal("default", sockeye.signal("USR1", "ignore"))
      send()
      yield()
      assert.equal("ignore", sockeye.signal("USR1", handler))
      send()
      yield()
      assert.equal("a SIGUSR1, a SIGUSR1, handler", sorted(heard))
      assert.equal(handler, sockeye.signal("USR1", "ignore"))
      leave(a)
      assert.equal("ignore", sockeye.signal "USR1")
      send()
      a = listener(heard, "a", "USR1")
      assert.equal("ignore", sockeye.signal("USR1", "original"))
      leave(a)
      assert.equal("ignore", sockeye.signal("USR1", "default"))
    end)
  end)

  it("hear it once though it is named twice", function()
    local heard = {}
    run(function()
      local a = listener(heard, "a", "USR1", "SIGUSR1", sockeye.SIGUSR1)
      send()
      yield()
      assert.equal("a SIGUSR1", sorted(heard))
      leave(a)
    end)
    assert.equal("default", sockeye.signal "USR1")
  end)

  it("hear it even though the handler raises an error", function()
    local heard = {}
    local before = sockeye.signal("USR1", function() error "reason" end)
    run(function()
      local a = listener(heard, "a", "USR1")
      local b = listener(heard, "b", "USR1")
      local ok, err = pcall(send)
      assert.is_false(ok)
      assert.matches("reason", err)
      sockeye.sleep(0)
      yield()
      assert.equal("a SIGUSR1, b SIGUSR1", sorted(heard))
      leave(a)
      leave(b)
    end)
    sockeye.signal("USR1", before)
  end)

  it("hear it even though another raises an error", function()
    local heard = {}
    run(function()
      local raising = primitives.listen("spec", "USR1", function()
        error "reason"
      end)
      local a = listener(heard, "a", "USR1")
      local ok, err = pcall(send)
      assert.is_false(ok)
      assert.matches("reason", err)
      sockeye.sleep(0)
      yield()
      assert.equal("a SIGUSR1", sorted(heard))
      primitives.stop_listening(raising)
      primitives.stop_listening(raising)
      leave(a)
    end)
    assert.equal("default", sockeye.signal "USR1")
  end)

  it("may go, and others come, while it is delivered", function()
    local heard, list = {}, {}
    run(function()
      local function note(label)
        return function() heard[#heard + 1] = label end
      end
      list.a = primitives.listen("spec", "USR1", function()
        heard[#heard + 1] = "a"
        primitives.stop_listening(list.a)
        list.c = primitives.listen("spec", "USR1", note "c")
      end)
      list.b = primitives.listen("spec", "USR1", note "b")
      send()
      assert.equal("a, b", sorted(heard))
      send()
      assert.equal("a, b, b, c", sorted(heard))
      primitives.stop_listening(list.b)
      primitives.stop_listening(list.c)
    end)
    assert.equal("default", sockeye.signal "USR1")
  end)

  it("are forgotten when their iterator is collected", function()
    run(function()
      do
        local each = sockeye.signals "USR1"
        collectgarbage()
        send()
        assert.equal("SIGUSR1", each())
        assert.is_true(mask.is_caught(sockeye.SIGUSR1))
        each = nil
        assert.is_nil(each)
      end
      collectgarbage()
      collectgarbage()
      assert.is_false(mask.is_caught(sockeye.SIGUSR1))
      sockeye.signal("USR1", "ignore")
      send()
    end)
    assert.equal("ignore", sockeye.signal("USR1", "default"))
  end)

  it("outside of a task are refused", function()
    local ok, err = pcall(sockeye.signals, "USR1")
    assert.is_false(ok)
    assert.matches("signals: not inside sockeye.run", err)
    assert.equal("default", sockeye.signal "USR1")
  end)
end)

describe("in a forked child a signal", function()
  descriptors.guard()

  it("does what it does without the tasks that the parent keeps", function()
    run(function()
      local heard = {}
      local a = listener(heard, "a", "USR1")
      local pid = fork.child(function() send() end)
      local _, how, number = sockeye.waitpid(pid)
      assert.same({ "signal", sockeye.SIGUSR1 }, { how, number })
      leave(a)
    end)
  end)

  it("is heard by the task that has forked", function()
    run(function()
      local others = listener({}, "a", "USR1")
      local each, _, _, closing = sockeye.signals "USR1"
      local pid = fork.child(function()
        send()
        assert(each() == "SIGUSR1")
      end)
      fork.reap(pid)
      local _ <close> = closing
      leave(others)
    end)
    assert.equal("default", sockeye.signal "USR1")
  end)

  it("is handled by its handler", function()
    local calls = 0
    local before = sockeye.signal("USR1", function() calls = calls + 1 end)
    run(function()
      local a = listener({}, "a", "USR1")
      fork.reap(fork.child(function()
        send()
        assert(calls == 1)
      end))
      leave(a)
    end)
    sockeye.signal("USR1", before)
    assert.equal(0, calls)
  end)
end)
