-- Options whose values are structures: what they refuse, do and tell.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local options = require "spec.support.options"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

describe("option of a structure", function()
  descriptors.guard()

  it("takes nothing that its type has no room for", function()
    options.refuse_all {
      filter = { "", "1234567", ("12345678"):rep(4097), true },
      port_range = { {}, { low = 1 }, { low = 2, high = 1 },
                     { low = 1, high = 65536 },
                     { low = 1, high = 2, step = 1 }, 1 },
      txtime = { {}, { clockid = 1 }, { clockid = "x", flags = 0 },
                 { clockid = 1, flags = -1 },
                 { clockid = 1, flags = 0, f = 1 } },
    }
  end)

  it("drops what it does not let through: SO_ATTACH_FILTER", function()
    local r <close> = sockets.bound("127.0.0.1:0", "dgram")
    local s <close> = sockeye.socket("inet", "dgram")
    local drop = string.pack("=I2BBI4", 6, 0, 0, 0) -- BPF_RET, 0 bytes
    r:setsockopt("SO_ATTACH_FILTER", drop)
    s:sendto("dropped", r:getsockname())
    assert.equal(drop, r:getsockopt("SOL_SOCKET", "SO_ATTACH_FILTER", 1))
    r:setsockopt("SO_DETACH_FILTER", 0)
    s:sendto("let through", r:getsockname())
    assert.equal("let through", r:recv(99))
    errors.raised("EINVAL", "setsockopt", r.setsockopt, r, "SO_ATTACH_FILTER",
                  ("\255"):rep(8))
  end)

  it("tells the groups of a netlink socket: NETLINK_LIST_MEMBERSHIPS",
    function()
      local s <close> = sockeye.socket("netlink", "raw", "route")
      local name = "NETLINK_LIST_MEMBERSHIPS"
      assert.same({}, s:getsockopt(name))
      for _, group in ipairs { 1, 9, 33 } do
        s:setsockopt("NETLINK_ADD_MEMBERSHIP", group)
      end
      assert.same({ 1, 9, 33 }, s:getsockopt(name))
      s:setsockopt("NETLINK_DROP_MEMBERSHIP", 9)
      assert.same({ 1, 33 }, s:getsockopt(name))
      errors.raised("EINVAL", "setsockopt", s.setsockopt, s,
                    "NETLINK_ADD_MEMBERSHIP", 0)
    end)

  it("bounds the system's choice: IP_LOCAL_PORT_RANGE", function()
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

  it("tells the peer of a socketpair: SO_PEERCRED", function()
    local a <close>, b = sockeye.socketpair()
    local credentials = a:getsockopt("SO_PEERCRED")
    assert.same(credentials, b:getsockopt("SO_PEERCRED"))
    assert.equal(sockeye.getpid(), credentials.pid)
    local told = process.run { "id", "-u" }
    assert.equal(tonumber(told.stdout), credentials.uid)
    told = process.run { "id", "-g" }
    assert.equal(tonumber(told.stdout), credentials.gid)
    b:close()
  end)

  it("tells every group of the peer: SO_PEERGROUPS", function()
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

  it("tells the sizes of the buffers: SO_MEMINFO", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.equal(s:getsockopt("SO_RCVBUF"), s:getsockopt("SO_MEMINFO").rcvbuf)
    assert.equal(s:getsockopt("SO_SNDBUF"), s:getsockopt("SO_MEMINFO").sndbuf)
  end)
end)
