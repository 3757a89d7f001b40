-- Patterns of read_until, beside string.find.

local sockeye = require "sockeye"
local errors = require "spec.support.errors"
local streams = require "spec.support.streams"

-- What string.find finds that is not empty, as read_until returns it; from
-- where the rest begins.
local function expected(text, pattern)
  for at = 1, #text do
    local found = table.pack(text:find("^" .. pattern, at))
    -- The beginning of the data, not of the search, is a frontier.
    if found[1] and found[2] >= found[1] then
      return { text:sub(1, at - 1), text:sub(at, found[2]),
               table.unpack(found, 3, found.n) }, found[2] + 1
    end
  end
  return { text ~= "" and text or nil }
end

-- Sends it in pieces, and compares each result.
local function check(text, pattern)
  local conn = streams.in_pieces(text, 4)
  local rest = text
  repeat
    local wanted, following = expected(rest, pattern)
    local got = { conn:read_until { pattern = pattern } }
    if #wanted ~= #got or
      table.concat(wanted, "\0") ~= table.concat(got, "\0") then
      assert.same(wanted, got, ("%q in %q"):format(pattern, rest))
    end
    rest = following and rest:sub(following)
  until not rest
  conn:close()
end

local items <const> = {
  "a", "b", ".", "%a", "%d", "%D", "[ab]", "[^a]", "[%d-]", "[0-1]", "1", "-",
  "[]a]", "%w", "%-", "%S", "%z", "[%z1]", "%Z",
}
local quantifiers <const> = { "", "", "", "*", "+", "-", "?" }
local special <const> = {
  "%b()", "%f[%d]", "%f[^ab]", "()", "%bab", "(", ")", "$", "%1",
}

-- Makes a pattern of a few items, which need not be right.
local function random_pattern()
  local parts = {}
  for i = 1, math.random(5) do
    if math.random(4) == 1 then
      parts[i] = special[math.random(#special)]
    else
      parts[i] = items[math.random(#items)] ..
                 quantifiers[math.random(#quantifiers)]
    end
  end
  return table.concat(parts)
end

local letters <const> = { "a", "b", "1", "0", "-", "(", ")", " ", "]", "\0" }

local function random_text()
  local parts = {}
  for i = 1, math.random(0, 30) do parts[i] = letters[math.random(#letters)] end
  return table.concat(parts)
end

describe("a pattern", function()
  streams.guard()

  it("matches what arrives in pieces as string.find matches the whole",
     function()
    math.randomseed(11)
    sockeye.run(function()
      local tried = 0
      while tried < 2000 do
        local pattern = random_pattern()
        if pcall(string.find, ("ab1-"):rep(3), "^" .. pattern) and
          pcall(streams.holding "x".read_until, streams.holding "ab",
                { pattern = pattern }) then
          check(random_text(), pattern)
          tried = tried + 1
        end
      end
    end)
    assert.is_true(true)
  end)

  it("is refused where string.find refuses it, before anything is read",
     function()
    math.randomseed(13)
    local conn = streams.pair()
    conn:settimeout(0)
    local refused = 0
    for _ = 1, 3000 do
      local pattern = random_pattern():sub(1, math.random(8))
      -- A subject on which string.find comes to the end of each.
      local ok = true
      for _, subject in ipairs { "", "ab1-(0) ", "(((ab)))", "a1a1bb" } do
        for at = 1, #subject + 1 do
          ok = ok and pcall(string.find, subject, "^" .. pattern, at)
        end
      end
      if not ok then
        refused = refused + 1
        errors.rejected("pattern", conn.read_until, conn,
                        { pattern = pattern })
      end
    end
    assert.is_true(refused > 100, refused .. " patterns")
  end)

  it("says what is wrong with it", function()
    local conn = streams.pair()
    local cases = {
      ["%"] = "ends with '%%'", ["[a"] = "missing '%]'",
      ["[%"] = "missing '%]'",
      ["%b("] = "arguments to '%%b'", ["%fa"] = "'%[' after '%%f'",
      ["(a"] = "unfinished capture", ["a)"] = "invalid pattern capture",
      ["%1"] = "invalid capture index", ["(a%1)"] = "invalid capture index",
      ["%0"] = "invalid capture index", [""] = "must not be empty",
      ["^a"] = "must not begin with '%^'",
      [("()"):rep(33)] = "too many captures",
    }
    for pattern, what in pairs(cases) do
      errors.rejected(what, conn.read_until, conn, { pattern = pattern })
    end
  end)

  it("matches no more than its maximum", function()
    local conn = streams.holding "aaaaab(((())"
    assert.same({ "", "aaa" },
                { conn:read_until { pattern = "a+", max = 3 } })
    assert.same({ "aab((", "(())" },
                { conn:read_until { pattern = "%b()", max = 4 } })
  end)

  it("matches the end of the stream alone by '$'", function()
    local conn, peer = streams.pair()
    conn:settimeout(0)
    peer:send "x.x."
    assert.is_false(conn:read_until { pattern = "%.$" })
    peer:close()
    assert.same({ "x.x", "." }, { conn:read_until { pattern = "%.$" } })
  end)

  it("that is too complex is an error, and nothing is lost", function()
    local text = ("a"):rep(400)
    local conn = streams.holding(text)
    local ok, err = pcall(conn.read_until, conn,
                          { pattern = ("a?"):rep(300) .. "b" })
    assert.is_false(ok)
    assert.matches("pattern too complex", err)
    assert.equal(text, conn:read "a")
  end)

  it("takes time that grows with the data alone", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      local size <const> = 300000
      sockeye.spawn(function()
        for _ = 1, size // 100 do peer:sendall(("x"):rep(100)) end
        peer:sendall "12;"
        peer:close()
      end)
      local text, match = conn:read_until({ pattern = "%d+;" }, size)
      assert.equal(size, #text)
      assert.equal("12;", match)
    end)
  end)
end)
