local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"

describe("TCP_INFO", function()
  descriptors.guard()

  it("is whole for a connection", function()
    local c <close>, a = sockets.tcp()
    c:send(("x"):rep(1000))
    assert.equal(1000, #a:recv(1000, "waitall"))
    a:send("thanks")
    assert.equal("thanks", c:recv(99))
    local info = c:getsockopt("TCP_INFO")
    assert.equal("ESTABLISHED", info.state)
    assert.equal("open", info.ca_state)
    assert.equal("table", type(info.options))
    assert.equal(1000, info.bytes_sent)
    assert.equal(1000, info.bytes_acked - 1) -- the SYN counts, too
    assert.equal(6, info.bytes_received)
    assert.equal(1, info.data_segs_in)
    assert.is_true(info.rtt > 0 and info.rto >= 1000)
    assert.is_true(info.snd_mss > 0 and info.snd_cwnd > 0)
    for name, value in pairs(info) do
      local kind = math.type(value) or type(value)
      assert.is_true(kind == "integer" or name == "state" or
        name == "ca_state" or name == "options" or
        name == "delivery_rate_app_limited", name)
    end
    a:close()
  end)

  it("has the state at each stage of a connection", function()
    local l <close> = sockeye.socket("inet", "stream"):bind("127.0.0.1:0")
    assert.equal("CLOSED", l:getsockopt("TCP_INFO").state)
    l:listen(7)
    local info = l:getsockopt("TCP_INFO")
    assert.equal("LISTEN", info.state)
    assert.equal(7, info.sacked)
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    assert.equal(1, l:getsockopt("TCP_INFO").unacked)
    local a <close> = l:accept()
    c:shutdown("wr")
    assert.is_nil(a:recv(1))
    assert.equal("CLOSE_WAIT", a:getsockopt("TCP_INFO").state)
  end)
end)
