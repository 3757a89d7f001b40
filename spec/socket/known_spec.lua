local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local function listed(fd)
  for _, found in ipairs((sockeye.sockets())) do
    if found.fd == fd then return true end
  end
  return false
end

describe("the descriptors that are known", function()
  descriptors.guard()

  it("may have any number that the process may use", function()
    fork.reap(fork.child(function()
      local s <close> = sockeye.socket("inet", "dgram")
      local most = sockeye.getrlimit "nofile"
      for _, fd in ipairs { 1022, 1023, 1024, 1025, 5000, 20000, most - 1 } do
        if fd < most then
          local other <close> = sockeye.adopt(sockeye.dup2(s, fd))
          assert(listed(fd))
          other:close()
          assert(not listed(fd))
        end
      end
      assert(listed(s:fd()))
    end))
  end)

  it("are forgotten with the socket, however it ends", function()
    local fd
    do
      local s <close> = sockeye.socket("inet", "dgram")
      fd = s:fd()
      assert.is_true(listed(fd))
    end
    assert.is_false(listed(fd))
    fd = sockeye.socket("inet", "dgram"):fd()
    collectgarbage()
    collectgarbage()
    assert.is_false(listed(fd))
  end)

  it("are still asked for by a finalizer, when the state ends", function()
    local result = process.lua_script [[
      local sockeye
      local function ask()
        local list, counts = sockeye.sockets()
        sockeye.trace_sockets(true)
        sockeye.socket("inet", "dgram"):close()
        print(#list, counts.open)
      end
      -- What was made first is finalized last.
      after = setmetatable({}, { __gc = ask })
      sockeye = require "sockeye"
      s = sockeye.socket("inet", "dgram")
      before = setmetatable({}, { __gc = ask })
    ]]
    assert.equal(0, result.status, result.stderr)
    assert.equal("", result.stderr)
    assert.equal("1\t1\n0\t0\n", result.stdout)
  end)
end)
