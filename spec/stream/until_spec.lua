local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

describe("read_until", function()
  streams.guard()

  worlds.it("reads up to a delimiter, and takes that away", function()
    local conn = streams.holding "head\r\n\r\nbody--\0--rest"
    assert.equal("head", conn:read_until "\r\n\r\n")
    assert.equal("body--", conn:read_until "\0")
    assert.equal("", conn:read_until "--")
    assert.equal("rest", conn:read_until "--")
    assert.is_nil(conn:read_until "--")
  end)

  it("finds delimiters that arrive in pieces", function()
    math.randomseed(5)
    local letters = { "a", "b" }
    local function word(n)
      local list = {}
      for i = 1, n do list[i] = letters[math.random(2)] end
      return table.concat(list)
    end
    sockeye.run(function()
      for _ = 1, 200 do
        local text, delimiter = word(math.random(0, 40)), word(math.random(4))
        local conn = streams.in_pieces(text, 3)
        local from = 1
        repeat
          local first, last = text:find(delimiter, from, true)
          local wanted = text:sub(from, (first or #text + 1) - 1)
          if not first and wanted == "" then wanted = nil end
          assert.equal(wanted, conn:read_until(delimiter))
          from = (last or #text) + 1
        until not first
        assert.is_nil(conn:read_until(delimiter))
      end
    end)
  end)

  worlds.it("refuses what is too long, and keeps it", function()
    local conn, peer = streams.pair()
    peer:send "12345--67"
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, "--", 4)
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, "==", 4)
    assert.equal("12345", conn:read_until("--", 5))
    peer:shutdown "wr"
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, "--", 1)
    assert.equal("67", conn:read_until("--", 2))
  end)

  it("rejects an empty delimiter", function()
    local conn, peer = streams.pair()
    errors.rejected("must not be empty", conn.read_until, conn, "")
    errors.rejected("string expected", conn.read_until, conn)
    errors.rejected("max must be positive", conn.read_until, conn, "x", 0)
    peer:close()
  end)
end)

-- Random words of two letters.
local function word(n)
  local list = {}
  for i = 1, n do list[i] = math.random(2) == 1 and "a" or "b" end
  return table.concat(list)
end

