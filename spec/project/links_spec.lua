-- That what the documents name exists: files, headings, and make's targets.

local documents = require "spec.support.documents"

local folders <const> = {
  "bench", "build", "csrc", "docs", "examples", "fuzz", "lua", "rockspec",
  "spec", "tools", ".ci", ".github",
}

-- What the build makes: it need not be there yet.
local made <const> = "^build/"

local function exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

-- The name by which a page's heading is linked.
local function anchor_of(heading)
  local text = heading:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-")
  return text
end

local function has_anchor(path, anchor)
  for heading in ("\n" .. documents.read(path)):gmatch "\n#+ ([^\n]*)" do
    if anchor_of(heading) == anchor then return true end
  end
  return false
end

-- Without what stands between three backticks: code names files of its own.
local function prose_of(text)
  return (text:gsub("\n *```.-\n *```", "\n"))
end

-- NAME stands for any name.
local function is_path(text)
  if not text:find "^[%w._/-]+$" or text:find "NAME" then return false end
  for _, folder in ipairs(folders) do
    if text:sub(1, #folder + 1) == folder .. "/" then return true end
  end
  return text:find "^%u+%.md$" ~= nil or text == "Makefile"
end

-- All words of the sources, as a set.
local function words_of_sources()
  local words = {}
  for _, line in ipairs(documents.lines_of(
    "cat csrc/*.[ch] csrc/*/*.[ch] lua/sockeye/*.lua lua/sockeye/*/*.lua " ..
    "spec/support/*.lua spec/option/*.lua")) do
    for word in line:gmatch "[%a_][%w_]*" do words[word] = true end
  end
  return words
end

-- Calls f with each path in backticks, and each target of a link that is not
-- an address of the web; both from the root.
local function each_name(page, f)
  local folder = page:match "^(.*/)" or ""
  local text = prose_of(documents.read(page))
  for name in text:gmatch "`([^`\n]+)`" do
    if is_path(name) then f(name) end
  end
  for target in text:gmatch "%]%(([^)%s]+)%)" do
    if not target:find "^%a+:" then
      local path, anchor = target:match "^([^#]*)#?(.*)$"
      path = path == "" and page or folder .. path
      local count
      repeat path, count = path:gsub("[^/]+/%.%./", "", 1) until count == 0
      f(path, anchor)
    end
  end
end

describe("the documents", function()
  local makefile = documents.read "Makefile"
  local pages = documents.lines_of(
    "ls *.md docs/*.md bench/*.md examples/*.md")

  it("are linked from the README, at once or in two steps", function()
    local reached = {}
    local function follow(page, steps)
      if reached[page] and reached[page] >= steps then return end
      reached[page] = steps
      if steps == 0 then return end
      each_name(page, function(path)
        if path:find "%.md$" and exists(path) then follow(path, steps - 1) end
      end)
    end
    follow("README.md", 2)
    for _, page in ipairs(pages) do assert.is_truthy(reached[page], page) end
  end)

  for _, page in ipairs(pages) do
    it("name functions and tables that exist: " .. page, function()
      local words = words_of_sources()
      local text = prose_of(documents.read(page))
      local missing = {}
      for name in text:gmatch "`([%l_]+_[%w_]+)[`(]" do
        if not name:find "NAME" and not words[name] then
          table.insert(missing, name)
        end
      end
      assert.are.same({}, missing)
    end)

    it("name files and headings that exist: " .. page, function()
      local missing = {}
      each_name(page, function(path, anchor)
        if not path:find(made) and not exists(path) then
          table.insert(missing, path)
        elseif anchor and anchor ~= "" and not has_anchor(path, anchor) then
          table.insert(missing, path .. "#" .. anchor)
        end
      end)
      assert.are.same({}, missing)
    end)

    it("name targets that the Makefile has: " .. page, function()
      local missing = {}
      for target in documents.read(page):gmatch "`make ([%l-]+)" do
        if not makefile:find("\n" .. target .. ":", 1, true) then
          table.insert(missing, target)
        end
      end
      assert.are.same({}, missing)
    end)
  end
end)
