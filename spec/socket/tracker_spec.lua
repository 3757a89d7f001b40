local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local trace = require "spec.support.trace"
local worlds = require "spec.support.worlds"

local function tcp()
  return streams.keep(sockets.tcp())
end

-- More than a peer takes that does not read: the kernel is not done with it.
-- Returns how much was sent.
local function leave_outstanding(s, size)
  local n = s:send(("x"):rep(size or 300000), "zerocopy dontwait")
  assert.same({ false, 1 }, { s:zerocopy_wait "dontwait" })
  return n
end

local probe <close> = sockeye.socket("inet", "stream")
if not pcall(probe.setsockopt, probe, "SO_ZEROCOPY", true) then
  describe("zerocopy", function()
    pending "is for systems with SO_ZEROCOPY"
  end)
  return
end

describe("the completions of sends without copies", function()
  streams.guard(descriptors.zerocopy)

  worlds.it("are waited for by the socket's time-out", function()
    local a = tcp()
    leave_outstanding(a)
    a:settimeout(0)
    assert.same({ false, 1 }, { a:zerocopy_wait() })
    a:settimeout(0.001)
    local err = errors.raised("ETIMEDOUT", "zerocopy_wait", a.zerocopy_wait, a)
    assert.is_true(err.timeout)
    a:close()
    errors.raised("EBADF", "zerocopy_wait", a.zerocopy_wait, a)
  end)

  it("can be waited for while another task reads", function()
    worlds.in_task(function()
      local a, b = tcp()
      local n = leave_outstanding(a)
      local waiting = sockeye.spawn(a.zerocopy_wait, a)
      local reading = sockeye.spawn(a.recv, a, 100)
      sockeye.sleep(0.005)
      assert.not_equal("done", waiting:status())
      assert.equal(n, #b:recv(n, "waitall"))
      assert.equal(1, (waiting:join()))
      assert.not_equal("done", reading:status())
      b:send "data"
      assert.equal("data", reading:join())
    end)
  end)

  it("end with the socket", function()
    worlds.in_task(function()
      local a = tcp()
      leave_outstanding(a)
      local waiting = sockeye.spawn(a.zerocopy_wait, a)
      sockeye.yield()
      a:close()
      errors.closed("zerocopy_wait", waiting.join, waiting)
    end)
  end)

  worlds.it("are left to who has asked for the error queue", function()
    local a, b = tcp()
    a:setsockopt("IP_RECVERR", true)
    a:send("one", "zerocopy")
    a:send("two", "zerocopy")
    assert.equal("onetwo", b:recv(6, "waitall"))
    assert.same({ false, 2 }, { a:zerocopy_wait "dontwait" })
    local low, high = 0, -1
    assert.is_true(examples.eventually(function()
      local m = a:recvmsg { iov = 0, control = true,
                            flags = "errqueue dontwait" }
      local range = m and m.control.zerocopy
      if range then
        assert.equal(high + 1, range.low)
        high = range.high
      end
      return high == 1
    end))
    assert.equal(0, low)
    assert.equal(2, (a:zerocopy_wait()))
  end)

  if not trace.available() then
    pending "do not keep a reader busy (strace cannot be used)"
    return
  end

  it("do not keep a waiting reader busy #ptrace", function()
    for _, poller in ipairs { "epoll", "poll", "none" } do
      local log = os.tmpname()
      local result = process.lua_script([[
        local sockeye = require "sockeye"
        local l = sockeye.listen "127.0.0.1:0"
        local a = sockeye.socket("inet", "stream"):connect(l:getsockname())
        local b = l:accept()
        local function read() assert(a:recv(10) == "end") end
        local function work()
          for _ = 1, 10 do
            a:send(("x"):rep(1000), "zerocopy")
            b:recv(1000, "waitall")
          end
          sockeye.sleep(0.05)
          b:send "end"
        end
        if arg[1] == "none" then
          if sockeye.fork() == 0 then
            sockeye.sleep(0.05)
            b:send "end"
            sockeye._exit(0)
          end
          a:send(("x"):rep(1000), "zerocopy")
          b:recv(1000, "waitall")
          a:settimeout(5)
          read()
        else
          sockeye.run(function()
            sockeye.spawn(read)
            sockeye.yield()
            work()
          end)
        end
      ]], { args = { poller }, env = { SOCKEYE_POLLER = poller },
            prefix = { "strace", "-qq", "-o", log, "-e",
                       "trace=?epoll_pwait2," ..
                       trace.names "poll,ppoll,epoll_wait,recvfrom" } })
      local file <close> = io.open(log)
      local _, calls = file:read "a":gsub("\n", "")
      os.remove(log)
      assert.equal(0, result.status, result.stderr)
      assert.is_true(calls > 2 and calls < 120, poller .. calls)
    end
  end)
end)

describe("a socket closed with sends without copies outstanding", function()
  streams.guard(descriptors.zerocopy)

  -- Both ends, after a send that has not been read, and how much was sent.
  local function sent()
    local a, b = tcp()
    return a, b, leave_outstanding(a)
  end

  worlds.it("still sends what it has taken, and its end", function()
    local before = descriptors.count()
    local a, b, n = sent()
    a:close()
    collectgarbage()
    errors.raised("EBADF", "send", a.send, a, "x", "zerocopy")
    local junk = {}
    for i = 1, 20 do junk[i] = ("y"):rep(300000 + i) end
    assert.is_true(b:recv(n, "waitall") == ("x"):rep(n))
    assert.equal(20, #junk)
    assert.is_nil(b:recv(1))
    b:close()
    assert.is_true(examples.eventually(function()
      collectgarbage()
      return descriptors.count() == before
    end))
  end)

  worlds.it("has its descriptor reaped by later sends", function()
    local c, d = tcp()
    local a, b, n = sent()
    local before = descriptors.count()
    a:close()
    assert.equal(before, descriptors.count())
    b:recv(n, "waitall")
    assert.is_true(examples.eventually(function()
      c:send("x", "zerocopy")
      d:recv(1)
      return descriptors.count() == before - 1
    end))
  end)

  -- As sent, of connections whose receivers take little: what an ordinary user
  -- may lock in memory is enough for many.
  local function sent_little()
    local l <close> = sockets.bound("127.0.0.1:0")
    l:setsockopt("SO_RCVBUF", 8192)
    l:setsockopt("TCP_MAXSEG", 1024):listen()
    local a = streams.keep(sockets.client(l:getsockname()))
    local b = streams.keep((l:accept()):settimeout(20))
    return a, b, leave_outstanding(a, 32768)
  end

  -- How reading all of it ends: nil, or an error's code.
  local function ending(s)
    local ok, err = pcall(sockets.read_all, s)
    return not ok and err.code or nil
  end

  it("is reset when there are too many like that", function()
    local peers, sockets_made = {}, {}
    for i = 1, 66 do sockets_made[i], peers[i] = sent_little() end
    for i = 1, 66 do sockets_made[i]:close() end
    for i = 1, 66 do
      assert.equal(i <= 2 and "ECONNRESET" or nil, ending(peers[i]))
    end
  end)

  it("is reset if that was asked for", function()
    local a, b = sent()
    local before = descriptors.count()
    a:setsockopt("SO_LINGER", 0):close()
    assert.equal(before - 1, descriptors.count())
    assert.equal("ECONNRESET", ending(b))
  end)

  it("may be the last action of a script", function()
    local l = streams.keep(sockets.listener())
    local sender = process.start_lua(([[
      local s = require "sockeye".socket("inet", "stream")
      s:connect(%q)
      for i = 1, 100 do s:send(("%%03d"):format(i):rep(1000), "zerocopy") end
    ]]):format(tostring(l:getsockname())))
    local s = streams.keep((l:accept()))
    local text = sockets.read_all(s)
    assert.equal(300000, #text)
    for i = 1, 100 do
      assert.equal(("%03d"):format(i):rep(1000),
                   text:sub(3000 * i - 2999, 3000 * i))
    end
    assert.equal(0, sender:wait().status)
  end)
end)
