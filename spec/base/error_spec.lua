local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local process = require "spec.support.process"
local worlds = require "spec.support.worlds"

-- A port of this host on which nobody listens.
local function refused_address()
  local s <close> = sockeye.socket("inet", "stream")
  return s:bind("127.0.0.1:0"):getsockname()
end

local function closed_socket()
  local s = sockeye.socket("inet", "stream")
  s:close()
  return s
end

describe("an error", function()
  descriptors.guard()

  it("has the code, number, text and call of what failed", function()
    local s <close> = sockeye.socket("inet", "stream")
    local address = refused_address()
    local err = errors.raised("ECONNREFUSED", "connect", s.connect, s, address)
    assert.equal(111, err.errno)
    assert.equal("Connection refused", err.message)
    assert.equal(address, err.address)
    assert.is_nil(err.subject)
    assert.is_nil(err.timeout)
    assert.is_string(err.where)
  end)

  it("has the address also if a string was given for it", function()
    local s <close> = sockeye.socket("inet", "stream")
    local address = refused_address()
    local err = errors.raised("ECONNREFUSED", "connect",
                              s.connect, s, tostring(address))
    assert.equal(address, err.address)
  end)

  it("names the subject of the call if that is no address", function()
    local err = errors.raised("ESOCKTNOSUPPORT", "socket",
                              sockeye.socket, "inet", "seqpacket")
    assert.equal("inet seqpacket", err.subject)
    assert.is_nil(err.address)
  end)

  it("marks a time-out that the caller set", function()
    local s <close> = sockeye.socket("inet", "stream")
    s:bind("127.0.0.1:0"):listen():settimeout(0.001)
    local err = errors.raised("ETIMEDOUT", "accept", s.accept, s)
    assert.is_true(err.timeout)
    assert.equal(110, err.errno)
  end)

  it("is a table of the type sockeye.Error", function()
    local _, err = pcall(sockeye.adopt, 1 << 20)
    assert.equal("table", type(err))
    assert.equal("sockeye.Error", getmetatable(err))
  end)

  it("accepts new fields", function()
    local _, err = pcall(sockeye.adopt, 1 << 20)
    err.sent = 3
    assert.equal(3, err.sent)
  end)
end)

describe("an error, printed,", function()
  local cases = {
    { { where = "a.lua:1:", call = "connect", address = "127.0.0.1:9",
        message = "Connection refused", code = "ECONNREFUSED" },
      "a.lua:1: connect 127.0.0.1:9: Connection refused (ECONNREFUSED)" },
    { { where = "a.lua:1:", call = "socket", subject = "inet raw",
        message = "Operation not permitted", code = "EPERM" },
      "a.lua:1: socket inet raw: Operation not permitted (EPERM)" },
    { { call = "listen", message = "Unknown error 999", errno = 999 },
      "listen: Unknown error 999" },
    { { call = "bind", address = sockeye.inet6("::1", 80),
        subject = "unseen", message = "No", code = "EX" },
      "bind [::1]:80: No (EX)" },
    { { call = "write", address = sockeye.unix(), message = "No" },
      "write: No" },
    { {}, "" },
  }

  for _, case in ipairs(cases) do
    it(("reads %q"):format(case[2]), function()
      local _, err = pcall(sockeye.adopt, 1 << 20)
      for name in pairs(err) do err[name] = nil end
      for name, value in pairs(case[1]) do err[name] = value end
      assert.equal(case[2], tostring(err))
    end)
  end

  it("begins with the line that made the call", function()
    local s <close> = sockeye.socket("inet", "stream")
    local address = refused_address()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, err = pcall(s.connect, s, address)
    assert.equal(("spec/base/error_spec.lua:%d: connect %s: " ..
      "Connection refused (ECONNREFUSED)"):format(line, address),
      tostring(err))
  end)

  for _, name in ipairs { "match", "find", "gsub", "sub", "lower" } do
    it("has no method " .. name .. " of strings, and says so", function()
      local _, err = pcall(sockeye.adopt, 1 << 20)
      errors.rejected("^spec/base/error_spec.lua:%d+: an error is no " ..
        "string: compare err.code, or call tostring%(err%):" .. name ..
        "%(%.%.%.%)", function() return err[name](err, "x") end)
    end)
  end

  it("has no other fields", function()
    local _, err = pcall(sockeye.adopt, 1 << 20)
    for _, name in ipairs { "cod", "nosuch", "matches", 1, true } do
      assert.is_nil(err[name])
    end
    err.match = "mine"
    assert.equal("mine", err.match)
  end)

  it("rejects what is no table", function()
    local _, err = pcall(sockeye.adopt, 1 << 20)
    errors.rejected("table expected", debug.getmetatable(err).__tostring,
                    "text")
  end)
end)

describe("is_error", function()
  local err = select(2, pcall(sockeye.adopt, 1 << 20))
  local cases = {
    { "an error", true, err },
    { "an error of that code", true, err, "EBADF" },
    { "an error, no code asked for", true, err, nil },
    { "an error of another code", false, err, "EPERM" },
    { "a code that is the start of another", false, err, "EBAD" },
    { "a string", false, "EBADF" },
    { "nil", false, nil },
    { "a table", false, {} },
    { "a table with another metatable", false, setmetatable({}, {}) },
    { "a table that looks like one", false, { code = "EBADF" }, "EBADF" },
    { "a userdata", false, io.stdout },
    { "an address", false, sockeye.inet() },
    { "a number", false, 9 },
  }

  for _, case in ipairs(cases) do
    it(("says %s of %s"):format(case[2], case[1]), function()
      assert.equal(case[2], sockeye.is_error(table.unpack(case, 3, 4)))
    end)
  end

  it("rejects a missing value, and a code that is no string", function()
    errors.rejected("bad argument #1", sockeye.is_error)
    errors.rejected("bad argument #2", sockeye.is_error, err, {})
  end)
end)

