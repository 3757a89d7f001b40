-- An output handler for busted: a dot for each spec as it ends; then the
-- pending specs with their reasons, the failures in full, and as the last
-- line "N passed, N failed, N skipped". SPEC_LABEL=asan puts "asan: " first;
-- busted's --verbose lists the slowest specs. One run of several, which
-- SPEC_PART names, prints only failures and that line, and adds the three
-- numbers to the file SPEC_TOTALS.

local busted = require "busted"
local base = require "busted.outputHandlers.base"
local asserted = require "spec.support.asserted"

local dots = { success = "+", pending = ".", failure = "-", error = "*" }

local function process_id()
  local file <close> = io.open("/proc/self/stat")
  return file and file:read("n")
end

local function place(entry)
  local trace = entry.element.trace or entry.trace
  if not trace or not trace.short_src then return "" end
  return (" (%s:%d)"):format(trace.short_src, trace.currentline)
end

local function indented(text)
  return "    " .. tostring(text):gsub("\n", "\n    ")
end

local function print_pending(entry)
  local reason = entry.message and tostring(entry.message) or "not written yet"
  reason = reason:gsub("^[^\n]-:%d+: ", "")
  print(("skipped: %s%s\n%s"):format(entry.name, place(entry),
                                     indented(reason)))
end

-- Note it for the list of all failures at the end of the whole run.
local function add_failure(kind, entry)
  local path = os.getenv "SPEC_TOTALS"
  if not path or path == "/dev/null" then return end
  local file <close> = assert(io.open(path .. ".failures", "a"))
  local part = os.getenv "SPEC_PART" or ""
  file:write(("%s: %s%s%s\n"):format(kind, entry.name, place(entry),
    part:find "^inside" and " " .. part:match "^[^:]*" or ""))
end

local function print_failure(kind, entry)
  add_failure(kind, entry)
  print(("\n%s: %s%s"):format(kind, entry.name, place(entry)))
  if entry.randomseed then
    print(indented("shuffled with --seed=" .. entry.randomseed))
  end
  print(indented(entry.message or "an error without a message"))
  local traceback = entry.trace and entry.trace.traceback
  if traceback then print(indented(traceback:gsub("^\n", ""))) end
end

local function print_slowest(durations)
  table.sort(durations, function(a, b) return a.seconds > b.seconds end)
  for i = 1, math.min(20, #durations) do
    print(("%7.3f s  %s"):format(durations[i].seconds, durations[i].name))
  end
end

local function add_totals(...)
  local path = os.getenv "SPEC_TOTALS"
  if not path then return end
  local file <close> = assert(io.open(path, "a"))
  file:write(("%d %d %d\n"):format(...))
end

local function summary_label()
  local label = ""
  for _, name in ipairs { "SPEC_LABEL", "SPEC_PART" } do
    local text = os.getenv(name)
    if text then label = label .. text .. ": " end
  end
  return label
end

return function(options)
  asserted.require_of_all(busted)
  local handler = base()
  local owner = process_id()
  local label = summary_label()
  local is_part = os.getenv "SPEC_PART"
  local column = 0
  local durations = {}

  -- A child that a spec forked, and that ran on past it, must not report too.
  local function is_owner()
    if process_id() == owner then return true end
    io.stderr:write("a forked child ran on past its spec\n")
    os.exit(70, false)
  end

  handler.testEnd = function(element, _, status)
    is_owner()
    table.insert(durations, {
      seconds = element.duration or 0,
      name = handler.getFullName(element),
    })
    if is_part then return nil, true end
    column = column % 72 + 1
    io.write(dots[status] or "?", column == 72 and "\n" or "")
    io.flush()
    return nil, true
  end

  handler.suiteEnd = function()
    is_owner()
    if not is_part then print(("\n%.1f s\n"):format(handler.getDuration())) end
    if options.verbose then print_slowest(durations) end
    for _, entry in ipairs(handler.pendings) do print_pending(entry) end
    for _, entry in ipairs(handler.failures) do
      print_failure("failed", entry)
    end
    for _, entry in ipairs(handler.errors) do print_failure("error", entry) end
    print(("%s%d passed, %d failed, %d skipped"):format(
      label, handler.successesCount,
      #handler.failures + #handler.errors, handler.pendingsCount))
    io.flush()
    add_totals(handler.successesCount, #handler.failures + #handler.errors,
               handler.pendingsCount)
    return nil, true
  end

  if not options.deferPrint then
    busted.subscribe({ "test", "end" }, handler.testEnd,
                     { predicate = handler.cancelOnPending })
  end
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
