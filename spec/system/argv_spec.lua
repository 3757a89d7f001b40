local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"

local most <const> = 1 << 20

-- Each argument of a program on a line of its own.
local show <const> = 'for a in "$@"; do echo "[$a]"; done'

-- What a program writes with these arguments, by each call that takes a list.
local callers = {
  execv = function(words)
    return (fork.output(function() sockeye.execv("/bin/sh", words) end))
  end,
  execvp = function(words)
    return (fork.output(function() sockeye.execvp("sh", words) end))
  end,
  process = function(words)
    words.stdout = "pipe"
    local p <close> = sockeye.process(words)
    return p.stdout:read "a"
  end,
}

for name, call in pairs(callers) do
  describe("the arguments of " .. name, function()
    descriptors.guard()

    it("are passed as they are, in order", function()
      local words, lines = { "sh", "-c", show, "name" }, {}
      for i, text in ipairs { "", " ", "a b", "'\"$x\\", "\n", "\xff\1", "*",
                              ("x"):rep(100000) } do
        words[4 + i], lines[i] = text, ("[%s]\n"):format(text)
      end
      assert.equal(table.concat(lines), call(words))
    end)

    it("are elements of the list itself, which stays as it is", function()
      local before = { "sh", "-c", show, "name", "one" }
      local words = setmetatable({ table.unpack(before) }, {
        __index = function() error "the list was indexed" end,
        __len = function() error "the list's length was asked for" end,
      })
      assert.equal("[one]\n", call(words))
      for i = 1, 5 do assert.equal(before[i], rawget(words, i)) end
    end)
  end)
end

-- The calls after which nothing has been made.
local function rejects(pattern, f, ...)
  errors.rejected(pattern, f, ...)
  errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
end

local execv <const>, execve <const> = sockeye.execv, sockeye.execve

describe("a list of arguments", function()
  descriptors.guard()

  it("may begin at the index 0", function()
    local words = { [0] = "a name", "-c", [[tr '\0' '|' </proc/$$/cmdline]] }
    local out = fork.output(function() execv("/bin/sh", words) end)
    assert.is_truthy(out:find("^a name|%-c|"))
  end)

  it("without an element has no program's name", function()
    for _, list in ipairs { {}, { name = "sh" }, { [2] = "sh" },
                            { [-1] = "sh" } } do
      rejects("bad argument #2 .*argv: must hold at least the program's name",
              execv, "/bin/true", list)
    end
  end)

  it("has strings only", function()
    for _, wrong in ipairs { 1, 1.5, true, {}, print } do
      for _, list in ipairs { { wrong }, { "true", wrong },
                              { "true", wrong, "x" }, { [0] = wrong } } do
        rejects("bad argument #2 .*argv: every element must be a string",
                execv, "/bin/true", list)
      end
    end
    rejects("bad argument #2 .*argv: every element must be a string", execv,
            "/bin/true", { "true", nil, "x" })
  end)

  it("has no string with a zero", function()
    for _, text in ipairs { "\0", "a\0", "\0b", "a\0b" } do
      rejects("bad argument #2 .*argv: string contains a zero", execv,
              "/bin/true", { "true", text })
    end
  end)

  it("is limited", function()
    local list = table.move({ "x" }, 1, 1, most + 1, {})
    for i = 1, most do list[i] = "x" end
    errors.rejected("argv.*too many elements %(at most 1048576%)", execv,
                    "/bin/true", list)
    errors.rejected("env.*too many elements %(at most 1048576%)", execve,
                    "/bin/true", { "true" }, (function()
      for i = 1, most + 1 do list[i] = "A=1" end
      return list
    end)())
  end)

  -- Reading the environment may run the script's code.
  it("is what it was when it was read", function()
    local argv = { "sh", "-c", show, "sh" }
    for i = 1, 20 do argv[#argv + 1] = ("argument %d"):format(i) end
    local out = fork.output(function()
      local env = {}
      for i = 1, 500 do env["NAME" .. i] = ("value %d"):format(i) end
      collectgarbage("generational")
      setmetatable({}, { __gc = function()
        for i = #argv, 1, -1 do argv[i] = nil end
        for i = 1, 1000 do env[i] = ("x"):rep(20 + i % 3) end
      end })
      execve("/bin/sh", argv, { A = table.concat(env) })
    end)
    local lines = {}
    for i = 1, 20 do lines[i] = ("[argument %d]\n"):format(i) end
    assert.equal(table.concat(lines), out)
  end)
end)

-- What `env` prints in a program with this environment, sorted.
local environments = {
  execve = function(env)
    return (fork.output(function()
      execve("/bin/sh", { "sh", "-c", "/usr/bin/env | LC_ALL=C /bin/sort" },
             env)
    end))
  end,
  process = function(env)
    local p <close> = sockeye.process {
      "/bin/sh", "-c", "/usr/bin/env | LC_ALL=C /bin/sort", env = env,
      stdout = "pipe",
    }
    return p.stdout:read "a"
  end,
}

-- Without what the shell itself sets.
local function named(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    if line:find "^N%d*=" then lines[#lines + 1] = line end
  end
  return lines
end

for name, call in pairs(environments) do
  describe("the environment of " .. name, function()
    descriptors.guard()

    it("is of names and values, of a list, or of both", function()
      local wanted = { "N1=one", "N2=", "N3=x=y", "N4= " }
      for _, env in ipairs {
        { N1 = "one", N2 = "", N3 = "x=y", N4 = " " },
        { "N1=one", "N2=", "N3=x=y", "N4= " },
        { "N1=one", N2 = "", "N3=x=y", N4 = " " },
      } do
        assert.same(wanted, named(call(env)))
      end
    end)

    it("has nothing of this process's", function()
      assert.is_truthy(os.getenv "PATH")
      assert.is_nil(call({}):find(os.getenv "PATH", 1, true))
    end)

    it("is read without metamethods", function()
      local function fail() error "a metamethod was called" end
      local env = setmetatable({ N1 = "one" }, {
        __index = fail, __len = fail, __pairs = fail,
      })
      assert.same({ "N1=one" }, named(call(env)))
    end)
  end)
end

describe("an environment", function()
  descriptors.guard()

  for what, case in pairs {
    ["a number as value"] = { "every element must be a string", { A = 1 } },
    ["a number in its list"] = { "every element must be a string", { 1 } },
    ["a zero in a value"] = { "string contains a zero", { A = "a\0b" } },
    ["a zero in an element"] = { "string contains a zero", { "A=a\0b" } },
    ["an element without ="] = { "must have the form NAME=value", { "A" } },
    ["an empty name"] = { "a name must not be empty", { [""] = "x" } },
    ["an = in a name"] = { "nor contain =", { ["A="] = "x" } },
    ["a zero in a name"] = { "or zero", { ["A\0B"] = "x" } },
    ["a boolean as name"] = { "a name must be a string", { [true] = "x" } },
    ["a fraction as name"] = { "a name must be a string", { [1.5] = "x" } },
  } do
    it("rejects " .. what, function()
      rejects("bad argument #3 .*env: .*" .. case[1], execve, "/bin/true",
              { "true" }, case[2])
      rejects("bad argument #1 .*env: .*" .. case[1], sockeye.process,
              { "true", env = case[2] })
    end)
  end
end)
