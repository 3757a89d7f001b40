-- Counts system calls by strace -c.

local command = require "bench.support.command"

local M = {}

-- System calls that allocate memory are not part of a call or a request.
local ignored = { brk = true, mmap = true, munmap = true, mremap = true }

--- Adds the note that says so to a result, and returns false, if strace is not
-- installed.
function M.available(result)
  if command.which "strace" then return true end
  table.insert(result.notes, "Not measured: strace is not installed.")
  return false
end

local function read_counts(path)
  local counts = {}
  for line in io.lines(path) do
    local calls, name = line:match(
      "^%s*[%d.]+%s+[%d.]+%s+%d+%s+(%d+)%s+%d*%s*([%w_]+)%s*$")
    if name and name ~= "total" and not ignored[name] then
      counts[name] = tonumber(calls)
    end
  end
  return counts
end

--- Calls f with the words to run a command by. Returns the calls by their
-- names, and what f returns.
function M.count(f)
  local path = os.tmpname()
  local results = table.pack(pcall(f, { "strace", "-f", "-c", "-o", path }))
  local counts = read_counts(path)
  os.remove(path)
  if not results[1] then error(results[2], 0) end
  return counts, table.unpack(results, 2, results.n)
end

return M
