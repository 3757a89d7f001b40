local examples = require "spec.support.examples"

local arguments = dofile "examples/lib/arguments.lua"

local kinds <const> = {
  a = "flag", ["4"] = "flag", t = "text",
  n = { 1, 9, integer = true }, f = { 0, 2.5 },
}

local function words_of(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

local function parse(text)
  return arguments.parse(words_of(text), kinds, function()
    error("usage", 0)
  end)
end

describe("a command line", function()
  local rows = {
    { "", {}, {} },
    { "-a -4", { a = true, ["4"] = true }, {} },
    { "-n 5 -f 2.5", { n = 5, f = 2.5 }, {} },
    { "-n5 -f.25 -tword", { n = 5, f = 0.25, t = "word" }, {} },
    { "-a4", { a = true, ["4"] = true }, {} },
    { "-a4n5 one", { a = true, ["4"] = true, n = 5 }, { "one" } },
    { "-at word", { a = true, t = "word" }, {} },
    { "-t -a", { t = "-a" }, {} },
    { "one -a two -n 1 -", { a = true, n = 1 }, { "one", "two", "-" } },
    { "-a one -- -n two --", { a = true }, { "one", "-n", "two", "--" } },
    { "-n 1 -n 2", { n = 2 }, {} },
  }
  for _, row in ipairs(rows) do
    it(("is split into options and words: '%s'"):format(row[1]), function()
      local options, words = parse(row[1])
      assert.same({ row[2], row[3] }, { options, words })
    end)
  end

  for _, wrong in ipairs {
    "-x", "-h", "--help", "-ax", "-an", "-n", "-t", "-n x", "-n 0", "-n 10",
    "-n 1.5", "-f 3", "-f -1", "-f nan", "a -x",
  } do
    it(("is refused: '%s'"):format(wrong), function()
      local ok, problem = pcall(parse, wrong)
      assert.same({ false, "usage" }, { ok, problem })
    end)
  end

  it("without options is a list of words", function()
    local function usage() error("usage", 0) end
    assert.same({ "a", "b" }, arguments.words({ "a", "b" }, 1, 2, usage))
    assert.same({ "-a" }, arguments.words({ "--", "-a" }, 1, 1, usage))
    for _, wrong in ipairs { {}, { "a", "b", "c" }, { "-a" }, { "a", "-b" } } do
      assert.same({ false, "usage" },
                  { pcall(arguments.words, wrong, 1, 2, usage) })
    end
  end)

  it("chooses one family with -4 or -6, and none without", function()
    for text, family in pairs { ["-4"] = "inet", ["-6"] = "inet6" } do
      local options = arguments.parse({ text }, { ["4"] = "flag",
                                                  ["6"] = "flag" })
      assert.equal(family, arguments.family(options))
    end
    assert.is_nil(arguments.family {})
  end)
end)

describe("every tool", function()
  -- They take no arguments.
  local without <const> = { demo = true, tour = true }

  for _, name in ipairs(examples.names()) do
    if not without[name] then
      it(("prints its usage: %s -h"):format(name), function()
        local result = examples.run(name, { "-h" })
        assert.matches("^usage: lua " .. name .. "%.lua ", result.stderr)
        assert.same({ "", 2 }, { result.stdout, result.status })
      end)
    end
  end
end)
