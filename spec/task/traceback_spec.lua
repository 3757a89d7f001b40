local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local group = sockeye.group

local function culprit(value) error(value, 0) end

-- The traceback of a task, of which a line names the function.
local function spawn_culprit(value)
  return spawn(function()
    sleep(0)
    culprit(value)
  end)
end

describe("the traceback of a task", function()
  descriptors.guard()

  for what, value in pairs {
    ["a text"] = "reason", ["a table"] = {}, ["a number"] = 5,
    ["false"] = false, ["a function"] = print,
    ["a table with a broken __tostring"] = setmetatable({}, {
      __tostring = function() error "broken" end,
    }),
  } do
    it("is kept with an error that is " .. what, function()
      run(function()
        local t = spawn_culprit(value)
        local ok, err = pcall(t.join, t)
        assert.is_false(ok)
        assert.is_true(rawequal(value, err))
        assert.matches("^stack traceback:\n.*in upvalue 'culprit'",
                       t:traceback())
        assert.matches("traceback_spec.lua:%d+: in ", t:traceback())
      end)
    end)
  end

  it("is kept with an error that is nil", function()
    run(function()
      local t = spawn_culprit(nil)
      assert.same({ false }, { pcall(t.join, t) })
      assert.matches("culprit", t:traceback())
    end)
  end)

  it("is nil before an error, and without one", function()
    run(function()
      local t = spawn(sleep, 0)
      assert.is_nil(t:traceback())
      t:join()
      assert.is_nil(t:traceback())
      local caught = spawn(pcall, error, "reason")
      caught:join()
      assert.is_nil(caught:traceback())
    end)
  end)

  it("is where a cancelled task waited", function()
    run(function()
      local function waiting() sleep(10) end
      local t = spawn(function() waiting() end)
      sockeye.yield()
      t:cancel()
      pcall(t.join, t)
      assert.equal("cancelled", t:status())
      assert.matches("waiting", t:traceback())
    end)
  end)

  it("is where a killed task waited", function()
    run(function()
      sockeye.on_error(function() end)
      local function waiting() sleep(10) end
      local t = spawn(function() waiting() end)
      sockeye.yield()
      t:kill()
      assert.matches("waiting", t:traceback())
    end)
  end)

  it("does not change once the task has ended", function()
    run(function()
      local t = spawn_culprit "reason"
      pcall(t.join, t)
      local before = t:traceback()
      t:cancel()
      t:kill()
      pcall(t.join, t)
      assert.equal(before, t:traceback())
    end)
  end)
end)

describe("the traceback of an error object", function()
  descriptors.guard()

  it("is that of where it was raised first", function()
    local function failing()
      sleep(0)
      sockeye.adopt(1 << 30)
    end
    local err
    run(function()
      local t = spawn(function() failing() end)
      local second = spawn(function() t:join() end)
      local _
      _, err = pcall(second.join, second)
      assert.matches("failing", err.traceback)
      assert.matches("failing", t:traceback())
      assert.not_matches("failing", second:traceback())
    end)
    assert.matches("failing", err.traceback)
  end)

  it("is not that of a handler, which sees none yet", function()
    run(function()
      local t = spawn(function()
        local _, err = pcall(sockeye.adopt, 1 << 30)
        assert.is_nil(err.traceback)
      end)
      t:join()
    end)
  end)

  it("is never put into a table that is another's", function()
    local value = {}
    run(function()
      local t = spawn_culprit(value)
      pcall(t.join, t)
    end)
    assert.is_nil(next(value))
  end)
end)

