-- Peers that misbehave, one spec each: what they do is bounded in memory, ends
-- in an error or the end of the stream, and nobody else suffers.

local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

local function echo(conn)
  for line in conn:lines() do conn:write(line, "\n") end
end

-- Another connection of the same server, which has to be served all the time.
local function serve_another()
  local conn, peer = streams.tcp()
  sockeye.spawn(echo, conn)
  return function()
    peer:send "ping\n"
    assert.equal("ping\n", peer:recv(5, "waitall"))
  end, function() peer:shutdown "wr" end
end

describe("a peer that sends half a line and nothing more", function()
  streams.guard()

  worlds.it("is given up after a while, and its half is there", function()
    local conn, peer = streams.tcp()
    peer:send "half"
    conn:settimeout(0.005)
    errors.raised("ETIMEDOUT", "read", conn.read, conn)
    assert.equal("half", conn:read_some())
  end)

  it("delays nobody else", function()
    sockeye.run(function()
      local conn, peer = streams.tcp()
      local task = sockeye.spawn(pcall, echo, conn)
      peer:send "half"
      local ping, finish = serve_another()
      for _ = 1, 10 do ping() end
      finish()
      errors.canceled("read", task)
      assert.equal("half", conn:read_some())
    end)
  end)
end)

describe("a peer that never reads", function()
  streams.guard()

  it("is not read from either, and costs one buffer", function()
    sockeye.run(function()
      local conn, peer = streams.tcp()
      local task = sockeye.spawn(pcall, echo, conn)
      local text = ("x"):rep(999) .. "\n"
      local ping, finish = serve_another()
      peer:settimeout(0)
      local before, refused
      -- Until nothing moves any more.
      repeat
        refused = 0
        for _ = 1, 50 do
          refused = refused + (peer:sendall(text:rep(100)) and 0 or 1)
          ping()
        end
        before = before or streams.memory()
      until refused == 50
      assert.is_true(streams.memory() - before < 4096)
      assert.equal("flush", sockeye.tasks()[#sockeye.tasks()].call or "flush")
      finish()
      errors.canceled(nil, task)
    end)
  end)

  worlds.it("is given up after a while", function()
    local conn = streams.tcp()
    conn:settimeout(0.01)
    local text = ("x"):rep(10000000)
    local err = errors.raised("ETIMEDOUT", "write", conn.write, conn, text)
    assert.is_true(err.timeout and err.sent < #text)
  end)
end)

describe("a peer that sends a gigabyte without a newline", function()
  streams.guard()

  worlds.it("is given up at the first line that is too long", function(world)
    local conn, peer = streams.tcp()
    local part = ("x"):rep(65536)
    local before = streams.memory()
    local join = worlds.beside(world, function()
      -- Ends when the connection does.
      if world == "outside" then conn:close() end
      pcall(function()
        for _ = 1, 16384 do peer:sendall(part) end
      end)
    end)
    if world == "outside" then peer:close() end
    errors.raised("EMSGSIZE", "read", conn.read, conn)
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, "--")
    errors.raised("EMSGSIZE", "read", conn.read, conn, 5, "L")
    assert.is_true(streams.memory() - before < 8192)
    assert.equal(part, conn:read(#part))
    conn:close()
    join()
  end)

  it("can be read in pieces, in little memory", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local part = ("x"):rep(65536)
      local count <const> = 1024
      sockeye.spawn(function()
        for _ = 1, count do peer:sendall(part) end
        peer:shutdown "wr"
      end)
      local size, before = 0, nil
      for piece in conn:lines(65536) do
        size = size + #piece
        if size % (64 * #part) == 0 then collectgarbage() end
        before = before or streams.memory()
      end
      assert.equal(count * #part, size)
      assert.is_true(streams.memory() - before < 8192)
    end)
  end)
end)

describe("a peer that resets", function()
  streams.guard()

  worlds.it("is an error, once what it sent has been read", function()
    local conn, peer = streams.tcp()
    peer:send "one\ntwo\nhalf"
    assert.equal("one", conn:read())
    peer:setsockopt("SO_LINGER", 0):close()
    assert.equal("two", conn:read())
    errors.raised("ECONNRESET", "read", conn.read, conn)
    assert.equal("half", conn:read_some())
    conn:setvbuf "no"
    errors.raised("EPIPE", "write", conn.write, conn, "data")
  end)

  it("ends only its own task", function()
    sockeye.run(function()
      local conn, peer = streams.tcp()
      local task = sockeye.spawn(pcall, echo, conn)
      local ping, finish = serve_another()
      peer:send "line\n"
      ping()
      peer:setsockopt("SO_LINGER", 0):close()
      local ok, err = task:join()
      assert.is_false(ok)
      assert.is_true(sockeye.is_error(err, "ECONNRESET"))
      ping()
      finish()
    end)
  end)
end)

describe("a peer that sends one byte at a time", function()
  streams.guard()

  it("is answered line by line", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      sockeye.spawn(function()
        echo(conn)
        conn:close()
      end)
      local text = ("a line of some length\n"):rep(50)
      for c in text:gmatch "[\0-\255]" do
        peer:send(c)
        sockeye.yield()
      end
      peer:shutdown "wr"
      local got = {}
      for part in function() return peer:recv(100) end do
        got[#got + 1] = part
      end
      assert.equal(text, table.concat(got))
    end)
  end)

  it("takes no more time per byte for a long line", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local size <const> = 20000
      conn:setmax(size)
      sockeye.spawn(function()
        for _ = 1, size do
          peer:send "x"
          sockeye.yield()
        end
        peer:send "\n"
      end)
      assert.equal(size, #conn:read())
    end)
  end)
end)
