-- Options of TCP whose values are structures.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"

describe("a signature of RFC 2385", function()
  descriptors.guard()

  local rejected = {
    { "table", "x" }, { "'address'", { key = "k" } },
    { "'address'", { address = "nobody", key = "k" } },
    { "'key'", { address = "127.0.0.1" } },
    { "'key'.*80", { address = "127.0.0.1", key = ("k"):rep(81) } },
    { "'keys'", { address = "127.0.0.1", keys = "k" } },
  }

  it("is checked before it is set", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, case in ipairs(rejected) do
      for _, name in ipairs { "TCP_MD5SIG", "TCP_MD5SIG_EXT" } do
        errors.rejected(case[1], s.setsockopt, s, name, case[2])
      end
    end
    errors.rejected("'prefix'", s.setsockopt, s, "TCP_MD5SIG",
                    { address = "127.0.0.1", key = "k", prefix = 8 })
    errors.rejected("'prefix'", s.setsockopt, s, "TCP_MD5SIG_EXT",
                    { address = "127.0.0.1", key = "k", prefix = 33 })
    errors.rejected("'interface'", s.setsockopt, s, "TCP_MD5SIG_EXT",
                    { address = "127.0.0.1", key = "k", interface = "no0" })
  end)

  it("is between the two ends of a connection", function()
    local l <close> = sockeye.socket("inet", "stream"):bind "127.0.0.1:0"
    local signature = { address = "127.0.0.1", key = "secret" }
    local ok, err = pcall(l.setsockopt, l, "TCP_MD5SIG", signature)
    if not ok then
      assert.is_true(err.code == "ENOPROTOOPT" or err.code == "EPERM")
      assert.equal("TCP_MD5SIG", err.subject)
      return pending "this kernel has no signatures of TCP"
    end
    l:listen()
    local c <close> = sockeye.socket("inet", "stream")
    c:setsockopt("TCP_MD5SIG_EXT", { address = sockeye.inet("127.0.0.1", 9),
                                     key = "secret", prefix = 32,
                                     interface = "*" })
    c:settimeout(20):connect(l:getsockname())
    local a <close> = l:accept()
    c:send "signed"
    assert.equal("signed", a:recv(100))
    c:setsockopt("TCP_MD5SIG", { address = "127.0.0.1", key = "" })
  end)
end)

describe("a connection under repair", function()
  descriptors.guard()

  it("tells and takes its state", function()
    local a, b = sockets.tcp()
    local _ <close> = a
    local _ <close> = b
    local ok, err = pcall(a.setsockopt, a, "TCP_REPAIR", 1)
    if not ok then
      assert.is_true(err.code == "EPERM" or err.code == "ENOPROTOOPT")
      return pending "repair needs a privilege"
    end
    a:setsockopt("TCP_REPAIR_QUEUE", "send")
    assert.equal("send", a:getsockopt "TCP_REPAIR_QUEUE")
    local sent = a:getsockopt "TCP_QUEUE_SEQ"
    a:setsockopt("TCP_REPAIR_QUEUE", "recv")
    local received = a:getsockopt "TCP_QUEUE_SEQ"
    assert.is_true(sent >= 0 and received >= 0)
    local window = a:getsockopt "TCP_REPAIR_WINDOW"
    a:setsockopt("TCP_REPAIR_WINDOW", window)
    assert.same(window, a:getsockopt "TCP_REPAIR_WINDOW")
    a:setsockopt("TCP_REPAIR_OPTIONS", { { code = "mss", value = 1400 },
                                         { code = "sack_perm" } })
    a:setsockopt("TCP_REPAIR", -1)
    a:settimeout(20):send "goes on"
    assert.equal("goes on", b:settimeout(20):recv(100))
  end)

  it("is checked before it is set", function()
    local s <close> = sockeye.socket("inet", "stream")
    local rejected = {
      { "queue", "TCP_REPAIR_QUEUE", "both" },
      { "table", "TCP_REPAIR_OPTIONS", "mss" },
      { "'code'", "TCP_REPAIR_OPTIONS", { { value = 1 } } },
      { "'code'", "TCP_REPAIR_OPTIONS", { { code = "mms" } } },
      { "'value'", "TCP_REPAIR_OPTIONS", { { code = 2, value = -1 } } },
      { "16", "TCP_REPAIR_OPTIONS", (function()
        local list = {}
        for i = 1, 17 do list[i] = { code = 2 } end
        return list
      end)() },
      { "'snd_wl1'", "TCP_REPAIR_WINDOW", {} },
      { "'rcv_wup'", "TCP_REPAIR_WINDOW",
        { snd_wl1 = 0, snd_wnd = 0, max_window = 0, rcv_wnd = 0,
          rcv_wup = 1 << 32 } },
      { "'window'", "TCP_REPAIR_WINDOW", { window = 1 } },
    }
    for _, case in ipairs(rejected) do
      errors.rejected(case[1], s.setsockopt, s, case[2], case[3])
    end
  end)
end)

describe("what could be received without copying", function()
  descriptors.guard()

  it("is how much waits", function()
    local a, b = sockets.tcp()
    local _ <close> = a
    local _ <close> = b
    a:send "hello"
    sockets.readable(b)
    local ok, waiting = pcall(b.getsockopt, b, "TCP_ZEROCOPY_RECEIVE")
    if not ok then
      assert.equal("ENOPROTOOPT", waiting.code)
      return pending "this kernel has no zerocopy receive"
    end
    assert.equal(0, waiting.length)
    assert.equal(5, waiting.recv_skip_hint)
    assert.equal("hello", b:recv(100))
    errors.rejected("can only be read", b.setsockopt, b,
                    "TCP_ZEROCOPY_RECEIVE", {})
  end)
end)
