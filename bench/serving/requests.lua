-- The system calls of a request, counted by strace -c: the difference of a run
-- with many requests and one with few.

local command = require "bench.support.command"
local measure = require "bench.serving.measure"
local peers = require "bench.support.peers"
local rows = require "bench.serving.rows"

local M = {}

local order = { "c", "sockeye", "luasocket", "luv", "cqueues" }
local works = { rows.work[1], rows.work[5], rows.work[6] }

-- The memory that is asked of the system is not the request's.
local ignored = { brk = true, mmap = true, munmap = true, mremap = true }

local function count(row, name, operations)
  local path = os.tmpname()
  local result, why = measure.once(row, name, { operations = operations },
    { "strace", "-f", "-c", "-o", path })
  local calls = 0
  for line in io.lines(path) do
    local number, call = line:match(
      "^%s*[%d.]+%s+[%d.]+%s+%d+%s+(%d+)%s+%d*%s*([%w_]+)%s*$")
    if call and call ~= "total" and not ignored[call] then
      calls = calls + number
    end
  end
  os.remove(path)
  return calls, result and result.operations, why
end

-- Calls for each request, or nil.
local function calls_of(row, name, quick)
  local few, many = 2000, quick and 4000 or 12000
  local before, first = count(row, name, few)
  local after, last = count(row, name, many)
  if not (first and last) then return nil end
  return (after - before) / (last - first)
end

function M.run(options)
  local result = { title = "Servers: system calls of a request",
                   columns = { "" }, rows = {}, notes = {} }
  if not command.which "strace" then
    result.notes = { "Not measured: strace is not installed." }
    return result
  end
  for _, name in ipairs(order) do
    table.insert(result.columns, peers[name].title)
  end
  for _, row in ipairs(works) do
    local line = { row.name .. (row.per and ", per " .. row.per or "") }
    for _, name in ipairs(order) do
      local calls = peers[name].available() and
        calls_of(row, name, options.quick)
      table.insert(line, calls and ("%.2f"):format(calls) or "–")
    end
    table.insert(result.rows, line)
  end
  return result
end

return M
