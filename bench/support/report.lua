-- What a suite measured, as text and as Markdown. A result is a table of
-- title, columns (names), rows (lists of strings) and notes (sentences).

local command = require "bench.support.command"

local M = {}

local folder <const> = os.getenv "BENCH_OUT" or "build/bench"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(text))
end

--- The path of a suite's Markdown.
function M.path(name)
  return ("%s/%s.md"):format(folder, name)
end

--- Makes the folder that all is written to.
function M.prepare()
  assert(os.execute("mkdir -p " .. folder))
end

--- What it was measured on: one line.
function M.machine()
  local cpu = command.output "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo"
  local cores = command.output "nproc"
  local system = command.output "uname -srm"
  return ("%s, %s cores, %s, Lua %s"):format(
    cpu:match("[^\n]+") or "unknown processor", cores:match("%d+"),
    system:match("[^\n]+"), _VERSION:match("%d.*"))
end

local function widths(result)
  local width = {}
  for i, name in ipairs(result.columns) do
    width[i] = utf8.len(name)
    for _, row in ipairs(result.rows) do
      width[i] = math.max(width[i], utf8.len(row[i]))
    end
  end
  return width
end

local function pad(text, width)
  return text .. (" "):rep(width - utf8.len(text))
end

local function line(cells, width, before, between, after)
  local padded = {}
  for i, cell in ipairs(cells) do padded[i] = pad(cell, width[i]) end
  local text = before .. table.concat(padded, between) .. after
  return (text:gsub(" +$", ""))
end

-- A suite has one result or a list of them.
local function results_of(result)
  return result.rows and { result } or result
end

local function show(result)
  local width = widths(result)
  print("\n" .. result.title .. "\n")
  print(line(result.columns, width, "  ", "   ", ""))
  for _, row in ipairs(result.rows) do
    print(line(row, width, "  ", "   ", ""))
  end
  for _, note in ipairs(result.notes or {}) do print("  " .. note) end
end

--- Prints a suite's results for people.
function M.show(result)
  for _, one in ipairs(results_of(result)) do show(one) end
end

local function markdown(result)
  local width = widths(result)
  local rule = {}
  for i in ipairs(result.columns) do rule[i] = ("-"):rep(width[i]) end
  local lines = {
    "**" .. result.title .. "**",
    "",
    line(result.columns, width, "| ", " | ", " |"),
    line(rule, width, "| ", " | ", " |"),
  }
  for _, row in ipairs(result.rows) do
    table.insert(lines, line(row, width, "| ", " | ", " |"))
  end
  for _, note in ipairs(result.notes or {}) do
    table.insert(lines, "")
    table.insert(lines, note)
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Writes a suite's Markdown.
function M.save(name, result)
  local parts = {}
  for i, one in ipairs(results_of(result)) do parts[i] = markdown(one) end
  write(M.path(name), table.concat(parts, "\n"))
end

--- Writes a file beside the Markdown.
function M.write(name, text)
  write(("%s/%s"):format(folder, name), text)
end

--- Joins the Markdown of all suites that have been run so far.
function M.join(names)
  local parts = { "Measured on " .. M.machine() .. ".\n" }
  for _, name in ipairs(names) do
    local file <close> = io.open(M.path(name))
    if file then table.insert(parts, file:read("a")) end
  end
  write(M.path "README-table", table.concat(parts, "\n"))
end

-- The plot that goes with the tables, copied beside the page that shows it.
local function picture(home)
  local file <close> = io.open(folder .. "/servers.svg")
  if not file then return "" end
  write(home .. "/servers.svg", file:read("a"))
  return "\n![Sockeye's servers beside others](servers.svg)\n"
end

--- Replaces what stands between the markers in a folder's README.md. Returns
-- its path.
function M.update(home)
  local path = home .. "/README.md"
  local text = read(path)
  local from, _, first, last = text:find(
    "(<!%-%- bench:begin %-%->\n).-(<!%-%- bench:end %-%->)")
  assert(from, path .. " has no markers")
  local _, to = text:find(last, from, true)
  write(path, text:sub(1, from - 1) .. first .. picture(home) .. "\n" ..
    read(M.path "README-table") .. "\n" .. text:sub(to - #last + 1))
  return path
end

--- A row: a label, and for each name what cell(name) returns; "–" for nothing.
function M.row(label, names, cell)
  local row = { label }
  for i, name in ipairs(names) do row[i + 1] = cell(name) or "–" end
  return row
end

--- 2754 as "2,754".
function M.number(n)
  local digits = ("%.0f"):format(n)
  local grouped = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (grouped:gsub("^,", ""))
end

return M
