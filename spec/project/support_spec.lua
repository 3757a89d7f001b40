local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local temporary = require "spec.support.temporary"

-- Whether a helper failed the spec that called it, and what it said.
local function fails(f, ...)
  local ok, err = pcall(f, ...)
  return not ok and tostring(err)
end

local function sockeye_error(code, call)
  return setmetatable({ code = code, call = call },
                      { __metatable = "sockeye.Error" })
end

describe("the descriptors of this process", function()
  it("are listed with what they are open on", function()
    local before = descriptors.count()
    local file <close> = assert(io.open("/dev/null"))
    assert.equal(before + 1, descriptors.count())
    local found = false
    for _, target in pairs(descriptors.list()) do
      found = found or target == "/dev/null"
    end
    assert.is_true(found)
    assert.truthy(file)
  end)

  it("make a spec fail if they are left open", function()
    local kept
    local failure = fails(descriptors.unchanged, function()
      kept = assert(io.open("/dev/null"))
    end)
    assert.truthy(kept)
    assert.matches("left open: %d+ on /dev/null", failure)
    kept:close()
  end)

  it("may be closed by the collector", function()
    assert.equal(7, descriptors.unchanged(function()
      assert(io.open("/dev/null"))
      return 7
    end))
  end)
end)

describe("an expected error", function()
  it("has the code and the call", function()
    local err = sockeye_error("EPIPE", "send")
    assert.equal(err, errors.raised("EPIPE", "send", error, err))
    assert.equal(err, errors.raised("EPIPE", nil, error, err))
    assert.matches("wanted EPIPE by recv",
                   fails(errors.raised, "EPIPE", "recv", error, err))
    assert.matches("wanted EBADF",
                   fails(errors.raised, "EBADF", "send", error, err))
  end)

  it("is a sockeye error", function()
    assert.matches("no sockeye error: EPIPE",
                   fails(errors.raised, "EPIPE", nil, error, "EPIPE"))
    assert.matches("nothing was raised",
                   fails(errors.raised, "EPIPE", nil, type, 1))
  end)

  it("is a string for a rejected argument", function()
    errors.rejected("bad argument #1", ipairs)
    assert.matches("nothing was raised", fails(errors.rejected, "", type, 1))
    assert.matches("wanted \"never\"", fails(errors.rejected, "never", ipairs))
  end)
end)

describe("a child", function()
  descriptors.guard()

  it("has an output and an exit status", function()
    local result = process.lua_script([[
      print(...)
      io.stderr:write(os.getenv "GREETING")
      os.exit(3)
    ]], { args = { "a b", "it's" }, env = { GREETING = "hello" } })
    assert.same({
      stdout = "a b\tit's\n", stderr = "hello", status = 3, timed_out = false,
    }, result)
  end)

  it("finds the module under test", function()
    local result = process.lua_script [[
      require "sockeye"
      print(package.searchpath("sockeye.core", package.cpath))
    ]]
    assert.equal("", result.stderr)
    assert.equal(package.searchpath("sockeye.core", package.cpath) .. "\n",
                 result.stdout)
  end)

  it("has the signal that ended it", function()
    local result = process.run { "sh", "-c", "kill -KILL $$" }
    assert.equal(9, result.signal)
  end)

  it("reads the text given as its input", function()
    local result = process.run({ "cat" }, { stdin = "one\0two\r\n" })
    assert.equal("one\0two\r\n", result.stdout)
  end)

  it("is ended when its time has passed", function()
    local result = process.lua_script("while true do end", { timeout = 0.1 })
    assert.is_true(result.timed_out)
  end)

  it("writes lines in the background until it is stopped", function()
    local child <close> = process.start_lua [[
      io.stdout:setvbuf("line")
      print("starting")
      print("ready on 1234")
      print("more")
      io.stderr:write("a word")
      while true do end
    ]]
    local line, port = child:line("^ready on (%d+)")
    assert.equal("ready on 1234", line)
    assert.equal("1234", port)
    assert.equal("more", (child:line()))
    local result = child:stop()
    assert.equal(15, result.signal)
  end)

  it("that ends before the line awaited raises an error", function()
    local child <close> = process.start { "sh", "-c", "echo one; echo two >&2" }
    local failure = fails(child.line, child, "three")
    assert.matches("one\ntwo", failure)
    assert.equal(0, child:wait().status)
  end)
end)

describe("a spec of namespaces", function()
  it("is pending if they cannot be made", function()
    local available = netns.available
    netns.available = function() return false, "none here" end
    local ok, err = pcall(netns.with_namespaces, error)
    netns.available = available
    assert.same({ false, "none here" }, { ok, err.message })
  end)
end)

describe("network namespaces #namespace", function()
  descriptors.guard()

  local function need()
    local available, reason = netns.available()
    if not available then pending(reason) end
  end

  it("are two hosts on one wire", function()
    need()
    netns.with_namespaces(function(ns)
      assert.matches("10.77.0.1/24", ns.a:must("ip -brief address"), 1, true)
      assert.matches("dev wire1", ns.a:must("ip route get 10.77.0.2"))
      assert.matches("dev wire2", ns.b:must("ip route get fd00:77::1"))
      assert.equal("2\n", ns.b:lua("print(1 + 1)").stdout)
    end)
  end)

  it("are removed afterwards, with all that ran there", function()
    need()
    local name, child
    local failure = fails(netns.with_namespaces, function(ns)
      name = ns.a.name
      child = ns.a:start_lua "print(1) while true do end"
      error("an error of the spec's", 0)
    end)
    assert.matches("an error of the spec's", failure)
    assert.equal(9, child:wait().signal)
    local list = process.run { "ip", "netns", "list" }
    assert.is_nil(list.stdout:find(name, 1, true))
  end)
end)

describe("a spec", function()
  it("fails where it asserts nothing", function()
    local folder <close> = temporary.folder()
    local path = folder.path .. "/a_spec.lua"
    local file <close> = assert(io.open(path, "w"))
    file:write [[
      it("is empty", function() end)
      it("prepares", function() assert(true) end)
      it("asserts", function() assert.is_true(true) end)
    ]]
    file:flush()
    local result = process.run(
      { process.lua, "tools/busted.lua", path },
      { env = { SPEC_TOTALS = "/dev/null", SPEC_WORLD = "" } })
    local _, failures = result.stdout:gsub("this spec asserts nothing", "")
    assert.equal(2, failures)
    assert.matches("1 passed, 2 failed", result.stdout)
    assert.not_equal(0, result.status)
  end)
end)