-- Where the first of the delimiters is, the longest of those that begin there.
local function find_first(text, list, from)
  for at = from, #text do
    local found
    for _, delimiter in ipairs(list) do
      if text:sub(at, at + #delimiter - 1) == delimiter and
        #delimiter > #(found or "") then
        found = delimiter
      end
    end
    if found then return at, found end
  end
end

describe("read_until with several delimiters", function()
  streams.guard()

  worlds.it("reads up to the first, and returns it", function()
    local conn = streams.holding "one\r\ntwo\nthree--\r"
    local list <const> = { "\n", "\r\n", "--" }
    assert.same({ "one", "\r\n" }, { conn:read_until(list) })
    assert.same({ "two", "\n" }, { conn:read_until(list) })
    assert.same({ "three", "--" }, { conn:read_until(list) })
    assert.same({ "\r" }, { conn:read_until(list) })
    assert.same({ nil }, { conn:read_until(list) })
    assert.equal(1, select("#", conn:read_until(list)))
  end)

  worlds.it("waits only where a longer one may come", function()
    local conn, peer = streams.pair()
    conn:settimeout(0)
    peer:send "one\n"
    assert.same({ "one", "\n" }, { conn:read_until { "\r\n", "\n" } })
    peer:send "two\r"
    assert.is_false(conn:read_until { "\r\n", "\r" })
    peer:send "\n"
    assert.same({ "two", "\r\n" }, { conn:read_until { "\r", "\r\n" } })
    peer:send "xab"
    assert.is_false(conn:read_until { "b", "abc" })
    peer:send "d"
    assert.same({ "xa", "b" }, { conn:read_until { "b", "abc" } })
    assert.equal("d", conn:read(1))
  end)

  it("finds what arrives in pieces", function()
    math.randomseed(7)
    sockeye.run(function()
      for _ = 1, 300 do
        local text, list = word(math.random(0, 40)), {}
        for i = 1, math.random(4) do list[i] = word(math.random(5)) end
        local conn = streams.in_pieces(text, 3)
        local from = 1
        repeat
          local at, found = find_first(text, list, from)
          local before = text:sub(from, (at or #text + 1) - 1)
          if not at and before == "" then before = nil end
          assert.same({ before, found }, { conn:read_until(list) })
          from = at and at + #found
        until not at
        conn:close()
      end
    end)
  end)

  worlds.it("refuses what is too long, and keeps it", function()
    local conn, peer = streams.pair()
    local list <const> = { "--", "==" }
    peer:send "12345--67"
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, list, 4)
    assert.same({ "12345", "--" }, { conn:read_until(list, 5) })
    peer:shutdown "wr"
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, list, 1)
    assert.equal("67", conn:read_until(list, 2))
  end)

  it("takes time that grows with the data alone", function()
    local lines = {}
    for i = 1, 20000 do lines[i] = "line " .. i end
    local conn, peer = streams.pair()
    sockeye.run(function()
      sockeye.spawn(function()
        peer:sendall(table.concat(lines, "\n"))
        peer:close()
      end)
      local list <const> = { "never there", "\n" }
      for i = 1, #lines do
        local line = conn:read_until(list)
        if line ~= lines[i] then assert.equal(lines[i], line) end
      end
      assert.is_nil(conn:read_until(list))
    end)
  end)

  it("keeps the list as it was when the call began", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local list = { "-", "+" }
      local task = sockeye.spawn(function() return conn:read_until(list) end)
      sockeye.yield()
      list[1], list[2] = "x", nil
      collectgarbage()
      peer:send "ax+"
      assert.same({ "ax", "+" }, { task:join() })
    end)
  end)

  it("rejects what is no list of strings", function()
    local conn = streams.pair()
    local function rejected(what, ...)
      errors.rejected(what, conn.read_until, conn, ...)
    end
    rejected("must not be empty", {})
    rejected("element 2 must be a string", { "a", "" })
    rejected("element 1 must be a string", { 5 })
    rejected("element 2 must be a string", { "a", {} })
    rejected("did you mean 'pattern'", { patern = "x" })
    rejected("max must be positive", { "x" }, 0)
    rejected("field 'max'", { pattern = "x", max = 0 })
    rejected("field 'pattern'", { pattern = 5 })
    rejected("unknown field", { pattern = "x", most = 5 })
  end)
end)

describe("read_until with a pattern", function()
  streams.guard()

  worlds.it("returns the text, the match and its captures", function()
    local conn = streams.holding "one\r\ntwo\nkey: 12;rest"
    local ending <const> = { pattern = "\r?\n", max = 80 }
    assert.same({ "one", "\r\n" }, { conn:read_until(ending) })
    assert.same({ "two", "\n" }, { conn:read_until(ending) })
    assert.same({ "key", ": 12;", "12", 8 },
                { conn:read_until { pattern = ":%s*(%d+)();" } })
    assert.same({ "rest" }, { conn:read_until(ending) })
    assert.same({ nil }, { conn:read_until(ending) })
  end)

  worlds.it("waits only where a match may change", function()
    local conn, peer = streams.pair()
    conn:settimeout(0)
    peer:send "a\n"
    assert.same({ "a", "\n" }, { conn:read_until { pattern = "\r?\n" } })
    peer:send "a12"
    assert.is_false(conn:read_until { pattern = "%d+" })
    peer:send "3"
    assert.same({ "a", "123" },
                { conn:read_until { pattern = "%d+", max = 3 } })
    peer:send "b4"
    assert.is_false(conn:read_until { pattern = "%d+" })
    peer:send ";"
    assert.same({ "b", "4" }, { conn:read_until { pattern = "%d+" } })
    assert.equal(";", conn:read(1))
  end)

  worlds.it("refuses what is too long, and keeps it", function()
    local conn, peer = streams.pair()
    local pattern <const> = { pattern = "%-+x" }
    peer:send "12345--x67"
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, pattern, 4)
    assert.same({ "12345", "--x" }, { conn:read_until(pattern, 5) })
    peer:shutdown "wr"
    errors.raised("EMSGSIZE", "read", conn.read_until, conn, pattern, 1)
    assert.equal("67", conn:read_until(pattern, 2))
  end)
end)
