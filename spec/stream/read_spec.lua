local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local files = require "spec.support.files"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

-- What is in the stream, and the formats to read it by.
local cases = {
  { "", { "l" } }, { "", { "a" } }, { "", { 0 } }, { "", { 5 } }, { "", {} },
  { "", { "a", "a" } }, { "one\ntwo\n", {} },
  { "one\ntwo\n", { "l", "l", "l", "l" } }, { "one\ntwo", { "l", "L", "l" } },
  { "one\ntwo\n", { "L", "L", "L" } }, { "\n\n", { "l", "L", "l" } },
  { "one\r\ntwo\r", { "l", "l", "l" } }, { "a\0b\nc\0", { "l", "l" } },
  { "one\ntwo\n", { "a", "l" } }, { "one\ntwo", { 0, 3, 1, 100, 0 } },
  { "x", { 0, 0, 1, 0, 1 } }, { "one\ntwo\nthree", { 2, "l", "L", "a", "a" } },
  { "one\ntwo\n", { "*l", "*L", "*a" } }, { "line\n", { "line" } },
  { ("x"):rep(70000) .. "\nrest", { 70001, "a" } },
}

describe("read", function()
  streams.guard()

  files.same(cases)

  worlds.it("waits for what is not yet there", function(world)
    local conn, peer = streams.pair()
    local join = worlds.beside(world, function()
      peer:sendall "li"
      sockeye.sleep(0.001)
      peer:sendall "ne\nnext"
    end)
    assert.equal("line", conn:read())
    assert.equal("next", conn:read(4))
    join()
  end)

  worlds.it("reads much, in order", function(world)
    local conn, peer = streams.tcp()
    local part = {}
    for i = 1, 20000 do part[i] = ("%d:%d\n"):format(i, i * i) end
    local text = table.concat(part):rep(10)
    local join = worlds.beside(world, function()
      peer:sendall(text)
      peer:shutdown "wr"
    end)
    assert.equal(text:sub(1, 1000001), conn:read(1000001))
    assert.is_true(conn:read "a" == text:sub(1000002))
    join()
  end)

  worlds.it("does not see beyond the end", function()
    local conn = streams.holding "x"
    assert.equal("x", conn:read "a")
    for _ = 1, 2 do
      assert.is_nil(conn:read())
      assert.is_nil(conn:read(1))
      assert.is_nil(conn:read_some())
      assert.is_nil(conn:read_until "x")
      assert.equal("", conn:read "a")
    end
  end)

  worlds.it("says false where it may not wait, and loses nothing", function()
    local conn, peer = streams.pair()
    conn:settimeout(0)
    assert.is_false(conn:read())
    peer:send "half"
    assert.is_false(conn:read())
    assert.is_false(conn:read(1, "l"))
    peer:send " a line\n"
    assert.equal("half a line", conn:read())
  end)

  worlds.it("loses nothing to a time-out", function()
    local conn, peer = streams.pair()
    conn:settimeout(0.001)
    peer:send "1\nhalf"
    local err = errors.raised("ETIMEDOUT", "read", conn.read, conn, "l", "l")
    assert.is_true(err.timeout)
    errors.raised("ETIMEDOUT", "read", conn.read, conn, "n", 2, 100)
    errors.raised("ETIMEDOUT", "read", conn.read, conn, "a")
    errors.raised("ETIMEDOUT", "read", conn.read_until, conn, "--")
    peer:send " and half\n"
    assert.same({ 1, "", "half and half" }, { conn:read("n", "l", "l") })
  end)

  worlds.it("refuses a line that is too long, and keeps it", function()
    local conn, peer = streams.pair()
    local line = ("x"):rep(65537)
    peer:sendall(line, "\nnext\n")
    for _, format in ipairs { "l", "L" } do
      errors.raised("EMSGSIZE", "read", conn.read, conn, format)
    end
    assert.equal("xxx", conn:read(3))
    assert.equal(line:sub(4), conn:read())
    conn:setmax(4)
    assert.equal("next\n", conn:read "L")
    peer:sendall "12345\n1234\n"
    errors.raised("EMSGSIZE", "read", conn.read, conn, "l")
    errors.raised("EMSGSIZE", "read", conn.read, conn, 0, "L", "l")
    assert.equal("12345", conn:setmax(5):read())
    peer:shutdown "wr"
    assert.equal("1234", conn:setmax():read())
  end)

  worlds.it("refuses a last line that is too long", function()
    local conn = streams.holding "12345"
    conn:setmax(4)
    errors.raised("EMSGSIZE", "read", conn.read, conn)
    assert.equal("12345", conn:read "a")
  end)

  it("lets other tasks run though it never has to wait", function()
    sockeye.run(function()
      local conn = streams.holding(("line\n"):rep(10000))
      local others = 0
      local task = sockeye.spawn(function()
        while true do
          others = others + 1
          sockeye.yield()
        end
      end)
      for _ in conn:lines() do end
      task:cancel()
      assert.is_true(others >= 100)
    end)
  end)

  it("rejects other arguments than formats", function()
    local conn, peer = streams.pair()
    for _, format in ipairs { "x", "", "*", true, -1, 1.5, "5" } do
      errors.rejected("bad argument #3", conn.read, conn, 1, format)
    end
    errors.rejected("Stream expected", conn.read, peer)
    errors.rejected("max must be positive", conn.read_some, conn, 0)
    errors.rejected("bytes must be positive", conn.setmax, conn, 0)
  end)
end)

