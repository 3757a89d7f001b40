local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local temporary = require "spec.support.temporary"
local trace = require "spec.support.trace"
local worlds = require "spec.support.worlds"

local keep <const> = streams.keep

local function piped()
  local r, w = keep(sockeye.pipe())
  return r, w
end

local function connected(make)
  return function(...) return keep(make(...)) end
end

local unix <const> = connected(sockets.unix)

-- What is read from, and what fills it; what is written to, and what drains it.
local sources = {
  ["a Unix socket"] = unix,
  ["TCP"] = connected(sockets.tcp),
  ["a pipe"] = piped,
  ["messages"] = function() return unix "seqpacket" end,
}
local sinks = {
  ["a Unix socket"] = unix,
  ["TCP"] = connected(sockets.tcp),
  ["a pipe"] = function()
    local r, w = piped()
    return w, r
  end,
}

describe("splice", function()
  streams.guard()

  worlds.it("of what comes back ends at the deadline around it", function()
    local u = keep(sockeye.socket("inet", "dgram"):bind("127.0.0.1:0"))
    u:connect(u:getsockname())
    u:send "round and round"
    local err = errors.raised("ETIMEDOUT", "splice", sockeye.timeout, 0.2,
                              sockeye.splice, u, u)
    assert.is_true(err.sent > 0)
  end)

  it("of what comes back lets signal handlers run", function()
    local u = keep(sockeye.socket("inet", "dgram"):bind("127.0.0.1:0"))
    u:connect(u:getsockname())
    u:send "round and round"
    local moves = false
    local previous = sockeye.signal("SIGUSR1", function()
      if not moves then return end
      moves = false -- the next signal may come when the call has ended
      error("stop", 0)
    end)
    local parent = sockeye.getpid()
    local pid = fork.child(function()
      for _ = 1, 5000 do
        sockeye.kill(parent, "SIGUSR1")
        sockeye.sleep(0.001)
      end
    end)
    local outcome = table.pack(pcall(function()
      moves = true
      sockeye.splice(u, u)
    end))
    sockeye.kill(pid, "SIGKILL")
    sockeye.waitpid(pid)
    sockeye.signal("SIGUSR1", previous or "default")
    assert.same({ false, "stop", n = 2 }, outcome)
  end)

  for source, from_kind in pairs(sources) do
    for sink, to_kind in pairs(sinks) do
      local name = ("from %s to %s"):format(source, sink)

      worlds.it("moves all up to the end, " .. name, function()
        local from, filler = from_kind()
        local to, drain = to_kind()
        filler:write "some bytes"
        filler:close()
        assert.equal(4, sockeye.splice(from, to, 4))
        assert.equal(source == "messages" and 0 or 6, from:splice(to))
        assert.equal(0, sockeye.splice(from, to))
        to:close()
        assert.equal(source == "messages" and "some" or "some bytes",
                     sockets.read_all(drain))
      end)

      if source ~= "messages" then
        it("moves megabytes in order, " .. name, function()
          local text = temporary.text(1000000)
          sockeye.run(function()
            local from, filler = from_kind()
            local to, drain = to_kind()
            sockeye.spawn(sockets.pour, filler, text)
            local moved = sockeye.spawn(function()
              local n = from:splice(to)
              to:close()
              return n
            end)
            assert.is_true(sockets.read_all(drain) == text)
            assert.equal(#text, moved:join())
          end)
        end)
      end
    end
  end

  worlds.it("blocks until all has come", function(world)
    local from, filler = connected(sockets.tcp)()
    local to, drain = unix()
    for _, s in ipairs { from, to } do s:settimeout(nil) end
    local text = temporary.text(1000000)
    local join = worlds.beside(world, function()
      filler:sendall(text)
      filler:shutdown "wr"
    end)
    local reading = worlds.beside(world, function()
      assert(drain:recv(#text, "waitall") == text)
    end)
    assert.equal(#text, from:splice(to))
    join()
    reading()
  end)

  worlds.it("moves between files and sockets, by offsets", function()
    local file <close> = temporary.file "0123456789"
    local a, b = unix()
    do
      local opened <close> = assert(io.open(file.path))
      assert.equal("012", opened:read(3))
      assert.equal(3, sockeye.splice(opened, a, 3))
      assert.equal("345", b:recv(100))
      assert.equal(2, sockeye.splice(opened, a, 2, { offset_in = 8 }))
      assert.equal("89", b:recv(100))
      assert.equal("678", opened:read(3))
      assert.equal(1, sockeye.splice(opened, a, 100))
      assert.equal(0, sockeye.splice(opened, a, 100))
    end
    b:recv(100)
    b:send "ABCDE"
    local opened <close> = assert(io.open(file.path, "r+"))
    assert.equal(2, a:splice(opened, 2, { offset_out = 7 }))
    opened:seek("set", 1)
    opened:write "-"
    assert.equal(3, a:splice(opened, 3))
    opened:write "+"
    opened:flush()
    assert.equal("0-CDE+6AB9", file:read())
  end)

  worlds.it("moves from file to file", function()
    local from_file <close> = temporary.file(temporary.text(300000))
    local to_file <close> = temporary.file()
    local from <close> = assert(io.open(from_file.path))
    local to <close> = assert(io.open(to_file.path, "w"))
    assert.equal(200000, sockeye.splice(from, to, 200000))
    assert.equal(100000, sockeye.splice(from, to))
    assert.is_true(from_file:read() == to_file:read())
  end)

  worlds.it("copies where the system does not splice", function()
    local file <close> = temporary.file "before "
    local a, b = unix()
    b:sendall "and after"
    local opened <close> = assert(io.open(file.path, "a"))
    assert.equal(9, a:splice(opened, 9))
    assert.equal("before and after", file:read())
  end)

  worlds.it("hands over what could not go on: a time-out", function()
    local from, filler = unix()
    local to, drain = unix()
    local text = temporary.text(100000)
    filler:sendall(text)
    local filled = sockets.fill(to)
    to:settimeout(0.001)
    from:settimeout(0.001)
    local err = errors.raised("ETIMEDOUT", "splice", from.splice, from, to)
    assert.equal(0, err.sent)
    local done, moved, partial = from:settimeout(0):splice(to:settimeout(0))
    assert.same({ false, 0 }, { done, moved })
    drain:recv(filled, "waitall")
    local rest = from:recv(100000, "dontwait") or ""
    assert.is_true(err.partial .. partial .. rest == text)
  end)

  worlds.it("hands over what could not go on: nobody reads", function()
    local from, filler = unix()
    local to, drain = unix()
    filler:send "data"
    drain:close()
    local err = errors.raised("EPIPE", "splice", from.splice, from, to)
    assert.equal("data", err.partial)
    local file <close> = temporary.file "data"
    local opened <close> = assert(io.open(file.path))
    err = errors.raised("EPIPE", "splice", sockeye.splice, opened, to)
    assert.is_nil(err.partial)
    assert.equal("data", opened:read "a")
  end)

  worlds.it("has nothing to hand over where a pipe still has it", function()
    local r, w = piped()
    local to = unix()
    w:write "data"
    sockets.fill(to)
    assert.same({ false, 0 }, { r:settimeout(0):splice(to:settimeout(0)) })
    assert.equal("data", r:read(100))
    assert.same({ false, 0 }, { r:splice(to) })
  end)

  worlds.it("says how much was moved when nothing comes", function()
    local from, filler = unix()
    local to, drain = unix()
    filler:send "data"
    local err = errors.raised("ETIMEDOUT", "splice",
                              from.splice, from:settimeout(0.001), to)
    assert.equal(4, err.sent)
    assert.is_nil(err.partial)
    assert.equal("data", drain:recv(100))
  end)

  it("can be cancelled, and its error has what it took", function()
    sockeye.run(function()
      local from, filler = unix()
      local to = unix()
      filler:send "data"
      sockets.fill(to)
      local task = sockeye.spawn(pcall, from.splice, from, to)
      sockeye.yield()
      local err = errors.canceled("splice", task)
      assert.equal("data", err.partial)
    end)
  end)

  it("ends when either is closed", function()
    sockeye.run(function()
      for _, first in ipairs { true, false } do
        local from, filler = unix()
        local to = unix()
        if not first then
          filler:send "data"
          sockets.fill(to)
        end
        local task = sockeye.spawn(from.splice, from, to)
        sockeye.yield();
        (first and from or to):close()
        errors.closed("splice", task.join, task)
      end
    end)
  end)

  it("is ended by an error of a signal handler", function()
    local from = unix()
    local to = unix()
    local interrupt <close> = fork.interrupt("USR1", function()
      error("enough", 0)
    end)
    assert.same({ false, "enough" }, { pcall(from.splice, from, to) })
    assert.is_table(interrupt)
  end)

  it("rejects other arguments", function()
    local a, b = unix()
    errors.rejected("descriptor expected", sockeye.splice, {}, a)
    errors.rejected("descriptor expected", sockeye.splice, a, {})
    errors.rejected("value expected", sockeye.splice, a)
    errors.rejected("Socket expected", a.splice, 1, a)
    errors.rejected("must not be negative", a.splice, a, b, -1)
    errors.rejected("table expected", a.splice, a, b, 1, 2)
    errors.rejected("'offset_in': out of range", a.splice, a, b, 1,
                    { offset_in = -1 })
    errors.rejected("'offset_out': integer expected", a.splice, a, b, 1,
                    { offset_out = "x" })
    errors.rejected("unknown field 'offset'", a.splice, a, b, 1,
                    { offset = 1 })
    errors.rejected("use Stream:pipe", a.splice, a,
                    sockeye.stream(b))
    errors.raised("ESPIPE", "splice", a.splice, a, b, 1, { offset_in = 1 })
    errors.raised("EBADF", "splice", sockeye.splice, 1 << 20, a)
    local err = errors.raised("ENOENT", "open", sockeye.splice,
                              "/no/such/file", a)
    assert.matches("splice /no/such/file: ", tostring(err), 1, true)
    a:close()
    errors.raised("EBADF", "splice", a.splice, a, b)
    errors.raised("EBADF", "splice", b.splice, b, a)
  end)
end)

describe("what splice moves", function()
  it("may be a file by its path", function()
    local path <const> = os.tmpname()
    local file <close> = io.open(path, "w")
    file:write("all of it"):flush()
    local a, b = unix()
    assert.equal(6, sockeye.splice(path, a, 99, { offset_in = 3 }))
    assert.equal(" of it", b:recv(99))
    sockets.close(a, b)
    os.remove(path)
  end)

  if not trace.available() then
    pending "does not pass this process (strace cannot be used)"
    return
  end

  it("is not copied through this process #ptrace", function()
    local text = trace.calls("splice,recvfrom,sendfile", [[
      local sockeye = require "sockeye"
      sockeye.run(function()
        local a, b = sockeye.socketpair()
        local c, d = sockeye.socketpair()
        a:sendall(("x"):rep(100000)) a:close()
        assert(b:splice(c) == 100000)
        assert(c:sendfile("Makefile", 0, 100) == 100)
      end)
    ]])
    assert.matches("splice%(.-= 65536", text)
    assert.matches("sendfile%(.-= 100", text)
    assert.not_matches("recvfrom", text)
  end)
end)
