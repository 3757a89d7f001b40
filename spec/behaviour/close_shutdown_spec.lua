local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

-- A child that holds all that this process does until the pipe's other end is
-- closed. Then it runs f. Returns the process id and the pipe's end.
local function holder(f)
  local r, w = sockeye.pipe()
  local pid = fork.child(function()
    w:close()
    r:read(1)
    f()
  end)
  r:close()
  return pid, w
end

describe("close", function()
  descriptors.guard()

  it("close-1: frees the descriptor", function()
    local s = sockeye.socket("inet", "stream")
    local fd = s:fd()
    assert.is_truthy(descriptors.list()[fd])
    s:close()
    assert.is_nil(descriptors.list()[fd])
    local again <close> = sockeye.socket("inet", "stream")
    assert.equal(fd, again:fd())
    s:close()
    assert.equal("CLOSED", again:state())
    errors.raised("EBADF", "send", s.send, s, "x")
  end)

  it("close-1: ends the connection, after what is queued", function()
    local c, a = sockets.tcp()
    local _ <close> = a
    local sent = sockets.fill(c)
    c:close()
    assert.equal(sent, #sockets.read_all(a))
    assert.equal("CLOSE_WAIT", a:state())
  end)

  for _, first in ipairs { "parent", "child" } do
    it(("close-1: ends it when both have closed, first the %s"):format(first),
       function()
      local c, a = sockets.tcp()
      local _ <close> = a
      local pid, w = holder(function()
        c:send "still here"
        c:close()
      end)
      if first == "parent" then
        c:close()
        assert.is_false(a:recv(99, "dontwait"))
        assert.equal("ESTABLISHED", a:state())
      end
      w:close()
      fork.reap(pid)
      assert.equal("still here", a:recv(99))
      if first == "child" then
        assert.is_false(a:recv(99, "dontwait"))
        assert.equal("ESTABLISHED", a:state())
        c:close()
      end
      assert.is_nil(a:recv(99))
    end)
  end

  it("close-1: ends the connection when the last process ends", function()
    local c, a = sockets.tcp()
    local _ <close> = a
    local pid = fork.child(function() end)
    c:close()
    fork.reap(pid)
    assert.is_nil(a:recv(99))
  end)
end)

describe("shutdown", function()
  descriptors.guard()

  it("shutdown-1: wr sends what is queued, and the peer can answer",
     function()
    local c, a = sockets.tcp()
    local sent = sockets.fill(c)
    c:shutdown "wr"
    errors.raised("EPIPE", "send", c.send, c, "x")
    assert.equal("FIN_WAIT1", c:state())
    assert.equal(sent, #sockets.read_all(a))
    assert.equal("CLOSE_WAIT", a:state())
    assert.is_false(c:recv(9, "dontwait"))
    sockets.await(c, "FIN_WAIT2")
    a:sendall(tostring(sent))
    a:close()
    assert.equal(tostring(sent), sockets.read_all(c))
    c:close()
  end)

  it("shutdown-1: wr is the same on a unix stream", function()
    local a, b = sockets.unix()
    a:sendall("question")
    a:shutdown "wr"
    errors.raised("EPIPE", "send", a.send, a, "x")
    assert.equal("question", sockets.read_all(b))
    b:sendall("answer")
    b:close()
    assert.equal("answer", sockets.read_all(a))
    a:close()
  end)

  it("shutdown-2: rd ends the reading", function()
    local c, a = sockets.tcp()
    assert.is_false(c:recv(9, "dontwait"))
    c:shutdown "rd"
    assert.is_nil(c:recv(9))
    assert.is_true(sockets.readable(c))
    assert.equal(2, c:send "up")
    assert.equal("up", a:recv(9))
    sockets.close(c, a)
  end)

  it("shutdown-2: rd wakes a reader", function()
    local c, a = sockets.tcp()
    c:settimeout(nil)
    local pid = fork.child(function() assert(c:recv(9) == nil) end)
    fork.await(pid, "S")
    c:shutdown "rd"
    fork.reap(pid)
    sockets.close(c, a)
  end)

  -- BSD acknowledges and discards it.
  it("shutdown-2: rd still lets later data be read on Linux",
     function()
    local c, a = sockets.tcp()
    a:send "before"
    sockets.arrived(c, 6)
    c:shutdown "rd"
    assert.equal("before", c:recv(99))
    assert.is_nil(c:recv(99))
    a:send "after"
    sockets.arrived(c, 11)
    assert.equal("after", c:recv(99))
    assert.is_nil(c:recv(99))
    assert.equal("ESTABLISHED", a:state())
    sockets.close(c, a)
  end)

  it("shutdown-2: rd of a unix stream makes the peer's send EPIPE",
     function()
    local a, b = sockets.unix()
    a:shutdown "rd"
    assert.is_nil(a:recv(9))
    errors.raised("EPIPE", "send", b.send, b, "x")
    sockets.close(a, b)
  end)

  it("shutdown-3: rdwr acts at once, though others have the socket", function()
    local c, a = sockets.tcp()
    local pid, w = holder(function()
      assert(c:recv(9) == nil)
      local ok, err = pcall(c.send, c, "x")
      assert(not ok and err.code == "EPIPE")
    end)
    c:shutdown "rdwr"
    assert.is_nil(a:recv(9))
    assert.is_nil(c:recv(9))
    assert.is_false(sockeye.waitpid(pid, "nohang"))
    w:close()
    fork.reap(pid)
    sockets.close(c, a)
  end)

  it("shutdown-3: needs a connection", function()
    local s <close> = sockeye.socket("inet", "stream")
    for _, how in ipairs { "rd", "wr", "rdwr" } do
      errors.raised("ENOTCONN", "shutdown", s.shutdown, s, how)
    end
  end)

  -- It can listen again, at another port where the kernel chose the first.
  it("shutdown-3: ends listening on Linux", function()
    local l <close> = sockets.listener()
    local address = l:getsockname()
    l:shutdown "rd"
    assert.equal("CLOSED", l:state())
    local c <close> = sockeye.socket("inet", "stream")
    errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
    errors.raised("EINVAL", "accept", l.accept, l)
    assert.equal("LISTEN", l:listen():state())
    assert.is_true(l:getsockname().port > 0)
  end)
end)

describe("RST", function()
  descriptors.guard()

  it("shutdown-4: without a listener is ECONNREFUSED", function()
    local address, s = sockets.refusing()
    local _ <close> = s
    local c <close> = sockeye.socket("inet", "stream")
    errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
  end)

  for _, call in ipairs { "recv", "send" } do
    it("shutdown-4: of an aborted connection is ECONNRESET by " .. call,
       function()
      local c, a = sockets.tcp()
      local _ <close> = a
      assert.is_nil(a:getsockopt "SO_ERROR")
      c:setsockopt("SO_LINGER", 0):close()
      sockets.await(a, "CLOSED")
      errors.raised("ECONNRESET", call, a[call], a,
                    call == "recv" and 9 or "x")
      assert.is_nil(a:recv(9))
      errors.raised("EPIPE", "send", a.send, a, "x")
    end)
  end

  it("shutdown-4: loses what an aborted connection had queued", function()
    local c, a = sockets.tcp()
    local _ <close> = a
    local sent = sockets.fill(c)
    c:setsockopt("SO_LINGER", 0):close()
    local received = 0
    local ok, err = pcall(function()
      for part in function() return a:recv(65536) end do
        received = received + #part
      end
    end)
    assert.is_false(ok)
    assert.equal("ECONNRESET", err.code)
    assert.is_true(received < sent)
  end)

  it("shutdown-4: of a connection that no longer exists is EPIPE", function()
    local c, a = sockets.tcp()
    local _ <close> = a
    c:close()
    sockets.await(a, "CLOSE_WAIT")
    assert.equal(1, a:send "x")
    sockets.await(a, "CLOSED")
    errors.raised("EPIPE", "send", a.send, a, "x")
    assert.is_nil(a:recv(9))
  end)

  -- BSD sends FIN, and drops what has not been read.
  it("shutdown-4: answers close with unread data on Linux", function()
    local c, a = sockets.tcp()
    local _ <close> = a
    a:send "unread"
    sockets.arrived(c, 6)
    c:close()
    errors.raised("ECONNRESET", "recv", a.recv, a, 9)
  end)
end)
