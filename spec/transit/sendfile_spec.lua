local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local temporary = require "spec.support.temporary"
local worlds = require "spec.support.worlds"

local keep <const> = streams.keep

-- Ways to name what holds the text: a function that makes the argument.
local forms = {
  ["a path"] = function(file) return file.path end,
  ["a Lua file"] = function(file) return assert(io.open(file.path, "rb")) end,
  ["a descriptor's number"] = function(file)
    local opened = assert(io.open(file.path, "rb"))
    local s = sockeye.socket("inet", "dgram")
    sockeye.dup2(opened, s:fd())
    opened:close()
    return s:detach()
  end,
  ["an adopted descriptor"] = function(file)
    local opened = assert(io.open(file.path, "rb"))
    local s = sockeye.socket("inet", "dgram")
    sockeye.dup2(opened, s:fd())
    opened:close()
    return sockeye.adopt(s:detach())
  end,
}

local function let_go(value)
  if math.type(value) then value = sockeye.adopt(value) end
  if type(value) ~= "string" then value:close() end
end

describe("sendfile", function()
  streams.guard()

  for name, form in pairs(forms) do
    it("sends a file named by " .. name, function()
      local file <close> = temporary.file "0123456789"
      local a, b = keep(sockets.unix())
      local source = form(file)
      assert.equal(10, a:sendfile(source))
      assert.equal(name == "a path" and 10 or 0, a:sendfile(source))
      assert.equal(4, a:sendfile(source, 3, 4))
      assert.equal(2, a:sendfile(source, 8, 100))
      assert.equal(0, a:sendfile(source, 100))
      assert.equal(0, a:sendfile(source, 0, 0))
      let_go(source)
      a:close()
      assert.equal(name == "a path" and "01234567890123456789345689" or
                   "0123456789345689", sockets.read_all(b))
    end)
  end

  for _, case in ipairs {
    { "Unix sockets", sockets.unix }, { "TCP", sockets.tcp },
  } do
    worlds.it("sends much, to a slow reader: " .. case[1], function(world)
      local text = temporary.text(5000000)
      local file <close> = temporary.file(text)
      local a, b = keep(case[2]())
      local r, w = keep(sockeye.pipe())
      local join = worlds.beside(world, function()
        if world == "outside" then a:close() r:close() end
        local got = {}
        for part in function() return b:recv(70000) end do
          got[#got + 1] = part
        end
        w:write(table.concat(got) == text and "same" or "other")
        w:close()
      end)
      if world == "outside" then b:close() w:close() end
      assert.equal(#text, a:sendfile(file.path))
      a:shutdown "wr"
      assert.equal("same", r:read(10))
      join()
      b:close()
    end)
  end

  it("sends a Lua file from its position, and moves that", function()
    local file <close> = temporary.file "line\nsecond line\nthird"
    local a, b = keep(sockets.unix())
    local opened <close> = assert(io.open(file.path, "r+"))
    assert.equal("line", opened:read())
    assert.equal(7, a:sendfile(opened, nil, 7))
    assert.equal("second ", b:recv(100))
    assert.equal(12, opened:seek())
    assert.equal("line", opened:read())
    opened:seek("end")
    opened:write " and more"
    assert.equal(5, a:sendfile(opened, 26))
    assert.equal(" more", b:recv(100))
    assert.equal(31, opened:seek())
    assert.equal(0, a:sendfile(opened))
  end)

  it("does not move the position if there is an offset", function()
    local file <close> = temporary.file "line\nsecond line\nthird"
    local a, b = keep(sockets.unix())
    local opened <close> = assert(io.open(file.path))
    opened:read()
    assert.equal(5, a:sendfile(opened, 17))
    assert.equal("third", b:recv(100))
    assert.equal("second line", opened:read())
  end)

  it("copies a file that the system cannot send", function()
    local a, b = keep(sockets.unix())
    local opened <close> = assert(io.open "/proc/version")
    local text = opened:read "a"
    assert.equal(#text, a:sendfile("/proc/version"))
    assert.equal(text, b:recv(1000))
    assert.equal(#text - 3, a:sendfile("/proc/version", 3))
    assert.equal(text:sub(4), b:recv(1000))
    opened:seek "set"
    opened:read(5)
    assert.equal(4, a:sendfile(opened, nil, 4))
    assert.equal(text:sub(6, 9), b:recv(1000))
    assert.equal(text:sub(10), opened:read "a")
  end)

  it("moves data from what is no file", function()
    local a, b = keep(sockets.unix())
    local r, w = keep(sockeye.pipe())
    w:write "from a pipe"
    w:close()
    assert.equal(4, a:sendfile(r, nil, 4))
    assert.equal(7, a:sendfile(r))
    assert.equal("from a pipe", b:recv(100))
    local c, d = keep(sockets.unix())
    d:send "from a socket"
    d:close()
    assert.equal(13, a:sendfile(c))
    assert.equal("from a socket", b:recv(100))
    errors.raised("ESPIPE", "sendfile", a.sendfile, a, c, 1)
  end)

  it("sends a file that has been deleted", function()
    local file = temporary.file "still there"
    local a, b = keep(sockets.unix())
    local opened <close> = assert(io.open(file.path))
    os.remove(file.path)
    assert.equal(11, a:sendfile(opened))
    assert.equal("still there", b:recv(100))
  end)

  worlds.it("says how much was sent when time has run out", function()
    local text = temporary.text(3000000)
    local file <close> = temporary.file(text)
    local a, b = keep(sockets.unix())
    a:settimeout(0.001)
    local opened <close> = assert(io.open(file.path))
    local err = errors.raised("ETIMEDOUT", "sendfile", a.sendfile, a, opened)
    assert.is_true(err.timeout and err.sent > 0 and err.sent < #text)
    assert.equal(err.sent, opened:seek())
    a:settimeout(0)
    assert.same({ false, 0 }, { a:sendfile(opened) })
    local got = b:recv(err.sent, "waitall")
    assert.is_true(got == text:sub(1, err.sent))
    local done, sent = a:sendfile(opened)
    assert.is_false(done)
    assert.equal(err.sent + sent, opened:seek())
  end)

  worlds.it("raises EPIPE, and nothing else, when the peer has gone",
    function()
      local file <close> = temporary.file(("x"):rep(100000))
      for _, source in ipairs { file.path, "/proc/self/status" } do
        local a, b = keep(sockets.unix())
        b:close()
        local err = errors.raised("EPIPE", "sendfile", a.sendfile, a, source)
        assert.equal(0, err.sent)
      end
    end)

  it("raises EPIPE with how much was sent when the peer closes", function()
    local file <close> = temporary.file(("x"):rep(4000000))
    local a, b = keep(sockets.unix())
    local pid = fork.child(function()
      a:close()
      b:recv(1000000, "waitall")
    end)
    b:close()
    local err = errors.raised("EPIPE", "sendfile", a.sendfile, a, file.path)
    assert.is_true(err.sent >= 1000000 and err.sent < 4000000)
    fork.reap(pid)
  end)

  it("is ended by an error of a signal handler", function()
    local file <close> = temporary.file(("x"):rep(4000000))
    local a = keep(sockets.unix())
    a:settimeout(nil)
    local interrupt <close> = fork.interrupt("USR1", function()
      error("enough", 0)
    end)
    assert.same({ false, "enough" }, { pcall(a.sendfile, a, file.path) })
    assert.is_table(interrupt)
  end)

  it("raises the system's error with the path", function()
    local a = keep(sockets.unix())
    local err = errors.raised("ENOENT", "open", a.sendfile, a, "/no/such")
    assert.equal("/no/such", err.subject)
    err = errors.raised("EISDIR", "sendfile", a.sendfile, a, "/")
    assert.equal("/", err.subject)
    errors.raised("EBADF", "sendfile", a.sendfile, a, 1 << 20)
    a:close()
    errors.raised("EBADF", "sendfile", a.sendfile, a, "/")
  end)

  it("rejects what is no file, and negative numbers", function()
    local a, b = keep(sockets.unix())
    errors.rejected("descriptor expected", a.sendfile, a, {})
    errors.rejected("value expected", a.sendfile, a)
    errors.rejected("must not be negative", a.sendfile, a, "/", -1)
    errors.rejected("must not be negative", a.sendfile, a, "/", 0, -1)
    errors.rejected("pipe", a.sendfile, a, sockeye.stream(b))
    local closed = io.open "/proc/version"
    closed:close()
    errors.raised("EBADF", "sendfile", a.sendfile, a, closed)
  end)
end)

describe("sendfile in a task", function()
  streams.guard()

  local function run(f)
    it(f[1], function() sockeye.run(f[2]) end)
  end

  run { "lets the others run though it never has to wait", function()
    local file <close> = temporary.file(("x"):rep(1 << 22))
    local null = assert(io.open("/dev/null", "w"))
    local s <close> = sockeye.socket("inet", "dgram")
    sockeye.dup2(null, s:fd())
    null:close()
    local sink <close> = sockeye.adopt(s:detach())
    local others, most = 0, 0
    local counting = sockeye.spawn(function()
      while true do
        others = others + 1
        sockeye.yield()
      end
    end)
    for _ = 1, 100 do
      local before = others
      sink:sendfile(file.path)
      most = math.max(most, others - before)
    end
    counting:cancel()
    pcall(counting.join, counting)
    assert.is_true(others > 10 and most > 0)
  end }

  run { "can be cancelled while it waits, and while it does not", function()
    local file <close> = temporary.file(("x"):rep(1 << 22))
    local a, b = keep(sockets.unix())
    local task = sockeye.spawn(pcall, a.sendfile, a, file.path)
    sockeye.yield()
    local err = errors.canceled("sendfile", task)
    assert.is_true(err.sent > 0)
    sockeye.spawn(function() while b:recv(1 << 20) do end end)
    err = errors.raised("ETIMEDOUT", "sendfile", sockeye.timeout, 0.01,
      function()
        while true do a:sendfile(file.path) end
      end)
    a:shutdown "wr"
    local _ = err
  end }

  run { "ends when the socket is closed", function()
    local file <close> = temporary.file(("x"):rep(1 << 22))
    local a = keep(sockets.unix())
    local task = sockeye.spawn(a.sendfile, a, file.path)
    sockeye.yield()
    a:close()
    errors.closed("sendfile", task.join, task)
  end }

  run { "waits for a pipe that is yet to be filled", function()
    local a, b = keep(sockets.unix())
    local r, w = keep(sockeye.pipe())
    local task = sockeye.spawn(a.sendfile, a, r)
    for i = 1, 5 do
      w:write("part " .. i)
      assert.equal("part " .. i, b:recv(100))
    end
    w:close()
    assert.equal(30, task:join())
  end }
end)

describe("a stream's sendfile", function()
  streams.guard()

  worlds.it("sends what was written first", function()
    local file <close> = temporary.file "the file"
    local conn, peer = streams.pair()
    conn:setvbuf "full"
    assert.equal(8, conn:write "before ":sendfile(file.path))
    assert.equal("before the file", peer:recv(100, "waitall dontwait"))
    conn:write " after":flush()
    assert.equal(" after", peer:recv(100))
  end)

  worlds.it("waits until what was written is sent", function(world)
    local file <close> = temporary.file "the file"
    local conn, peer = streams.pair()
    conn:setvbuf("full", 1 << 22):write(("x"):rep(1 << 21))
    local join = worlds.beside(world, function()
      if world == "outside" then conn:socket():close() end
      local got = sockets.read_all(peer)
      assert(got == ("x"):rep(1 << 21) .. "the file")
    end)
    assert.equal(8, conn:sendfile(file.path))
    conn:shutdown "wr"
    join()
  end)

  it("raises EBADF on a closed stream", function()
    local conn = streams.pair()
    conn:close()
    errors.raised("EBADF", "sendfile", conn.sendfile, conn, "/")
  end)
end)

describe("SIGPIPE", function()
  it("does not come from sendfile or splice", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair()
      b:close()
      assert(not pcall(a.sendfile, a, "/proc/version"))
      assert(not pcall(a.sendfile, a, arg[0]))
      local c, d = sockeye.socketpair()
      d:send "x"
      assert(not pcall(a.sendfile, a, c))
      os.exit(3)
    ]]
    assert.equal(3, result.status, result.stderr)
  end)
end)
