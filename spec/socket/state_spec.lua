local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"

describe("state", function()
  descriptors.guard()

  -- Bounded: the loopback answers within a few of these steps.
  local function becomes(state, s)
    for _ = 1, 1000 do
      if s:state() == state then break end
      sockeye.sleep(0.001)
    end
    assert.equal(state, s:state())
  end

  it("follows a TCP connection through its life", function()
    local l <close> = sockeye.socket("inet", "stream")
    assert.equal("CLOSED", l:state())
    l:bind("127.0.0.1:0")
    assert.equal("CLOSED", l:state())
    l:listen()
    assert.equal("LISTEN", l:state())
    local c <close> = sockeye.socket("inet", "stream")
    assert.equal("CLOSED", c:state())
    c:connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
    local a <close> = l:accept()
    assert.equal("ESTABLISHED", a:state())
    c:shutdown("wr")
    becomes("CLOSE_WAIT", a)
    becomes("FIN_WAIT2", c)
    a:shutdown("wr")
    becomes("CLOSED", a)
    becomes("CLOSED", c)
    l:shutdown("rd")
    assert.equal("CLOSED", l:state())
  end)

  it("is CLOSED after a reset", function()
    local l <close> = sockets.listener()
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    c:send("unread")
    l:accept():close()
    becomes("CLOSED", c)
  end)

  it("is reported for datagram and unix sockets", function()
    local d <close> = sockeye.socket("inet", "dgram")
    assert.equal("CLOSED", d:state())
    assert.equal("CLOSED", d:bind("127.0.0.1:0"):state())
    assert.equal("ESTABLISHED", d:connect(d:getsockname()):state())
    assert.equal("CLOSED", d:disconnect():state())
    local u <close> = sockeye.socket("unix", "stream")
    assert.equal("CLOSED", u:state())
    u:bind(sockeye.unix())
    assert.equal("CLOSED", u:state())
    assert.equal("LISTEN", u:listen():state())
    local c <close> = sockeye.socket("unix", "stream")
    assert.equal("ESTABLISHED", c:connect(u:getsockname()):state())
  end)

  it("is reported for raw sockets", function()
    local ok, s = pcall(sockeye.socket, "packet", "raw", 0)
    if not ok then return pending("raw sockets need a privilege") end
    assert.equal("CLOSED", s:state())
    s:close()
  end)
end)
