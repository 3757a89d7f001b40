-- The script's line that errors name where the library's functions run a task
-- alone.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"

local function here(offset)
  return ("spec/task/origin_spec.lua:%d"):format(
    debug.getinfo(2, "l").currentline + (offset or 0))
end

-- What joining the task raises.
local function failure(task)
  local ok, err = pcall(task.join, task)
  assert.is_false(ok)
  return err
end

local refused = "127.0.0.1:1"

-- Ways to make a task of functions that are none of the script's: each a
-- function that spawns it and returns it, and its line.
local ways = {}

ways["connect"] = function()
  return sockeye.spawn(sockeye.connect, refused), here()
end
ways["connect with a wrong argument"] = function()
  return sockeye.spawn(sockeye.connect, "nonsense"), here()
end
ways["a function of C"] = function()
  return sockeye.spawn(sockeye.resolve, {}), here()
end
ways["one of Lua's own"] = function()
  return sockeye.spawn(string.rep), here()
end
ways["a generator of coroutine.wrap"] = function()
  return sockeye.spawn(coroutine.wrap(sockeye.connect), "nonsense"), here()
end
ways["a generator of coroutine.wrap that would wait"] = function()
  return sockeye.spawn(coroutine.wrap(sockeye.connect), refused), here()
end
ways["a generator of the library"] = function()
  return sockeye.spawn(sockeye.wrap(sockeye.connect), refused), here()
end
ways["a tail call"] = function()
  return sockeye.spawn(function() return sockeye.connect(refused) end), here()
end
ways["a deadline"] = function()
  return sockeye.spawn(sockeye.within, 5, sockeye.connect, refused), here()
end
ways["a deadline around one of Lua's own"] = function()
  return sockeye.spawn(sockeye.timeout, 5, string.rep), here()
end
ways["a group"] = function()
  return sockeye.spawn(sockeye.group, string.rep), here()
end
ways["serve"] = function()
  return sockeye.spawn(sockeye.serve, "nonsense", print), here()
end
ways["a task of a group"] = function()
  local task, line
  pcall(sockeye.group, function(g)
    task, line = g:spawn(sockeye.connect, refused), here()
  end)
  return task, line
end
ways["a daemon"] = function()
  return sockeye.spawn_daemon(sockeye.connect, refused), here()
end

for _, poller in ipairs(loops.pollers) do
  describe(("the line of an error (%s)"):format(poller), function()
    descriptors.guard()

    for what, spawn in pairs(ways) do
      it("is the one that has spawned the task, of " .. what, function()
        sockeye.run({ poller = poller }, function()
          local task, line = spawn()
          local text = tostring(failure(task))
          assert.equal(line .. ": ", text:sub(1, #line + 2))
          assert.is_nil(text:find("sockeye/", 1, true), text)
        end)
      end)
    end

    it("is that of run, where its main function is one of C", function()
      local line = here(1)
      local _, err = pcall(sockeye.run, { poller = poller }, sockeye.connect,
                           refused)
      assert.equal(line .. ":", err.where)
    end)

    it("is handed on to the tasks that the library spawns", function()
      sockeye.run({ poller = poller }, function()
        local stop = sockeye.channel()
        local l = sockeye.listen "127.0.0.1:0"
        local address = l:getsockname()
        local seen
        local line = here(1)
        local server = sockeye.spawn(sockeye.serve, l, sockeye.connect, {
          stop = stop, signals = false,
          on_error = function(err) seen = err end,
        })
        local conn <close> = sockeye.connect(address)
        conn:read(1)
        stop:close()
        server:join()
        assert.equal(line .. ": ", seen:sub(1, #line + 2))
      end)
    end)
  end)
end

describe("a text that a script raises", function()
  it("is left as it is, whatever it looks like", function()
    sockeye.run(function()
      local text = "bad argument #1 to 'mine'"
      assert.equal(text, failure(sockeye.spawn(error, text, 0)))
      local ok, err = pcall(sockeye.within, 5, error, text, 0)
      assert.same({ false, text }, { ok, err })
    end)
  end)
end)

describe("the line of a task", function()
  it("is that of spawn while it executes none of the script's", function()
    sockeye.run(function()
      local task, line = sockeye.spawn(sockeye.sleep, 60), here()
      sockeye.yield()
      for _, row in ipairs(sockeye.tasks()) do
        if row.task == task then
          assert.same({ line, "sleep" }, { row.where, row.call })
        end
      end
      task:cancel()
    end)
  end)

  it("is known of texts without end that were loaded", function()
    sockeye.run(function()
      for i = 1, 20 do
        local name = "text" .. i % 7
        local f = load("local s = ... return s.spawn(s.connect, '')",
                       "=" .. name)
        local err = failure(f(sockeye))
        assert.equal(name .. ":1: ", err:sub(1, #name + 4))
      end
    end)
  end)
end)
