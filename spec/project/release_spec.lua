-- The places that name the version agree; tools/versions.lua and
-- tools/release-check report what does not.

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

-- A copy of the project as a repository with one commit; nil without git.
local function repository()
  if not os.execute "command -v git >/dev/null" then return nil end
  local folder = copy()
  assert(os.execute(([[
    cp -r tools .gitignore '%s' && cd '%s' && git init -q && git add -A
  ]]):gsub("%%s", folder.path)))
  return folder
end

local function commit(folder, subject)
  assert(os.execute(([[
    cd '%s' && git -c user.name=spec -c user.email=spec@localhost \
      -c commit.gpgsign=false commit -q -a --allow-empty -m '%s'
  ]]):format(folder.path, subject)))
end

-- tools/release-check's report, and whether it succeeded.
local function release_check(folder)
  local pipe <close> = assert(io.popen(
    ("cd '%s' && tools/release-check 2>&1"):format(folder.path)))
  local report = pipe:read "a"
  return report, pipe:close() == true
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

describe("make release-check", function()
  local version = sockeye._VERSION:match "%S+$"

  it("names every check that fails", function()
    local folder <close> = repository()
    if not folder then return pending "git is not installed" end
    commit(folder, "all")
    change(folder, "CHANGELOG.md", "\n## %d+%.%d+%.%d+\n", "\n## 99.0.0\n")
    local report, ok = release_check(folder)
    assert.is_false(ok)
    assert.is_truthy(report:find(" M CHANGELOG.md", 1, true), report)
    assert.is_truthy(report:find("second section is 99.0.0", 1, true), report)
    assert.is_truthy(report:find([[
release-check failed:
  the checkout is as committed
  versions, rockspecs and changelog agree
]], 1, true), report)
  end)

  it("refuses a version that another commit has as its tag", function()
    local folder <close> = repository()
    if not folder then return pending "git is not installed" end
    change(folder, "CHANGELOG.md", "\n## Unreleased\n.-\n## ",
           "\n## Unreleased\n\n## ")
    commit(folder, "all")
    local tag = ("cd '%s' && git tag v%s"):format(folder.path, version)
    assert(os.execute(tag))
    assert.is_truthy(release_check(folder):find("ok      the version is new",
                                                1, true))
    commit(folder, "later")
    local report, ok = release_check(folder)
    assert.is_false(ok)
    assert.is_truthy(report:find("FAILED  the version is new", 1, true),
                     report)
  end)
end)
