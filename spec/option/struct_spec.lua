-- Options whose values are structures: what they refuse, do and return.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local options = require "spec.support.options"
local process = require "spec.support.process"

describe("option of a structure", function()
  descriptors.guard()

  it("rejects values that its type cannot hold", function()
    options.refuse_all {
      port_range = { {}, { low = 1 }, { low = 2, high = 1 },
                     { low = 1, high = 65536 },
                     { low = 1, high = 2, step = 1 }, 1 },
      txtime = { {}, { clockid = 1 }, { clockid = "x", flags = 0 },
                 { clockid = 1, flags = -1 },
                 { clockid = 1, flags = 0, f = 1 } },
    }
  end)

  it("limits the ports chosen: IP_LOCAL_PORT_RANGE", function()
    local s <close> = sockeye.socket("inet", "stream")
    local range = { low = 40000, high = 40999 }
    local ok, err = pcall(s.setsockopt, s, "IP_LOCAL_PORT_RANGE", range)
    if not ok and err.code == "ENOPROTOOPT" then
      return pending("this kernel does not have IP_LOCAL_PORT_RANGE")
    end
    assert(ok, err)
    local port = s:bind("127.0.0.1:0"):getsockname().port
    assert.is_true(port >= 40000 and port <= 40999)
  end)

  it("returns the peer of a socketpair: SO_PEERCRED", function()
    local a <close>, b = sockeye.socketpair()
    local credentials = a:getsockopt("SO_PEERCRED")
    assert.same(credentials, b:getsockopt("SO_PEERCRED"))
    assert.equal(sockeye.getpid(), credentials.pid)
    local id = process.run { "id", "-u" }
    assert.equal(tonumber(id.stdout), credentials.uid)
    id = process.run { "id", "-g" }
    assert.equal(tonumber(id.stdout), credentials.gid)
    b:close()
  end)

  it("returns every group of the peer: SO_PEERGROUPS", function()
    local list = {}
    for i = 1, 300 do list[i] = 5000 + i end
    local groups = table.concat(list, ",")
    local script = [[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair()
      print(table.concat(a:getsockopt "SO_PEERGROUPS", ","))
      b:close()
    ]]
    local available, reason = process.available "setpriv"
    if not available then return pending(reason) end
    local result = process.lua_script(script, {
      prefix = { "setpriv", "--groups", groups },
    })
    if result.stderr:find "not permitted" then
      return pending("setgroups needs a privilege")
    end
    assert.equal("", result.stderr)
    assert.equal(groups .. "\n", result.stdout)
  end)

  it("returns the sizes of the buffers: SO_MEMINFO", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal(s:getsockopt("SO_RCVBUF"), s:getsockopt("SO_MEMINFO").rcvbuf)
    assert.equal(s:getsockopt("SO_SNDBUF"), s:getsockopt("SO_MEMINFO").sndbuf)
  end)
end)
