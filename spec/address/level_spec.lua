local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local messages = require "spec.support.messages"

describe("the level of an option", function()
  descriptors.guard()

  it("is a name of several kinds, or a number", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, level in ipairs { "socket", "SOL_SOCKET", "sol_socket",
                             sockeye.SOL_SOCKET } do
      s:setsockopt(level, "SO_KEEPALIVE", 1)
      assert.equal(1, s:getsockopt(level, sockeye.SO_KEEPALIVE))
    end
    for _, level in ipairs { "tcp", "SOL_TCP", "IPPROTO_TCP",
                             sockeye.IPPROTO_TCP } do
      s:setsockopt(level, sockeye.TCP_NODELAY, true)
      assert.equal(1, s:getsockopt(level, "TCP_NODELAY"))
      s:setsockopt(level, sockeye.TCP_NODELAY, false)
      assert.equal(0, s:getsockopt(level, "TCP_NODELAY"))
    end
  end)

  it("is an argument error otherwise", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.rejected("unknown option level 'sockett', did you mean 'socket'",
                    s.setsockopt, s, "sockett", 1, 1)
    errors.rejected("unknown protocol 'IPPROTO_TPC'", s.setsockopt, s,
                    "IPPROTO_TPC", 1, 1)
    errors.rejected("unknown family 'AF_VSOK'", s.setsockopt, s, "AF_VSOK", 1,
                    1)
    for _, level in ipairs { 1 << 31, 1.5, {}, true } do
      errors.rejected("bad argument", s.setsockopt, s, level, 1, 1)
    end
  end)

  it("is a constant of the module", function()
    for name, number in pairs { SOL_CAN_RAW = 101, SOL_TIPC = 271,
                                SOL_RDS = 276, SOL_ALG = 279, SOL_TLS = 282,
                                SOL_VSOCK = 287 } do
      assert.equal(number, sockeye[name])
    end
  end)
end)

describe("the level of raw control data", function()
  descriptors.guard()

  it("comes and is sent as a name", function()
    local a, b, name = messages.asking("inet", "IP_RECVTTL")
    for _, level in ipairs { "ip", "IPPROTO_IP", "SOL_IP", 0 } do
      a:sendmsg {
        iov = "x", name = name,
        control = { { level = level, type = sockeye.IP_TTL,
                      data = string.pack("i4", 33) } },
      }
      local m = b:recvmsg { iov = 9, control = messages.header + 3 }
      assert.equal("ip", m.control[1].level)
      assert.equal(sockeye.IP_TTL, m.control[1].type)
      assert.equal(33, b and m.control[1].data:byte())
    end
    a:close()
    b:close()
  end)
end)
