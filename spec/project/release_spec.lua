-- The places that name the version agree, and tools/versions.lua sees it where
-- they do not.

local sockeye = require "sockeye"
local temporary = require "spec.support.temporary"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- tools/versions.lua's report on the checkout in a folder, and whether it
-- succeeded.
local function versions(folder, flag)
  local pipe <close> = assert(io.popen(
    ("%s tools/versions.lua %s '%s'"):format(
      os.getenv "LUA" or "lua5.4", flag or "", folder)))
  local report = pipe:read "a"
  return report, pipe:close() == true
end

-- A copy of the files that name the version.
local function copy()
  local folder = temporary.folder()
  assert(os.execute(([[
    mkdir -p '%s/lua/sockeye' &&
    cp -r rockspec CHANGELOG.md '%s' &&
    cp lua/sockeye/init.lua '%s/lua/sockeye'
  ]]):gsub("%%s", folder.path)))
  return folder
end

local function change(folder, path, from, to)
  local text, count = read(folder.path .. "/" .. path):gsub(from, to, 1)
  assert.equal(1, count, path .. " has no " .. from)
  local file <close> = assert(io.open(folder.path .. "/" .. path, "w"))
  assert(file:write(text))
end

describe("the version", function()
  local version = sockeye._VERSION:match "^Sockeye (%d+%.%d+%.%d+)$"
  local rockspec = ("rockspec/sockeye-%s-1.rockspec"):format(version)

  it("is that of the rockspec and of the changelog", function()
    assert.is_string(version)
    assert.same({ version .. "\n", true }, { versions "." })
  end)

  local cases = {
    { "the module has another", "lua/sockeye/init.lua",
      '_VERSION = "Sockeye [^"]+"', '_VERSION = "Sockeye 99.0.0"',
      "sockeye-99.0.0-1.rockspec: there is no such file" },
    { "the module has none", "lua/sockeye/init.lua", "_VERSION = ",
      "VERSION = ", "no _VERSION" },
    { "its rockspec says another", rockspec, 'package_version = "[^"]+"',
      'package_version = "99.0.0"', "its version is 99.0.0-1" },
    { "the rockspecs differ elsewhere", rockspec, 'license = "MIT"',
      'license = "none"', "in more than the version" },
    { "the changelog ends before it", "CHANGELOG.md",
      "\n## %d+%.%d+%.%d+\n", "\n## 99.0.0\n", "second section is 99.0.0" },
    { "the changelog has nothing unreleased", "CHANGELOG.md",
      "\n## Unreleased\n", "\n## Later\n", "is not Unreleased" },
  }

  for _, case in ipairs(cases) do
    local title, path, from, to, problem = table.unpack(case)
    it("is refused where " .. title, function()
      local folder <close> = copy()
      change(folder, path, from, to)
      local report, ok = versions(folder.path)
      assert.is_false(ok)
      assert.is_truthy(report:find(problem, 1, true), report)
    end)
  end

  it("has nothing unreleased beside it when it is released", function()
    local folder <close> = copy()
    change(folder, "CHANGELOG.md", "\n## Unreleased\n.-\n## ",
           "\n## Unreleased\n\n## ")
    assert.is_true(select(2, versions(folder.path, "--release")))
    change(folder, "CHANGELOG.md", "\n## Unreleased\n",
           "\n## Unreleased\n\n- A line.\n")
    assert.is_true(select(2, versions(folder.path)))
    local report, ok = versions(folder.path, "--release")
    assert.is_false(ok)
    assert.is_truthy(report:find("under Unreleased", 1, true), report)
  end)
end)
