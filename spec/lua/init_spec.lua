-- The public table, and the names by which errors and tracebacks call what is
-- in it.

local sockeye = require "sockeye"
local core = require "sockeye.core"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fuzz = require "spec.support.fuzz"

-- Values that no call takes for all of its arguments.
local wrong = {
  {}, { {}, {}, {} }, { print, print, print }, { "\0", -0.5, true },
  { io.stdout, io.stdout, io.stdout },
}

-- With some of them these would wait, or change this process.
local excluded = {
  ["sockeye.sleep"] = true, ["sockeye.waitpid"] = true,
  ["sockeye.poll"] = true, ["sockeye.run"] = true,
}

-- Methods of the objects that fuzz.functions leaves out.
local function add_methods(list, class, object)
  local index = debug.getmetatable(object).__index
  if type(index) == "function" then
    index = select(2, debug.getupvalue(index, 1))
  end
  for name, method in pairs(index) do
    if type(method) == "function" then
      list[#list + 1] = { class .. ":" .. name, name, method }
    end
  end
end

local function all_functions()
  local list = {}
  for _, entry in ipairs(fuzz.functions()) do
    if not excluded[entry[1]] then list[#list + 1] = entry end
  end
  local a, b = sockeye.socketpair("unix", "stream")
  local stream <close> = sockeye.stream(a)
  b:close()
  add_methods(list, "Stream", stream)
  add_methods(list, "Channel", sockeye.channel())
  local nl <close> = require("sockeye.netlink").open()
  add_methods(list, "Netlink", nl)
  sockeye.run(function()
    add_methods(list, "Task", sockeye.spawn(function() end))
    sockeye.group(function(g) add_methods(list, "Group", g) end)
  end)
  return list
end

-- What f raises for each row of wrong arguments.
local function each_error(f, handle)
  for _, arguments in ipairs(wrong) do
    local ok, err = xpcall(f, debug.traceback, table.unpack(arguments))
    if not ok then handle(tostring(err)) end
  end
end

describe("the public table", function()
  it("is a table of its own", function()
    assert.not_equal(core, sockeye)
    assert.equal(core.socket, sockeye.socket)
  end)

  it("has no primitives", function()
    assert.is_nil(sockeye.primitives)
    assert.is_table(core.primitives)
  end)

  it("has the functions written in C and those written in Lua", function()
    for _, name in ipairs { "socket", "run", "AF_INET", "group", "timeout",
                            "within", "shield", "pcall", "xpcall", "deadline",
                            "is_canceled", "on_error", "spawn_daemon", "wrap",
                            "channel", "signals", "connect", "listen",
                            "serve" } do
      assert.is_not_nil(sockeye[name], name)
    end
  end)
end)

describe("an argument error", function()
  descriptors.guard()

  it("names a function that pcall calls as sockeye.name", function()
    errors.rejected("bad argument #1 to 'sockeye.socket'", sockeye.socket,
                    "inet9")
    errors.rejected("bad argument #1 to 'sockeye.sleep'", sockeye.sleep, {})
  end)

  it("names a function that a script calls by its field", function()
    errors.rejected("init_spec.lua:%d+: bad argument #1 to 'socket'",
                    function() sockeye.socket("inet9") end)
  end)
end)

describe("errors and their tracebacks", function()
  descriptors.guard()

  it("never say sockeye.core, whatever is called", function()
    local rejected = 0
    for _, entry in ipairs(all_functions()) do
      each_error(entry[3], function(text)
        assert.is_nil(text:find("sockeye.core", 1, true),
                      entry[1] .. ": " .. text)
        if text:find("bad argument #", 1, true) then rejected = rejected + 1 end
      end)
    end
    collectgarbage()
    assert.is_true(rejected > 400, rejected)
  end)

  it("say sockeye.name for a function that is written in Lua", function()
    local names = { "group", "timeout", "within", "shield", "xpcall", "wrap",
                    "channel", "connect", "listen", "serve" }
    for _, name in ipairs(names) do
      local _, text = xpcall(sockeye[name], debug.traceback, {})
      assert.matches("'sockeye%." .. name .. "'", text)
      assert.not_matches("sockeye%.%w+%." .. name, text)
    end
  end)

  it("never say sockeye.core in a task", function()
    local task
    local ok, err = pcall(sockeye.run, function()
      task = sockeye.spawn(sockeye.socket, "inet9")
      task:join()
    end)
    assert.is_false(ok)
    assert.matches("^spec/lua/init_spec.lua:%d+: " ..
      "bad argument #1 to 'sockeye.socket'", err)
    assert.matches("in function 'sockeye.socket'", task:traceback())
    assert.not_matches("sockeye%.core", task:traceback())
  end)
end)
