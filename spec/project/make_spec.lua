local lfs = require "lfs"

local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"
local temporary = require "spec.support.temporary"

-- make with these words, as by hand: not as a part of the make that runs specs.
local function make(...)
  return process.run({ os.getenv "MAKE" or "make", "-s", ... }, {
    env = { MAKEFLAGS = "", MAKELEVEL = "", MFLAGS = "", RUNNER = "",
            WORLD = "outside", SPEC_LABEL = "" }, timeout = 300 })
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function exists(path) return lfs.attributes(path, "mode") ~= nil end

-- The folder that holds the build of the module under test, as make names it;
-- nil and the reason where that is no build of this checkout.
local function build_folder()
  local path = package.searchpath("sockeye.core", package.cpath)
  local folder = path:match "^(.*)/sockeye/core%.so$"
  local here = lfs.currentdir() .. "/"
  if folder and folder:sub(1, #here) == here and
     exists(folder .. "/objects") then
    return folder:sub(#here + 1)
  end
  return nil, "the module under test is no build of this checkout"
end

describe("make clean", function()
  descriptors.guard()

  it("removes the folder that BUILD names, and no other", function()
    local folder <close> = temporary.folder()
    for _, name in ipairs { "one", "two" } do
      lfs.mkdir(folder.path .. "/" .. name)
      write(folder.path .. "/" .. name .. "/objects", "")
    end
    local result = make("clean", "BUILD=" .. folder.path .. "/one")
    assert.equal(0, result.status, result.stderr)
    assert.is_false(exists(folder.path .. "/one"))
    assert.is_true(exists(folder.path .. "/two/objects"))
  end)

  it("has nothing to remove where there is no such folder", function()
    assert.equal(0, make("clean", "BUILD=build/no such folder").status)
  end)

  for _, name in ipairs { "", "/", ".", "..", "csrc", "./csrc/.." } do
    it(("refuses BUILD=%s"):format(name), function()
      local result = make("clean", "BUILD=" .. name)
      assert.matches("^BUILD=[^\n]+\n", result.stderr)
      assert.equal(2, result.status)
      assert.is_true(exists "csrc/core.c")
    end)
  end
end)

describe("make install", function()
  descriptors.guard()

  it("strips the module, and uninstall removes all of it", function()
    local build, reason = build_folder()
    if not build then return pending(reason) end
    local folder <close> = temporary.folder()
    local words = { "BUILD=" .. build, "DESTDIR=" .. folder.path,
                    "PREFIX=/usr" }
    local result = make("install", table.unpack(words))
    assert.equal(0, result.status, result.stderr)
    local module = folder.path .. "/usr/lib/lua/5.4/sockeye/core.so"
    local file <close> = assert(io.open(module, "rb"))
    assert.is_nil(file:read "a":find(".debug_info", 1, true))
    assert.is_true(exists(folder.path ..
                          "/usr/share/lua/5.4/sockeye/init.lua"))
    assert.equal(0, make("uninstall", table.unpack(words)).status)
    assert.equal("", process.run({ "find", folder.path, "-name",
                                   "*sockeye*" }).stdout)
  end)

  it("leaves the symbols where STRIP is empty", function()
    local build, reason = build_folder()
    if not build then return pending(reason) end
    local folder <close> = temporary.folder()
    local result = make("install", "BUILD=" .. build, "STRIP=",
                        "DESTDIR=" .. folder.path, "PREFIX=/usr")
    assert.equal(0, result.status, result.stderr)
    assert.equal(lfs.attributes(build .. "/sockeye/core.so", "size"),
                 lfs.attributes(folder.path ..
                                "/usr/lib/lua/5.4/sockeye/core.so", "size"))
  end)
end)

describe("a build", function()
  descriptors.guard()

  -- lua.h as each version writes its number, and what is said of it.
  local headers = {
    ["5.1"] = "#define LUA_VERSION_NUM\t501\n",
    ["5.3"] = '#define LUA_VERSION_MINOR\t"3"\n#define LUA_VERSION_NUM\t503\n',
    ["5.6"] = "#define LUA_VERSION_MINOR_N\t6\n#define LUA_VERSION_NUM\t" ..
      "(LUA_VERSION_MAJOR_N * 100 + LUA_VERSION_MINOR_N)\n",
    none = false,
  }
  for version, text in pairs(headers) do
    it(("fails with one line on the headers of Lua: %s"):format(version),
       function()
      local folder <close> = temporary.folder()
      if text then write(folder.path .. "/lua.h", text) end
      local found = (version == "none" and "none" or "those of Lua " ..
                     version):gsub("%.", "%%.")
      for _, target in ipairs { "build", "demo" } do
        local result = make(target, "LUA_INCDIR=" .. folder.path,
                            "BUILD=" .. folder.path .. "/build")
        assert.equal(2, result.status)
        assert.matches("^[^\n]*Lua 5%.4's headers are needed; in [^\n]* are " ..
                       found .. "[^\n]*\n", result.stderr)
        assert.is_nil(result.stderr:find("warning", 1, true))
      end
    end)
  end
end)

describe("make test", function()
  descriptors.guard()

  it("builds into the folder that BUILD names, and tests that #slow",
     function()
    local folder <close> = temporary.folder()
    local build = folder.path .. "/build"
    for _, name in ipairs { "a", "b" } do
      write(("%s/%s_spec.lua"):format(folder.path, name), ([[
        it("finds the module", function()
          assert.equal("%s/sockeye/core.so",
                       package.searchpath("sockeye.core", package.cpath))
        end)
      ]]):format(build))
    end
    local result = make("-j2", "test", "BUILD=" .. build, "CFLAGS=-O0",
                        "SPEC=" .. folder.path)
    assert.equal(0, result.status, result.stdout .. result.stderr)
    assert.matches("\n2 passed, 0 failed, 0 skipped\n$", result.stdout)
    assert.is_true(exists(build .. "/fuzz/replay.so"))
  end)
end)

describe("a run of several files of specs", function()
  descriptors.guard()

  it("begins with how long it takes, and ends with all failures", function()
    local folder <close> = temporary.folder()
    for name, text in pairs {
      a = 'it("holds", function() assert.is_true(true) end)',
      b = 'it("breaks", function() assert.is_true(false) end)',
    } do
      write(("%s/%s_spec.lua"):format(folder.path, name), text)
    end
    local result = process.run({ "tools/specs" }, {
      env = { SPEC = folder.path, WORLD = "outside", RUNNER = "",
              SPEC_LABEL = "" }, timeout = 120 })
    assert.equal(1, result.status, result.stderr)
    assert.matches("^2 files of specs: about %d+ seconds\n", result.stdout)
    assert.matches("\nall failures:\nfailed: breaks [^\n]*\n\n[^\n]*" ..
                   "1 passed, 1 failed, 0 skipped\n$", result.stdout)
  end)
end)
