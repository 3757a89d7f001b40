-- What holds for whatever reads from a stream.

local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

describe("read", function()
  streams.guard()

  it("loses nothing when it is cancelled", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      peer:send "one\nhalf"
      local task = sockeye.spawn(pcall, conn.read, conn, "l", "l")
      sockeye.yield()
      errors.canceled("read", task)
      peer:send "\n"
      assert.same({ "one", "half" }, { conn:read("l", "l") })
    end)
  end)

  it("is possible in one task at a time", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local task = sockeye.spawn(conn.read, conn)
      sockeye.yield()
      errors.raised("EBUSY", "read", conn.read, conn)
      peer:send "line\n"
      assert.equal("line", task:join())
    end)
  end)

  it("ends when another task closes the stream", function()
    sockeye.run(function()
      local conn = streams.pair()
      local task = sockeye.spawn(conn.read, conn)
      sockeye.yield()
      conn:close()
      errors.closed("read", task.join, task)
    end)
  end)

  worlds.it("gives data first, then the reset, and that for ever", function()
    local conn, peer = streams.tcp()
    peer:send "line\nhalf"
    assert.equal("line", conn:read())
    conn:socket():send "not read"
    peer:setsockopt("SO_LINGER", 0):close()
    errors.raised("ECONNRESET", "read", conn.read, conn)
    errors.raised("ECONNRESET", "read", conn.read, conn, "a")
    assert.equal("half", conn:read_some())
    errors.raised("ECONNRESET", "read", conn.read_some, conn)
    conn:settimeout(1)
  end)
end)

-- Calls that want more than "half a ", and what they read of that and "line\n".
local readers <const> = {
  ["a line"] = { { "half a line" }, "read", "l" },
  ["bytes"] = { { "half a line\n" }, "read", 12 },
  ["a delimiter"] = { { "half a line" }, "read_until", "\n" },
  ["one of several"] = { { "half a line", "\n" }, "read_until",
                         { "\r\n", "\n" } },
  ["a pattern"] = { { "half a ", "line\n", "line" }, "read_until",
                    { pattern = "(%l+)\n" } },
}

for name, reader in pairs(readers) do
  local wanted <const>, call <const>, argument <const> = table.unpack(reader)

  describe("a call that reads " .. name, function()
    streams.guard()

    worlds.it("loses nothing to a time-out or in non-blocking mode", function()
      local conn, peer = streams.pair()
      peer:send "half a "
      conn:settimeout(0.001)
      errors.raised("ETIMEDOUT", "read", conn[call], conn, argument)
      conn:settimeout(0)
      assert.same({ false }, { conn[call](conn, argument) })
      peer:send "line\n"
      assert.same(wanted, { conn[call](conn, argument) })
    end)

    it("loses nothing when it is cancelled", function()
      sockeye.run(function()
        local conn, peer = streams.pair()
        peer:send "half a "
        local task = sockeye.spawn(pcall, conn[call], conn, argument)
        sockeye.yield()
        errors.canceled("read", task)
        peer:send "line\n"
        assert.same(wanted, { conn[call](conn, argument) })
      end)
    end)

    it("ends when the stream is closed meanwhile", function()
      sockeye.run(function()
        local conn, peer = streams.pair()
        peer:send "half a "
        local task = sockeye.spawn(conn[call], conn, argument)
        sockeye.yield()
        conn:close()
        errors.closed("read", task.join, task)
      end)
    end)

    it("reads in a generator", function()
      sockeye.run(function()
        local conn, peer = streams.pair()
        peer:send "half a "
        local read = sockeye.wrap(function()
          while true do coroutine.yield(conn[call](conn, argument)) end
        end)
        sockeye.spawn(function() peer:sendall "line\nhalf a line\n" end)
        assert.same(wanted, { read() })
        assert.same(wanted, { read() })
      end)
    end)
  end)
end

describe("an error of reading", function()
  streams.guard()

  local calls <const> = {
    read_until = function(conn) conn:read_until "end" end,
    ["read_until with a list"] = function(conn) conn:read_until { "end" } end,
    ["read_until with a pattern"] = function(conn)
      conn:read_until { pattern = "end" }
    end,
    lines = function(conn) for _ in conn:lines() do end end,
    read_some = function(conn) while conn:read_some() do end end,
    chunks = function(conn) for _ in conn:chunks() do end end,
  }
  for what, call in pairs(calls) do
    it("names the method: " .. what, function()
      local conn <close> = streams.pair()
      conn:settimeout(0.001)
      local err <const> = errors.raised("ETIMEDOUT", "read", call, conn)
      local name <const> = what:match "^%S+"
      assert.equal(name, err.caller)
      assert.matches(" " .. name .. "[ :]", tostring(err))
    end)
  end

  it("is read's own where the script has called that", function()
    local conn <close> = streams.pair()
    conn:settimeout(0.001)
    local err <const> = errors.raised("ETIMEDOUT", "read", conn.read, conn)
    assert.is_nil(err.caller)
  end)

  it("names the method where too much comes before a delimiter", function()
    local conn <close> = streams.holding "abcdef"
    local err <const> = errors.raised("EMSGSIZE", "read", conn.read_until, conn,
                                      "x", 3)
    assert.equal("read_until", err.caller)
  end)
end)
