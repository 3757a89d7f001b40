-- What a server does with the errors of its handlers, whatever they are, and
-- with those for want of memory.

local sockeye = require "sockeye"
local errors_of = require "sockeye.serve.errors"

local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"
local servers = require "spec.support.servers"

-- Fails with the value, and returns what on_error was called with.
local function failing(value)
  local seen = {}
  servers.with_server(nil, function() error(value, 0) end, {
    connections = 1,
    on_error = function(...) seen[#seen + 1] = table.pack(...) end,
  }, function(address)
    for _ = 1, 2 do
      local conn <close> = servers.call(address)
      assert.is_nil(conn:read(1))
    end
  end)
  return seen
end

describe("an error of a handler", function()
  descriptors.guard()

  for _, row in ipairs {
    { "nil", nil }, { "false", false }, { "a string", "x" }, { "a table", {} },
    { "a function", print },
  } do
    it("is given to on_error when it is " .. row[1], function()
      local seen = failing(row[2])
      assert.equal(2, #seen)
      for _, call in ipairs(seen) do
        assert.equal(row[2], call[1])
        assert.equal("sockeye.Address", getmetatable(call[2]))
        assert.matches("^stack traceback", call[3])
      end
    end)
  end

  it("is written to standard error, though it cannot be printed", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      sockeye.run(function()
        local stop = sockeye.channel()
        local l = sockeye.listen "127.0.0.1:0"
        local address = l:getsockname()
        local task = sockeye.spawn(sockeye.serve, l, function()
          error(setmetatable({}, { __tostring = function() error "no" end }))
        end, { stop = stop, signals = false })
        for _ = 1, 2 do
          local conn <close> = sockeye.connect(address)
          assert(conn:read(1) == nil)
        end
        stop:close()
        print(task:join())
      end)
    ]])
    assert.equal("stop\n", result.stdout, result.stderr)
    local _, count = result.stderr:gsub("error object is a table value", "")
    assert.equal(2, count)
  end)
end)

-- Serves one connection with the handler, and returns what the server's
-- on_error was called with, and the loop's.
local function reported(handler)
  local seen, others = {}, {}
  sockeye.run(function()
    sockeye.on_error(function(err) table.insert(others, err) end)
    local stop = sockeye.channel()
    local listener = sockeye.listen "127.0.0.1:0"
    local address = listener:getsockname()
    local task = sockeye.spawn(sockeye.serve, listener, handler, {
      stop = stop, signals = false,
      on_error = function(err, peer, traceback)
        table.insert(seen, { err, getmetatable(peer), type(traceback) })
      end,
    })
    do
      local conn <close> = sockeye.connect(address)
      assert.is_nil(conn:read(1))
    end
    -- Outside of the handlers.
    pcall(sockeye.group, function(g)
      g:spawn(error, "outside 1", 0)
      g:spawn(error, "outside 2", 0)
    end)
    stop:close()
    task:join()
  end)
  return seen, others
end

local function seen_row(err) return { err, "sockeye.Address", "string" } end

local function fail_twice(g)
  g:spawn(error, "first", 0)
  g:spawn(error, "second", 0)
end

local ways = {
  ["a group of its own"] = function() sockeye.group(fail_twice) end,
  ["tasks that it spawns"] = function()
    sockeye.spawn(error, "first", 0)
    sockeye.spawn(error, "second", 0)
    sockeye.sleep(60)
  end,
  ["a group of a task that it spawns"] = function()
    sockeye.spawn(function() sockeye.group(fail_twice) end)
    sockeye.sleep(60)
  end,
  ["a group of a group"] = function()
    sockeye.group(function(outer)
      outer:spawn(function() sockeye.group(fail_twice) end)
    end)
  end,
  ["a group of a generator"] = function()
    sockeye.wrap(function() sockeye.group(fail_twice) end)()
  end,
}

describe("a further error of a handler", function()
  descriptors.guard()

  for name, handler in pairs(ways) do
    it("is given to the server's on_error, of " .. name, function()
      local seen, others = reported(handler)
      table.sort(seen, function(a, b) return a[1] < b[1] end)
      assert.same({ seen_row "first", seen_row "second" }, seen)
      assert.same({ "outside 2" }, others)
    end)
  end

  it("is reported as everywhere where there is no on_error", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      sockeye.run(function()
        sockeye.on_error(print)
        local stop = sockeye.channel()
        local l = sockeye.listen "127.0.0.1:0"
        local address = l:getsockname()
        local task = sockeye.spawn(sockeye.serve, l, function()
          sockeye.group(function(g)
            g:spawn(error, "first", 0)
            g:spawn(error, "second", 0)
          end)
        end, { stop = stop, signals = false })
        local conn <close> = sockeye.connect(address)
        assert(conn:read(1) == nil)
        stop:close()
        task:join()
      end)
    ]]
    assert.matches("^second\ttask %(failed, ", result.stdout)
    assert.matches("first\n", result.stderr)
    assert.is_nil(result.stderr:find "second")
  end)
end)

describe("what a server has caught", function()
  it("is a table, also when no handler of xpcall was called", function()
    assert.same({ err = "x", traceback = "" }, errors_of.caught "x")
    assert.equal(errors_of.starved, errors_of.caught "not enough memory")
    local what = errors_of.explain "x"
    assert.equal(what, errors_of.caught(what))
  end)
end)
