local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"

-- What f raises, at which line of this file, if at any.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("string", type(err), tostring(err))
  local line, rest = err:match "^spec/base/argument_spec%.lua:(%d+): (.*)$"
  return rest or err, tonumber(line)
end

local function here() return debug.getinfo(2, "l").currentline end

local wrong <const> = "(string expected, got table)"

-- Ways in which a function is called: each takes the function and its
-- arguments, and returns the line of the call.
local ways <const> = {
  pcall = function(...) return here(), pcall(...) end,
  xpcall = function(f, ...) return here(), xpcall(f, tostring, ...) end,
  ["a coroutine of Lua code"] = function(...)
    local co <const> = coroutine.create(function(...)
      return select(2, pcall(...))
    end)
    local _, err <const> = coroutine.resume(co, ...)
    return here() - 3, false, err
  end,
  ["the comparison of a sort"] = function(f, ...)
    local arguments <const> = table.pack(f, ...)
    return here() + 1, pcall(table.sort, { 1, 2 }, function()
      pcall(table.unpack(arguments))
      return f(table.unpack(arguments, 2))
    end)
  end,
}

describe("an argument error", function()
  descriptors.guard()

  local function socket() return sockeye.socket("inet", "stream") end

  for name, way in pairs(ways) do
    it("of a method names the line and the method, by " .. name, function()
      local s <close> = socket()
      local line <const>, ok <const>, err <const> = way(s.send, s, {})
      assert.is_false(ok)
      assert.matches("^spec/base/argument_spec%.lua:%d+: bad argument #2 " ..
                     "to '%a+'", err)
      if name ~= "the comparison of a sort" then
        assert.equal(("spec/base/argument_spec.lua:%d: bad argument #2 to " ..
          "'send' %s"):format(line, wrong), err)
      end
    end)
  end

  it("does not count the object of a call with a colon", function()
    local s <close> = socket()
    local text <const>, line <const> = raised(function() s:send({}) end)
    assert.equal("bad argument #1 to 'send' " .. wrong, text)
    assert.equal(here() - 2, line)
  end)

  it("names a function by the name that the script gave it", function()
    local s <close> = socket()
    local transmit <const> = s.send
    assert.equal("bad argument #2 to 'transmit' " .. wrong,
                 (raised(function() transmit(s, {}) end)))
  end)

  it("names a function that a variable has named", function()
    local s <close> = socket()
    local name <const> = ("send"):lower()
    assert.equal("bad argument #2 to 'send' " .. wrong,
                 (raised(function() s[name](s, {}) end)))
    local other <const> = ("socket"):lower()
    assert.matches("^bad argument #1 to 'sockeye%.socket' %(",
                   (raised(function() sockeye[other]({}) end)))
  end)

  it("names a function of a module that C calls with its module", function()
    assert.matches("^bad argument #1 to 'sockeye%.socket' %(",
                   (raised(sockeye.socket, {})))
    assert.matches("^bad argument #1 to 'sockeye%.netlink%.encode' %(",
                   (raised(netlink.encode, 1)))
  end)

  it("names a method that is called as a metamethod", function()
    local s <close> = socket()
    local t <const> = setmetatable({}, { __index = s.send })
    assert.matches("^bad argument #1 to 'send' %(sockeye.Socket expected, " ..
      "got table%)", (raised(function() return t.field end)))
  end)

  it("names a metamethod", function()
    local s <close> = socket()
    assert.matches("^bad argument #1 to '__tostring' %(sockeye.Socket expected",
                   (raised(debug.getmetatable(s).__tostring, {})))
  end)

  it("names the method of a generic for", function()
    local s <close> = socket()
    assert.matches("^bad argument #2 to 'send' %(string expected, got nil%)",
                   (raised(function() for _ in s.send, s do end end)))
  end)

  it("in a tail call names the line of the nearest function", function()
    local s <close> = socket()
    local text <const>, line <const> = raised(function() return s:send({}) end)
    assert.equal("bad argument #1 to 'send' " .. wrong, text)
    assert.equal(here() - 2, line)
  end)

  it("says that the object of a method is missing", function()
    local s <close> = socket()
    assert.equal("bad argument #1 to 'send' (sockeye.Socket expected, got " ..
      "string; a method is called with a colon: object:send(...))",
      (raised(function() s.send("data") end)))
    assert.equal("bad argument #1 to 'send' (sockeye.Socket expected, got " ..
      "string)", (raised(s.send, "data")))
  end)

  it("says that a method was called on another object", function()
    local s <close> = socket()
    local other <const> = { send = s.send }
    assert.equal("calling 'send' on bad self (sockeye.Socket expected, got " ..
      "table)", (raised(function() other:send("data") end)))
  end)

  it("without any Lua code on the stack names the method alone", function()
    local s <close> = socket()
    local _, err <const> = coroutine.resume(coroutine.create(s.send), s, {})
    assert.equal("bad argument #2 to 'send' " .. wrong, err)
  end)

  it("has the position that coroutine.wrap adds, and no second", function()
    local s <close> = socket()
    local text <const>, line <const> = raised(function()
      coroutine.wrap(s.send)(s, {})
    end)
    assert.equal("bad argument #2 to 'send' " .. wrong, text)
    assert.equal(here() - 3, line)
  end)

  for _, poller in ipairs(loops.pollers) do
    it("has the script's line in a task by " .. poller, function()
      local s <close> = socket()
      local _, err <const> = pcall(sockeye.run, { poller = poller }, function()
        s:send({})
      end)
      assert.equal(("spec/base/argument_spec.lua:%d: bad argument #1 to " ..
        "'send' %s"):format(here() - 3, wrong), err)
    end)
  end

  it("does not quote the name that a script has given a type", function()
    local s <close> = socket()
    local value <const> = setmetatable({}, { __name = ("\n"):rep(1000) })
    assert.equal("bad argument #1 to 'send' " .. wrong,
                 (raised(function() s:send(value) end)))
    assert.equal("bad argument #1 to 'send' (string expected, got FILE*)",
                 (raised(function() s:send(io.stdout) end)))
  end)

  -- The kinds of values, as the functions of <lauxlib.h> check them.
  local kinds <const> = {
    { "number has no integer representation", sockeye.adopt, 1.5 },
    { "number expected, got no value", sockeye.adopt },
    { "number expected, got table", sockeye.sleep, {} },
    { "value expected", sockeye.is_error },
    { "string expected, got no value", sockeye.if_nametoindex },
    { "function expected, got boolean", sockeye.run, true },
    { "light userdata", sockeye.if_nametoindex,
      debug.upvalueid(raised, 1) },
  }

  for _, kind in ipairs(kinds) do
    it("says: " .. kind[1], function()
      local text <const> = raised(table.unpack(kind, 2))
      assert.is_truthy(text:find(kind[1], 1, true), text)
    end)
  end
end)
