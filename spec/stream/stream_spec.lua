local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local trace = require "spec.support.trace"
local worlds = require "spec.support.worlds"

describe("a stream", function()
  streams.guard()

  it("can be of any socket, and of any descriptor", function()
    for _, type in ipairs { "stream", "dgram", "seqpacket" } do
      local conn, peer = streams.pair(type)
      conn:write "data":flush()
      assert.equal("data", peer:recv(10))
    end
    local r, w = sockeye.pipe()
    local out = sockeye.stream(w)
    out:write "data":close()
    assert.equal("data", sockets.read_all(r))
    r:close()
  end)

  it("can only be made of an open socket", function()
    errors.rejected("Socket expected", sockeye.stream, "text")
    local conn, peer = streams.pair()
    peer:close()
    errors.raised("EBADF", "stream", sockeye.stream, peer)
    errors.rejected("Socket expected", sockeye.stream, conn)
  end)

  worlds.it("can be polled, and waited for", function()
    local conn, peer = streams.pair()
    assert.same({}, sockeye.poll({ [conn] = "r" }, 0))
    peer:send "x"
    assert.same({ [conn] = "r" }, sockeye.poll { [conn] = "r" })
    assert.equal("rw", sockeye.wait(conn, "rw"))
    conn:close()
    errors.raised("EBADF", "poll", sockeye.poll, { [conn] = "r" })
  end)

  worlds.it("is closed once, and for ever", function()
    local conn, peer = streams.pair()
    local calls = {
      fd = {}, flush = {}, gettimeout = {}, lines = {}, pipe = { conn },
      read = {}, read_some = {}, read_until = { "x" }, settimeout = { 1 },
      shutdown = { "wr" }, write = { "x" },
    }
    conn:close()
    assert.is_nil(peer:recv(1))
    conn:close()
    for name, arguments in pairs(calls) do
      errors.raised("EBADF", name:match "^%a+", conn[name], conn,
                    table.unpack(arguments))
    end
    assert.equal("stream(closed)", tostring(conn))
  end)

  worlds.it("is closed at the end of a scope", function()
    local conn, peer = streams.pair()
    do
      local _ <close> = conn
      conn:write "last words"
    end
    assert.equal("last words", peer:recv(100))
    assert.is_nil(peer:recv(1))
  end)

  it("is closed by the collector if nothing refers to it", function()
    local b <close> = select(2, (function()
      local a, b = sockets.unix()
      return sockeye.stream(a):setvbuf "full":write "last words", b
    end)())
    collectgarbage()
    collectgarbage()
    assert.equal("last words", b:recv(100))
    assert.is_nil(b:recv(1))
  end)

  it("leaves its socket open for those who refer to it", function()
    local a <close>, b = sockets.unix()
    sockeye.stream(a)
    collectgarbage()
    collectgarbage()
    a:send "still there"
    assert.equal("still there", b:recv(100))
    b:close()
  end)

  worlds.it("sends what was written, then the end of one direction", function()
    local conn, peer = streams.pair()
    assert.equal(conn, conn:write "request":shutdown "wr")
    assert.equal("request", peer:recv(100))
    assert.is_nil(peer:recv(1))
    peer:send "answer"
    peer:close()
    assert.equal("answer", conn:read "a")
    errors.raised("EPIPE", nil, function() conn:write "x" conn:flush() end)
    errors.rejected("unknown end", conn.shutdown, conn, "both")
  end)

  worlds.it("says what it could not send when it is closed in Lua", function()
    local conn = streams.pair()
    conn:setvbuf "full":write "data"
    conn:socket():close()
    errors.raised("EBADF", "close", conn.close, conn)
    conn:close()
  end)

  it("is rejected in place of another type", function()
    local conn = streams.pair()
    for _, value in ipairs { 5, "x", {}, conn:socket(), io.stdout } do
      for _, name in ipairs { "read", "write", "close", "flush", "fd" } do
        errors.rejected("Stream expected", conn[name], value)
      end
    end
    local meta = debug.getmetatable(conn)
    errors.rejected("Stream expected", meta.__gc, 5)
  end)
end)

-- How many calls of each kind a server makes that answers a client's lines:
-- `depth` of them at a time, for `rounds` times.
local function count_calls(depth, rounds)
  local log = os.tmpname()
  local script = ([[
    local sockeye = require "sockeye"
    local depth, rounds = %d, %d
    local l = sockeye.socket("inet", "stream"):bind("127.0.0.1:0"):listen()
    local pid = sockeye.fork()
    if pid == 0 then
      local c = sockeye.socket("inet", "stream"):connect(l:getsockname())
      local text = ("hello world\n"):rep(depth)
      for _ = 1, rounds do
        c:sendall(text)
        assert(c:recv(#text, "waitall") == text)
      end
      sockeye._exit(0)
    end
    sockeye.run(function()
      local conn <close> = sockeye.stream((l:accept()))
      for line in conn:lines() do conn:write(line, "\n") end
    end)
    assert(select(3, sockeye.waitpid(pid)) == 0)
  ]]):format(depth, rounds)
  local result = process.lua_script(script, {
    prefix = { "strace", "-qq", "-o", log, "-e",
               "trace=network,?epoll_wait,?epoll_pwait2," ..
               trace.names "ppoll" .. ",read,write" },
  })
  assert.equal(0, result.status, result.stderr)
  local counts = setmetatable({}, { __index = function() return 0 end })
  for line in io.lines(log) do
    local name = trace.plain(line):match "^(%a[%w_]*)%("
    if name then counts[name] = counts[name] + 1 end
  end
  os.remove(log)
  return counts
end

describe("a server of lines", function()
  if not trace.available() then
    pending "makes few system calls (strace cannot be used)"
    return
  end

  for _, depth in ipairs { 1, 16 } do
    it(("answers %d at a time by one call #ptrace"):format(depth), function()
      local counts = count_calls(depth, 100)
      assert.equal(100, counts.sendto + counts.sendmsg)
      -- The last one reports the end.
      assert.is_true(counts.recvfrom <= 102)
      assert.is_true(counts.epoll_wait + counts.epoll_pwait2 + counts.ppoll <=
                     104)
    end)
  end
end)

describe("close in a task whose budget is spent", function()
  streams.guard()

  it("closes the stream though the task is cancelled", function()
    local a, b = sockeye.socketpair()
    local s = sockeye.stream(a):setvbuf("full")
    sockeye.run(function()
      local task = sockeye.spawn(function()
        s:write "hello"
        for _ = 1, 63 do b:send "x" end
        s:close()
      end)
      sockeye.yield()
      task:cancel()
      pcall(task.join, task)
    end)
    errors.raised("EBADF", "fd", s.fd, s)
    b:close()
  end)
end)