describe("an error that a group raises", function()
  descriptors.guard()

  -- What run writes where nothing catches the error, and the lines of it that
  -- name one of these functions.
  local function chain(script)
    local result = process.lua_script(script, { timeout = 20 })
    assert.equal(1, result.status)
    local names = {}
    for line in result.stderr:gmatch "[^\n]+" do
      names[#names + 1] = line:match "in upvalue '(%l+)'" or
        line:match "in local '(%l+)'" or line:match "^in the group of:"
    end
    return names, result.stderr
  end

  it("shows the task in which it happened, then those around", function()
    local names, text = chain [[
      local sockeye = require "sockeye"
      local function inner() sockeye.sleep(0) error("reason", 0) end
      local function outer()
        sockeye.group(function(g)
          g:spawn(function() inner() end)
        end)
      end
      sockeye.run(function()
        sockeye.group(function(g)
          g:spawn(function() outer() end)
        end)
      end)
    ]]
    assert.same({ "inner", "in the group of:", "outer", "in the group of:" },
                names, text)
    assert.matches("reason", text)
  end)

  it("that was caught before has no part in another error", function()
    run(function()
      local t = spawn(function()
        pcall(group, function(g) g:spawn(culprit, "caught") end)
        sleep(0)
        error("own", 0)
      end)
      local ok, err = pcall(t.join, t)
      assert.same({ false, "own" }, { ok, err })
      assert.not_matches("culprit", t:traceback())
      assert.not_matches("in the group of", t:traceback())
    end)
  end)

  it("and is raised again keeps its origin", function()
    run(function()
      local reason = {}
      local t = spawn(function()
        local ok, err = pcall(group, function(g)
          g:spawn(function() culprit(reason) end)
        end)
        assert(not ok)
        error(err, 0)
      end)
      local ok, err = pcall(t.join, t)
      assert.same({ false, true }, { ok, err == reason })
      assert.matches("culprit.*in the group of:\nstack traceback:",
                     t:traceback())
    end)
  end)
end)

-- The functions of the script, and of Lua, that the traceback of a task names.
local function functions_in(traceback)
  local list = {}
  for line in traceback:gmatch "[^\n]+" do
    list[#list + 1] = line:match "in upvalue '(%l+)'" or
      line:match "in local '(%l%l+)'" or line:match "^in the %l+ of:"
  end
  return list
end

describe("the traceback of an error that the library raises again", function()
  descriptors.guard()

  local function inner(value) culprit(value) end

  local rows = {
    { "within", function(v) sockeye.within(5, inner, v) end,
      { "culprit", "outer" } },
    { "timeout", function(v) sockeye.timeout(5, inner, v) end,
      { "culprit", "outer" } },
    { "shield", function(v) sockeye.shield(5, inner, v) end,
      { "culprit", "outer" } },
    { "the body of a group", function(v)
      group(function() inner(v) end)
    end, { "culprit", "inner", "outer" } },
    { "the body of a group with tasks", function(v)
      group(function(g)
        g:spawn(function() pcall(sleep, 60) end)
        inner(v)
      end)
    end, { "culprit", "inner", "outer" } },
    { "several of them", function(v)
      sockeye.within(5, group, function()
        sockeye.within(5, inner, v)
      end)
    end, { "culprit", "outer" } },
    { "a generator", function(v)
      sockeye.wrap(function() inner(v) end)()
    end, { "culprit", "inner", "in the coroutine of:", "outer" } },
    { "a deadline in a generator", function(v)
      sockeye.wrap(function() sockeye.within(5, inner, v) end)()
    end, { "culprit", "in the coroutine of:", "outer" } },
  }
  for _, row in ipairs(rows) do
    it("has where it was raised first, through " .. row[1], function()
      local outer = row[2]
      for _, value in ipairs { "text", { "table" } } do
        run(function()
          local t = spawn(function() outer(value) sleep(0) end)
          local ok, err = pcall(t.join, t)
          assert.same({ false, true }, { ok, rawequal(err, value) })
          assert.same(row[3], functions_in(t:traceback()), t:traceback())
          assert.is_nil(t:traceback():find("/sockeye/", 1, true))
        end)
      end
    end)
  end

  it("is another's where the script raises the same text elsewhere",
    function()
      run(function()
        local function elsewhere() error("text", 0) end
        local t = spawn(function()
          pcall(sockeye.within, 5, inner, "text")
          elsewhere()
          sleep(0)
        end)
        pcall(t.join, t)
        assert.same({ "elsewhere" }, functions_in(t:traceback()))
      end)
    end)

  it("is reported with a further error, which is that of the body", function()
    run(function()
      local seen
      sockeye.on_error(function(err, _, traceback)
        seen = { err, functions_in(traceback)[1] }
      end)
      pcall(group, function(g)
        g:spawn(error, "first", 0)
        pcall(sleep, 60)
        inner("second")
      end)
      assert.same({ "second", "culprit" }, seen)
    end)
  end)
end)

describe("the frames of a traceback", function()
  it("are the script's, and what it has called", function()
    run(function()
      local function calls(f, ...) return (f(...)) end
      local t = spawn(function() calls(string.rep) end)
      pcall(t.join, t)
      assert.matches("^stack traceback:\n\t%[C%]: in function 'string.rep'\n" ..
        "\t[^\n]-: in [^\n]-'calls'\n\t[^\n]-: in [^\n]+$", t:traceback())
    end)
  end)

  it("are kept where a text looks like one", function()
    run(function()
      local f = load("error 'x'", "=[C]: in ?")
      local t = spawn(function() f() sleep(0) end)
      pcall(t.join, t)
      assert.matches("traceback_spec.lua:%d+: in ", t:traceback())
    end)
  end)

  it("are shortened in the middle where they are many", function()
    run(function()
      local function down(n)
        if n == 0 then error "deep" end
        down(n - 1)
        sleep(0)
      end
      local t = spawn(function() down(100) sleep(0) end)
      pcall(t.join, t)
      assert.matches("\n\t%.%.%.", t:traceback())
      assert.matches("'error'", t:traceback())
    end)
  end)
end)