describe("where", function()
  local s = closed_socket()

  local function here(offset)
    return ("spec/base/error_spec.lua:%d:"):format(
      debug.getinfo(2, "l").currentline + (offset or 0))
  end

  local forms = {
    { "in a function", function()
      local where = here(1)
      local _, err = pcall(function() s:listen() end)
      return where, err
    end },
    { "of a method given to pcall", function()
      local where = here(1)
      local _, err = pcall(s.listen, s)
      return where, err
    end },
    { "of a function given to pcall", function()
      local where = here(1)
      local _, err = pcall(sockeye.adopt, 1 << 20)
      return where, err
    end },
    { "in a coroutine", function()
      local where
      local _, err = coroutine.resume(coroutine.create(function()
        where = here(1)
        s:listen()
      end))
      return where, err
    end },
    { "in a coroutine that was resumed", function()
      local where
      local thread = coroutine.create(function()
        coroutine.yield()
        where = here(1)
        s:listen()
      end)
      coroutine.resume(thread)
      local _, err = coroutine.resume(thread)
      return where, err
    end },
    { "in a metamethod", function()
      local where
      local t = setmetatable({}, { __index = function()
        where = here(1)
        s:listen()
      end })
      local _, err = pcall(function() return t.field end)
      return where, err
    end },
    { "in the comparison of a sort", function()
      local where
      local _, err = pcall(table.sort, { 2, 1 }, function()
        where = here(1)
        s:listen()
      end)
      return where, err
    end },
  }

  for _, form in ipairs(forms) do
    it("is the line of the call " .. form[1], function()
      local where, err = form[2]()
      assert.equal(where, err.where)
    end)
  end

  it("is nil if no Lua code made the call", function()
    local _, err = coroutine.resume(coroutine.create(s.listen), s)
    assert.equal("EBADF", err.code)
    assert.is_nil(err.where)
  end)

  it("is printed by the interpreter for an uncaught error",
    function()
      local result = process.lua_script [[
local sockeye = require "sockeye"
local s = sockeye.socket("inet", "stream")
s:close()
s:listen()
]]
      assert.equal(1, result.status)
      assert.matches("^[^\n]-:4: listen: the socket is closed %(EBADF%)\n$",
                     result.stderr:match("[^\n]*: (/[^\n]*\n)") or
                     result.stderr)
    end)
end)

describe("the message of a time-out", function()
  descriptors.guard()

  -- Each gets a silent socket; the second field is what has set the limit, nil:
  -- the call or the socket itself.
  local calls = {
    { "recv", nil, function(s) s:settimeout(0.01):recv(1) end },
    { "accept", nil, function()
      local l <close> = sockeye.listen("127.0.0.1:0")
      l:settimeout(0.01):accept()
    end },
    { "wait", nil, function(s) sockeye.wait(s, "r", 0.01) end },
    { "read", nil, function(s)
      local stream = sockeye.stream(s)
      stream:settimeout(0.01)
      stream:read("l")
    end },
    { "wait", nil, function()
      local child <close> = sockeye.process { "sleep", "60" }
      child:wait(0.01)
    end },
    { "recv", "timeout", function(s) sockeye.timeout(0.01, s.recv, s, 1) end },
    { "wait", "timeout", function(s)
      sockeye.timeout(0.01, sockeye.timeout, 20, sockeye.wait, s)
    end },
    { "sleep", "shield", function()
      sockeye.shield(0.01, sockeye.sleep, 20)
    end },
  }
  local in_tasks = {
    { "get", nil, function() sockeye.channel():get(0.01) end },
    { "put", nil, function() sockeye.channel():put(1, 0.01) end },
    { "wait", nil, function() sockeye.event():wait(0.01) end },
    { "acquire", nil, function()
      sockeye.semaphore(0):acquire(0.01)
    end },
  }

  local function check(call, whose, f)
    local a, b = sockeye.socketpair()
    local err = errors.raised("ETIMEDOUT", call, f, a)
    a:close()
    b:close()
    assert.is_true(err.timeout)
    assert.equal("timed out after 0.01 s" .. (whose and
      (", the limit of '%s'"):format(whose) or ""), err.message)
  end

  for _, world in ipairs(worlds.pollers) do
    for _, row in ipairs(calls) do
      it(("says how long %s had, and whose limit it was%s, %s"):format(
        row[1], row[2] and ": " .. row[2] or "", world[1]), function()
        world[2](function() check(row[1], row[2], row[3]) end)
      end)
    end
  end
  for _, row in ipairs(in_tasks) do
    it(("says how long %s had, in a task"):format(row[1]), function()
      sockeye.run(check, row[1], row[2], row[3])
    end)
  end

  it("names the function that the script called", function()
    local err = errors.raised("ETIMEDOUT", "getaddrinfo", sockeye.timeout, 0,
                              sockeye.resolve, "no-such-host.invalid")
    assert.equal("resolve", err.caller)
    assert.matches("resolve: timed out after 0 s, the limit of 'timeout'",
                   tostring(err), 1, true)
  end)

  it("is the system's where it gave up by itself", function()
    local _, err = pcall(require("sockeye.core").primitives.raise, "connect",
                         "ETIMEDOUT")
    assert.is_nil(err.timeout)
    assert.is_nil(err.message:find("after", 1, true))
  end)
end)