describe("read_some", function()
  streams.guard()

  worlds.it("reads what is there", function(world)
    local conn, peer = streams.pair()
    peer:send "line\nsome more"
    assert.equal("line", conn:read())
    assert.equal("some", conn:read_some(4))
    assert.equal(" more", conn:read_some())
    local join = worlds.beside(world, function() peer:send "later" end)
    assert.equal("later", conn:read_some())
    join()
    peer:shutdown "wr"
    assert.is_nil(conn:read_some())
  end)
end)

describe("chunks", function()
  streams.guard()

  worlds.it("iterates over the data as it arrives", function(world)
    local conn, peer = streams.pair()
    peer:send "line\nsome"
    assert.equal("line", conn:read())
    local list = {}
    local join
    for chunk in conn:chunks() do
      list[#list + 1] = chunk
      if #list == 1 then
        join = worlds.beside(world, function()
          peer:send " more"
          peer:close()
        end)
        if world == "outside" then peer:close() end
      end
    end
    join()
    assert.same({ "some", " more" }, list)
    assert.is_nil(conn:chunks()())
  end)

  worlds.it("has chunks of a maximum size", function()
    local conn = streams.holding(("x"):rep(100000))
    local sizes = {}
    for chunk in conn:chunks(40000) do sizes[#sizes + 1] = #chunk end
    local sum = 0
    for _, size in ipairs(sizes) do
      sum = sum + size
      assert.is_true(size <= 40000)
    end
    assert.equal(100000, sum)
  end)

  worlds.it("raises what ends it, and goes on where it was", function()
    local conn, peer = streams.pair()
    local following = conn:settimeout(0.001):chunks()
    errors.raised("ETIMEDOUT", "read", following)
    conn:settimeout(0)
    errors.raised("EAGAIN", "read", following)
    peer:send "data"
    assert.equal("data", following())
    conn:close()
    errors.raised("EBADF", "read", following)
    errors.raised("EBADF", "chunks", conn.chunks, conn)
    errors.rejected("size must be positive", streams.pair().chunks,
                    streams.pair(), 0)
  end)

  it("lets other tasks run, and can be cancelled", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local list = {}
      local task = sockeye.spawn(pcall, function()
        for chunk in conn:chunks() do list[#list + 1] = chunk end
      end)
      peer:send "one"
      sockeye.yield()
      errors.canceled("read", task)
      assert.same({ "one" }, list)
      peer:send "two"
      assert.equal("two", conn:read_some())
    end)
  end)
end)

describe("lines", function()
  streams.guard()

  worlds.it("iterates over lines, or what other formats read", function()
    local conn = streams.holding "one\r\ntwo\n\nlast"
    local list = {}
    for line in conn:lines() do
      list[#list + 1] = line
      if #list == 2 then break end
    end
    for line in conn:lines "L" do list[#list + 1] = line end
    assert.same({ "one\r", "two", "\n", "last" }, list)
    local numbers = streams.holding "1 a 2 b 3 c"
    list = {}
    for n, word in numbers:lines("n", 2) do
      list[#list + 1] = word .. n
    end
    assert.same({ " a1", " b2", " c3" }, list)
  end)

  worlds.it("takes as many formats as files do", function()
    local conn = streams.holding(("x"):rep(300))
    local ones = {}
    for i = 1, 240 do ones[i] = 1 end
    local results = table.pack(conn:lines(table.unpack(ones))())
    assert.equal(240, results.n)
    errors.rejected("invalid format", conn.lines, conn, "l", "x")
  end)

  worlds.it("raises what ends them, and goes on where it was", function()
    local conn, peer = streams.pair()
    peer:send "one\nhalf"
    conn:settimeout(0.001)
    local following = conn:lines()
    assert.equal("one", following())
    errors.raised("ETIMEDOUT", "read", following)
    peer:send "\n"
    assert.equal("half", following())
  end)
end)

describe("a descriptor that is no socket", function()
  streams.guard()

  worlds.it("is read as a stream", function(world)
    local r, w = sockeye.pipe()
    local conn = sockeye.stream(r)
    local join = worlds.beside(world, function()
      local out <close> = sockeye.stream(w)
      out:write("one\n", "tw")
      sockeye.sleep(0.001)
      out:write "o\nlast"
    end)
    if world == "outside" then w:close() end
    assert.same({ "one", "two", "last" }, { conn:read("l", "l", "a") })
    assert.is_nil(conn:read())
    join()
  end)
end)
