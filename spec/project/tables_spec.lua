-- The reference's pages of options and of control data: all rows of the C
-- tables are there, each with all its fields.

local sockeye = require "sockeye"
local temporary = require "spec.support.temporary"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- Runs tools/tables.lua; true, or false and what it reports.
local function generate(folder, sources)
  local pipe <close> = assert(io.popen(
    ("%s tools/tables.lua '%s' %s 2>&1"):format(
      os.getenv "LUA" or "lua5.4", folder.path, sources or "csrc")))
  local report = pipe:read "a"
  return pipe:close() == true, report
end

local function page(name)
  local folder <close> = temporary.folder()
  local ok, report = generate(folder)
  assert.is_true(ok, report)
  return read(folder.path .. "/" .. name)
end

-- The rows of a page by their ids: lists of cells, and the level as `level`.
local function rows_of(text)
  local rows, count = {}, 0
  local level
  for line in text:gmatch "[^\n]+" do
    level = line:match '^<h2 id="([%w_]+)">' or level
    local id, rest = line:match '^<tr id="([%w_.]+)">(.*)</tr>$'
    if id then
      assert.is_nil(rows[id], id .. " is there twice")
      rows[id] = { level = level }
      for cell in rest:gmatch "<td>(.-)</td>" do
        table.insert(rows[id], (cell:gsub("<.->", "")))
      end
      count = count + 1
    end
  end
  return rows, count
end

local function access_of(option)
  return option.readable and option.writable and "read, write" or
    option.readable and "read" or "write"
end

local unit_of_type <const> = { seconds = "seconds", size = "bytes",
                               linger = "seconds", bool = "" }

-- A copy of the tables in which the text of one row has another head.
local function spoiled(path, from, to)
  local sources = temporary.folder()
  assert(os.execute(("cp -r csrc/option csrc/message '%s'")
    :format(sources.path)))
  local text, count = read("csrc/" .. path):gsub(from, to)
  assert.equal(1, count)
  local file <close> = assert(io.open(sources.path .. "/" .. path, "w"))
  assert(file:write(text))
  return sources
end

describe("the page of options", function()
  local rows, count = rows_of(page "options.md")

  for _, option in ipairs(sockeye.options()) do
    it("has " .. option.name, function()
      local row = rows[option.name]
      assert.is_table(row)
      local name, type, unit, access, about, manual = table.unpack(row)
      assert.equal(option.level, row.level)
      assert.equal(option.name, name)
      assert.equal(option.type, type)
      assert.equal(access_of(option), access)
      assert.equal(unit_of_type[type] or unit, unit)
      assert.is_truthy(about:find "^[%u`%d].+%.$", about)
      assert.is_truthy(manual:find "%(%d%)" or manual:find "RFC %d" or
                       manual:find "%.h$" or manual:find "%.rst$", manual)
      assert.equal(6, #row)
    end)
  end

  it("has the options of other systems, too", function()
    local _, in_source = read "csrc/option/table.c":gsub("\n    ROW%(", "")
    assert.equal(in_source, count)
    assert.is_true(count >= #sockeye.options())
  end)
end)

describe("the page of control data", function()
  local rows, count = rows_of(page "control.md")
  local source = read "csrc/message/control.c"
  local in_source = 0

  for name, level, number in
      source:gmatch '\n    ROW%("([%w_]+)", ([%w_]+), ([%w_]+),' do
    in_source = in_source + 1
    it(("has %s of %s"):format(name, level), function()
      local row = rows[level .. "." .. number]
      assert.is_table(row)
      local field, message, direction, _, about, manual = table.unpack(row)
      assert.equal(level, row.level)
      assert.equal(name, field)
      assert.equal(number, message)
      assert.is_truthy(direction == "sent" or direction == "received" or
                       direction == "sent, received")
      assert.is_truthy(about:find "%.$", about)
      assert.are_not.equal("", manual)
      assert.equal(6, #row)
    end)
  end

  it("has no others", function()
    assert.equal(in_source, count)
    assert.is_true(count > 30)
  end)

  it("names options that exist", function()
    local known = {}
    for _, option in ipairs(sockeye.options()) do known[option.name] = true end
    for id, row in pairs(rows) do
      assert.is_truthy(row[4] == "" or known[row[4]], id)
    end
  end)
end)

describe("the tables of the reference", function()
  local cases = {
    { "an option has no text", "option/table.txt", "\nSO_LINGER |",
      "\nSO_LINGERIE |", "missing: SO_LINGER" },
    { "a text has no option", "option/table.c",
      "\n    ROW%(SO_LINGER,[^\n]*", "", "no such row: SO_LINGER" },
    { "a text is empty", "option/table.txt", "(\nSO_DEBUG |[^\n]*)\n  [^\n]*",
      "%1", "no text: SO_DEBUG" },
    { "a field is empty", "option/table.txt", "\nSO_DEBUG | %-",
      "\nSO_DEBUG | ", "three fields expected" },
    { "a control message has no text", "message/control.txt",
      "\nttl IPPROTO_IP", "\nttl IPPROTO_TCP", "missing: ttl IPPROTO_IP" },
  }

  for _, case in ipairs(cases) do
    local title, path, from, to, report = table.unpack(case)
    it("are refused where " .. title, function()
      local folder <close> = temporary.folder()
      local sources <close> = spoiled(path, from, to)
      local ok, output = generate(folder, sources.path)
      assert.is_false(ok)
      assert.is_truthy(output:find(report, 1, true), output)
    end)
  end
end)
