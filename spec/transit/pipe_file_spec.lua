-- Stream:pipe to files and programs, and from them.

local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local temporary = require "spec.support.temporary"
local worlds = require "spec.support.worlds"

describe("pipe to a file", function()
  streams.guard()

  -- Makes a stream that holds this, of each kind of source.
  local sources = {
    ["a socket"] = function(text)
      local conn, peer = streams.pair()
      peer:send(text)
      peer:close()
      return conn
    end,
    ["a pipe"] = function(text)
      local r, w <close> = sockeye.pipe()
      w:write(text)
      return streams.keep(sockeye.stream(r))
    end,
    ["a file"] = function(text)
      local file <close> = temporary.file("skipped" .. text)
      local f = assert(io.open(file.path, "rb"))
      assert(f:read(7) == "skipped")
      return streams.keep(sockeye.stream(f))
    end,
  }

  for kind, source in pairs(sources) do
    worlds.it("goes on where the script writes: from " .. kind, function()
      local file <close> = temporary.file "0123456789"
      local from = source "line\nmoved"
      assert.equal("line", from:read())
      local f <close> = assert(io.open(file.path, "r+b"))
      assert.equal("01", f:read(2))
      f:seek("cur", 0)
      f:write "--"
      assert.equal(3, from:pipe(f, 3))
      assert.equal(7, f:seek())
      f:write "|"
      assert.equal(2, from:pipe(f))
      assert.equal(0, from:pipe(f))
      assert.is_nil(from:read())
      f:flush()
      assert.equal("01--mov|ed", file:read())
      f:write "end"
      f:close()
      assert.equal("01--mov|edend", file:read())
    end)

    worlds.it("appends: from " .. kind, function()
      local file <close> = temporary.file "before "
      local from = source "moved"
      local f <close> = assert(io.open(file.path, "ab"))
      f:write "and "
      assert.equal(5, from:pipe(f))
      f:write " after"
      f:close()
      assert.equal("before and moved after", file:read())
    end)

    worlds.it("may be one to a program: from " .. kind, function()
      local file <close> = temporary.file ""
      local from = source "moved"
      local f = assert(io.popen("cat >" .. file.path, "w"))
      f:write "first "
      assert.equal(5, from:pipe(f))
      assert.is_true(f:close())
      assert.equal("first moved", file:read())
    end)

    worlds.it("may be one to a descriptor: from " .. kind, function()
      local r, w = sockeye.pipe()
      assert.equal(5, source "moved":pipe(w:fd()))
      w:close()
      assert.equal("moved", r:read(10))
      assert.is_nil(r:read(10))
      r:close()
    end)

    worlds.it("loses nothing where no space is left: from " .. kind, function()
      local from = source "moved"
      local f <close> = assert(io.open("/dev/full", "w"))
      local err = errors.raised("ENOSPC", "pipe", from.pipe, from, f)
      assert.equal(0, err.sent)
      assert.equal("moved", from:read "a")
    end)
  end

  worlds.it("moves megabytes in order", function(world)
    local file <close> = temporary.file ""
    local copy <close> = temporary.file ""
    local text = temporary.text(3000000)
    local from, source = streams.tcp()
    local join = worlds.beside(world, function()
      sockets.pour(source, text)
    end)
    if world == "outside" then source:close() end
    local f <close> = assert(io.open(file.path, "wb"))
    assert.equal(#text, from:pipe(f))
    f:close()
    join()
    assert.is_true(file:read() == text)
    -- From there to a socket, and from that to a file again.
    local to, sink = streams.pair()
    local sinks = sockeye.stream(sink)
    join = worlds.beside(world, function()
      if world == "outside" then to:close() end
      local out <close> = assert(io.open(copy.path, "wb"))
      assert(sinks:pipe(out) == #text)
    end)
    if world == "outside" then sinks:close() end
    local read <close> = sockeye.stream(assert(io.open(file.path, "rb")))
    assert.equal(#text, read:pipe(to))
    to:close()
    join()
    assert.is_true(copy:read() == text)
  end)

  worlds.it("loses nothing when a pipe is full", function()
    local from, source = streams.pair()
    local r, w = sockeye.pipe()
    local size = sockets.fill(w)
    source:send "data"
    source:close()
    from:settimeout(0.005)
    local err = errors.raised("ETIMEDOUT", "pipe", from.pipe, from, w:fd())
    assert.equal(0, err.sent)
    assert.equal("da", from:read(2))
    from:settimeout(0)
    assert.same({ false, 0 }, { from:pipe(w:fd()) })
    assert.equal(size, #r:read(size))
    assert.equal(2, from:pipe(w:fd()))
    w:close()
    assert.equal("ta", sockets.read_all(r))
    r:close()
  end)

  it("can be cancelled, and goes on later", function()
    local file <close> = temporary.file ""
    sockeye.run(function()
      local from, source = streams.pair()
      local f <close> = assert(io.open(file.path, "wb"))
      local task = sockeye.spawn(pcall, from.pipe, from, f)
      source:send "one"
      sockeye.sleep(0.001)
      local err = errors.canceled("pipe", task)
      source:send "two"
      source:close()
      assert.equal(6 - err.sent, from:pipe(f))
    end)
    assert.equal("onetwo", file:read())
  end)

  it("goes on though the script closes the file", function()
    local file <close> = temporary.file ""
    sockeye.run(function()
      local from, source = streams.pair()
      local f = assert(io.open(file.path, "wb"))
      local task = sockeye.spawn(from.pipe, from, f)
      sockeye.yield()
      f:close()
      source:send "data"
      source:close()
      assert.equal(4, task:join())
    end)
    assert.equal("data", file:read())
  end)

  it("rejects a closed file", function()
    local conn = streams.pair()
    local f = assert(io.open "/dev/null")
    f:close()
    errors.raised("EBADF", "pipe", conn.pipe, conn, f)
  end)
end)
