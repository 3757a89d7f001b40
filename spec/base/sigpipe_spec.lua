local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

describe("a pipe without a reader", function()
  descriptors.guard()

  it("raises EPIPE, and the process lives", function()
    for _, timeout in ipairs { 20, false } do
      local r, w = sockeye.pipe()
      r:close()
      w:settimeout(timeout or nil)
      fork.reap(fork.child(function()
        sockeye.signal("PIPE", "default")
        errors.raised("EPIPE", "write", w.write, w, "x")
        errors.raised("EPIPE", "write", w.write, w, "x")
      end))
      w:close()
    end
  end)

  it("leaves a SIGPIPE pending that was pending before", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local function pending()
        local file <close> = io.open "/proc/self/status"
        local text = file:read "a"
        local bits = 0
        for mask in text:gmatch "S[ih][gd]Pnd:%s*(%x+)" do
          bits = bits | tonumber(mask, 16)
        end
        return bits & 1 << sockeye.SIGPIPE - 1 ~= 0
      end
      local r, w = sockeye.pipe()
      r:close()
      local function write() return select(2, pcall(w.write, w, "x")).code end
      print(pending(), write(), pending())
      sockeye.kill(sockeye.getpid(), "PIPE")
      print(pending(), write(), pending())
    ]], { prefix = { "env", "--block-signal=PIPE" } })
    if result.status == 125 then return pending "env blocks no signals" end
    assert.equal("false\tEPIPE\tfalse\ntrue\tEPIPE\ttrue\n",
                 result.stdout .. result.stderr)
  end)
end)
