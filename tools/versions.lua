-- lua tools/versions.lua [--release] [FOLDER]
-- Prints the version of the checkout in FOLDER (.) if all places that name it
-- agree: sockeye._VERSION, which decides, the rockspecs and CHANGELOG.md.
-- Otherwise prints the places that do not, and fails. With --release,
-- "Unreleased" must be empty.

local release = arg[1] == "--release"
local folder = arg[release and 2 or 1] or "."
local problems = {}

local function check(condition, problem, ...)
  if not condition then table.insert(problems, problem:format(...)) end
  return condition
end

local function read(path)
  local file <close> = io.open(folder .. "/" .. path)
  check(file, "%s: there is no such file", path)
  return file and file:read "a" or ""
end

-- A rockspec's text without the parts that depend on its version.
local function neutral(text)
  return (text:gsub('(local package_version = )"[^"\n]*"', "%1VERSION"):gsub(
    '(local rockspec_revision = )"[^"\n]*"', "%1REVISION"))
end

local function load_rockspec(path, text)
  local values = {}
  local chunk, reason = load(text, "=" .. path, "t", values)
  if check(chunk, "%s", reason) then chunk() end
  return values
end

local function check_rockspecs(version)
  local path = ("rockspec/sockeye-%s-1.rockspec"):format(version)
  local text = read(path)
  if text == "" then return end
  local rockspec = load_rockspec(path, text)
  check(rockspec.version == version .. "-1", "%s: its version is %s", path,
        rockspec.version)
  local source = rockspec.source or {}
  check(source.tag == "v" .. version, "%s: its tag is %s, not v%s", path,
        source.tag, version)
  check(neutral(text) == neutral(read "rockspec/sockeye-scm-1.rockspec"),
        "%s: differs from sockeye-scm-1.rockspec in more than the version",
        path)
end

local function check_changelog(version)
  local sections = {}
  for line in read "CHANGELOG.md":gmatch "[^\n]+" do
    local title = line:match "^## (.*)"
    if title then
      table.insert(sections, { title = title, lines = 0 })
    elseif #sections > 0 then
      sections[#sections].lines = sections[#sections].lines + 1
    end
  end
  local first, second = sections[1] or {}, sections[2] or {}
  check(first.title == "Unreleased",
        "CHANGELOG.md: its first section is not Unreleased")
  check(second.title == version,
        "CHANGELOG.md: its second section is %s, not %s", second.title,
        version)
  check(second.lines ~= 0, "CHANGELOG.md: %s has no lines", version)
  check(not release or first.lines == 0,
        "CHANGELOG.md: lines under Unreleased belong to %s", version)
end

local version = read("lua/sockeye/init.lua")
  :match '_VERSION = "Sockeye (%d+%.%d+%.%d+)"'
if check(version, "lua/sockeye/init.lua: no _VERSION as Sockeye 1.2.3") then
  check_rockspecs(version)
  check_changelog(version)
end

for _, problem in ipairs(problems) do print(problem) end
if #problems > 0 then os.exit(1) end
print(version)
