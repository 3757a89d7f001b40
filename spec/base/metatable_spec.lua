-- The metatables of what the library hands out are out of reach.

local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

-- Calls f(type, object) with an object of each type.
local function each_object(f)
  local a, b = sockeye.socketpair()
  f("sockeye.Socket", a)
  local c, d = sockeye.socketpair()
  f("sockeye.Stream", sockeye.stream(c))
  for _, address in ipairs { sockeye.inet(), sockeye.inet6(), sockeye.unix(),
                             sockeye.netlink(), sockeye.packet("lo"),
                             a:getsockname() } do
    f("sockeye.Address", address)
  end
  f("sockeye.Error", select(2, pcall(b.recv, b:settimeout(0.001), 1)))
  f("sockeye.Channel", sockeye.channel())
  local nl <close> = netlink.open()
  f("sockeye.Netlink", nl)
  local loop <close> = sockeye.loop(print)
  f("sockeye.Loop", loop)
  sockeye.run(function()
    f("sockeye.Task", sockeye.spawn(print))
    sockeye.group(function(g) f("sockeye.Group", g) end)
    local values = table.pack(sockeye.signals("SIGUSR2"))
    local closing <close> = values[4]
    f("sockeye.Signals", closing)
  end)
  sockets.close(a, b, c, d)
end

local function files(folder, ending)
  local list <close> = assert(io.popen(
    ("find %s -name '*%s'"):format(folder, ending)))
  local names = {}
  for name in list:lines() do names[#names + 1] = name end
  return names
end

local function read(name)
  local file <close> = assert(io.open(name))
  return file:read "a"
end

describe("the metatable of an object", function()
  descriptors.guard()

  it("is shown by the name of its type", function()
    each_object(function(name, object)
      assert.equal(name, getmetatable(object))
    end)
  end)

  it("is replaced by nobody", function()
    each_object(function(_, object)
      errors.rejected(type(object) == "table" and "protected" or
                      "table expected", setmetatable, object, {})
    end)
  end)

  it("has no metamethod that is a method", function()
    each_object(function(_, object)
      for _, name in ipairs { "__gc", "__close", "__index", "__name",
                              "__metatable" } do
        local ok, value = pcall(function() return object[name] end)
        assert.is_true(not ok or value == nil, name)
      end
    end)
  end)

  it("is protected for each type that the library has", function()
    local count = 0
    for name, meta in pairs(debug.getregistry()) do
      if type(name) == "string" and name:find "^sockeye%." and
         type(meta) == "table" then
        assert.equal(name, meta.__metatable)
        assert.equal(name, meta.__name)
        count = count + 1
      end
    end
    assert.is_true(count >= 15, count)
  end)

  it("is made in one place only", function()
    for _, name in ipairs(files("csrc", ".c")) do
      assert.is_nil(read(name):find "luaL_newmetatable", name)
    end
    for _, name in ipairs(files("lua", ".lua")) do
      if not name:find "class.lua$" then
        assert.is_nil(read(name):find "__name = \"", name)
      end
    end
  end)
end)

describe("a socket", function()
  it("keeps its finalizer, whatever a script does", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair()
      sockeye.run(function()
        pcall(sockeye.timeout, 0.01, a.recv, a, 1)
        print(pcall(function() getmetatable(a).__gc = nil end))
        a = nil
        collectgarbage() collectgarbage()
        print(pcall(b.send, b, "x"))
        sockeye.sleep(0.02)
        print "survived"
      end)
    ]])
    assert.matches("^false.*\nfalse\t.*EPIPE.*\nsurvived\n$", result.stdout,
                   nil, nil, result.stderr)
  end)
end)
