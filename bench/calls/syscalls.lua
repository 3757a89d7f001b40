-- The system calls that one call of a library makes, counted by strace -c: the
-- difference of a child that makes `many` and one that makes `few`.

local command = require "bench.support.command"
local peers = require "bench.support.peers"

local M = {}

local folder <const> = "bench/calls/syscalls"
local few <const>, many <const> = 50, 150
local operations = { "send", "recv", "accept", "connect" }
local order = { "sockeye", "luasocket" }

-- The memory that Lua asks of the system is not the call's.
local ignored = { brk = true, mmap = true, munmap = true, mremap = true }

local function count(peer, operation, n)
  local path = os.tmpname()
  local words = peers.words(peer, folder, operation, n)
  local text = command.run({ "strace", "-f", "-c", "-o", path,
                             table.unpack(words) }, 60)
  assert(text:find(("%s %d"):format(operation, n), 1, true), text)
  local counts = {}
  for line in io.lines(path) do
    local calls, name = line:match(
      "^%s*[%d.]+%s+[%d.]+%s+%d+%s+(%d+)%s+%d*%s*([%w_]+)%s*$")
    if name and name ~= "total" then counts[name] = tonumber(calls) end
  end
  os.remove(path)
  assert(next(counts), "strace -c told nothing")
  return counts
end

local function measure(peer, operation)
  local before, after = count(peer, operation, few),
    count(peer, operation, many)
  local list = {}
  for name, calls in pairs(after) do
    local each = (calls - (before[name] or 0)) / (many - few)
    if each ~= 0 and not ignored[name] then
      table.insert(list, ("%s %.3g"):format(name, each))
    end
  end
  table.sort(list)
  return table.concat(list, ", ")
end

function M.run()
  local result = {
    title = "System calls of one blocking call without a time-out",
    columns = { "" },
    rows = {},
    notes = {},
  }
  if not command.which "strace" then
    result.notes = { "Not measured: strace is not installed." }
    return result
  end
  for _, name in ipairs(order) do
    table.insert(result.columns, peers[name].title)
  end
  for _, operation in ipairs(operations) do
    local row = { operation }
    for _, name in ipairs(order) do
      local peer = peers[name]
      table.insert(row, peer.available() and measure(peer, operation) or "–")
    end
    table.insert(result.rows, row)
  end
  return result
end

return M
