local sockeye = require "sockeye"

local closing_waits = require "spec.support.closing_waits"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local process = require "spec.support.process"

local run, sleep = sockeye.run, sockeye.sleep

-- A group whose second error no one can raise.
local function fail_twice(first, second)
  return pcall(sockeye.group, function(g)
    g:spawn(error, first, 0)
    g:spawn(error, second, 0)
  end)
end

-- What a script writes to stderr.
local function written(text)
  local result = process.lua_script([[
    local sockeye = require "sockeye"
    local function fail_twice(first, second)
      return pcall(sockeye.group, function(g)
        g:spawn(error, first, 0)
        g:spawn(function() error(second, 0) end)
      end)
    end
  ]] .. text, { timeout = 20 })
  assert.equal(0, result.status, result.stderr)
  return result.stderr
end

describe("a further error of a group", function()
  descriptors.guard()

  it("is written without a heading where there are no frames", function()
    local text = written [[
      sockeye.run(function()
        pcall(sockeye.group, function(g)
          g:spawn(error, "first", 0)
          g:spawn(sockeye.connect, "nonsense")
        end)
      end)
    ]]
    assert.matches("^task failed: [^\n]-'connect'[^\n]*\n$", text)
  end)

  it("goes to the function that on_error was given", function()
    run(function()
      local reports = {}
      sockeye.on_error(function(...) table.insert(reports, { ... }) end)
      local reason = {}
      assert.same({ false, "first" }, { fail_twice("first", reason) })
      assert.equal(1, #reports)
      local err, task, traceback = table.unpack(reports[1])
      assert.equal(reason, err)
      assert.equal("failed", task:status())
      assert.matches("^stack traceback:", traceback)
    end)
  end)

  it("is reported whatever its value", function()
    run(function()
      local count, last = 0, nil
      sockeye.on_error(function(err) count, last = count + 1, err end)
      fail_twice("first", nil)
      assert.same({ 1, nil }, { count, last })
      fail_twice("first", false)
      assert.same({ 2, false }, { count, last })
    end)
  end)

  it("is raised instead of the cancellation of the group's owner", function()
    local can, why = closing_waits.may_wait()
    if not can then return pending(why) end
    local reason = "data not saved"
    local ok, err = pcall(run, function()
      local t = sockeye.spawn(sockeye.group, function(g)
        g:spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function() error(reason, 0) end,
          })
          sleep(60)
        end)
        sleep(60)
      end)
      sleep(0.01)
      t:cancel()
    end)
    assert.same({ false, reason }, { ok, err })
  end)

  it("is written with its traceback where nothing is set", function()
    local text = written [[
      sockeye.run(function() fail_twice("first", "second") end)
    ]]
    assert.matches("^task failed: second\nstack traceback:\n", text)
    assert.is_nil(text:find("first", 1, true))
  end)

  it("is written with the error of the function that fails", function()
    local text = written [[
      sockeye.run(function()
        sockeye.on_error(function() error("worse", 0) end)
        fail_twice("first", "second")
      end)
    ]]
    assert.matches("task failed: second", text, 1, true)
    assert.matches("on_error failed: worse", text, 1, true)
  end)

  it("is written though its value has a broken __tostring", function()
    local text = written [[
      sockeye.run(function()
        fail_twice("first", setmetatable({}, { __tostring = error }))
      end)
    ]]
    assert.matches("task failed: (error object is a table value)", text, 1,
                   true)
  end)
end)

describe("on_error", function()
  descriptors.guard()

  it("holds for its loop only", function()
    local mine, theirs = 0, 0
    local loop <close> = sockeye.loop(function()
      sockeye.on_error(function() theirs = theirs + 1 end)
      sockeye.yield()
      fail_twice("first", "second")
    end)
    assert.is_true(loop:step())
    run(function()
      sockeye.on_error(function() mine = mine + 1 end)
      fail_twice("first", "second")
    end)
    assert.same({ 1, 0 }, { mine, theirs })
    repeat until not loop:step(0.1)
    assert.same({ 1, 1 }, { mine, theirs })
  end)

  it("may be replaced", function()
    run(function()
      local last
      sockeye.on_error(function() last = "old" end)
      sockeye.on_error(function() last = "new" end)
      fail_twice("first", "second")
      assert.equal("new", last)
    end)
  end)

  it("gets a function that may not wait", function()
    run(function()
      local ok, text
      sockeye.on_error(function() ok, text = pcall(sleep, 1) end)
      fail_twice("first", "second")
      assert.is_false(ok)
      assert.matches("cannot wait", tostring(text))
    end)
  end)

  it("rejects what is no function, and the outside of run", function()
    run(function()
      errors.rejected("bad argument #1 to '[%a.]*on_error'",
                      sockeye.on_error, 5)
    end)
    errors.rejected("on_error: not inside sockeye.run", sockeye.on_error,
                    print)
  end)
end)
