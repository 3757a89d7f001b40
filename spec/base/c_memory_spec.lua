-- Memory of the C library: given back whatever becomes of the call.

local process = require "spec.support.process"

-- Makes the call of which arg[1] is the text with memory for no, one, two …
-- requests, until it has enough, over and over; prints by how many KiB the
-- process has grown meanwhile. What is lost is collected after each, while
-- there is memory again: Lua calls a finalizer once, and that needs some.
local script <const> = [[
local sockeye = require "sockeye"
local call = load("local sockeye = ...; return " .. arg[1])(sockeye)
local allocator = assert(package.loadlib("./build/spec/allocator.so",
                                         "luaopen_allocator"))()
local function size()
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match "^VmData:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) end
  end
end
local function starve(times)
  local n = 0
  for _ = 1, times do
    n = n + 1
    local _, refused = allocator.call(n, call)
    if not refused then n = 0 end
    collectgarbage()
  end
end
starve(1000)
local before = size()
starve(10000)
print(size() - before)
]]

local calls = {
  resolve = "function() sockeye.resolve('127.0.0.1', '80') end",
  interfaces = "sockeye.interfaces",
  if_nameindex = "sockeye.if_nameindex",
}

-- KiB. What the calls took would be several times as much.
local tolerance <const> = 256

describe("memory of the C library", function()
  for name, text in pairs(calls) do
    it("is freed if Lua runs out of memory: " .. name, function()
      if os.getenv "SOCKEYE_CHECKED" then
        return pending("the sanitizers find what is lost, and take memory")
      end
      local result = process.lua_script(script, { args = { text } })
      assert.equal("", result.stderr)
      local growth = math.tointeger(tonumber(result.stdout))
      assert.is_true(growth < tolerance, ("grew by %d KiB"):format(growth))
    end)
  end
end)
