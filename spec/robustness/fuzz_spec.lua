local lfs = require "lfs"

-- The fuzz targets without their fuzzer: that of the module under test where it
-- has been built with checks, else the plain one.
local path = package.searchpath("fuzz.replay", package.cpath) or
  (os.getenv "BUILD" or "./build") .. "/fuzz/replay.so"
local replay = assert(package.loadlib(path, "luaopen_replay"))()

local function inputs(target)
  local names = {}
  for name in lfs.dir("spec/corpus/" .. target) do
    if name:sub(1, 1) ~= "." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function read(target, name)
  local file <close> = assert(io.open(
    ("spec/corpus/%s/%s"):format(target, name), "rb"))
  return file:read "a"
end

describe("the corpus of", function()
  for _, target in ipairs(replay.names) do
    it(target .. " is handled without a fault", function()
      local names = inputs(target)
      assert.is_true(#names > 0)
      for _, name in ipairs(names) do
        local problem = replay.run(target, read(target, name))
        assert(not problem, ("%s: %s"):format(name, problem))
      end
    end)
  end
end)

describe("a target", function()
  it("that does not exist is reported", function()
    assert.equal("no such target: nosuch", replay.run("nosuch", ""))
  end)
end)
