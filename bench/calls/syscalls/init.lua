-- The system calls that one call of a library makes: the difference between a
-- child that makes `many` and one that makes `few`.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local strace = require "bench.support.strace"

local M = {}

local folder <const> = "bench/calls/syscalls"
local few <const>, many <const> = 50, 150
local operations = { "send", "recv", "accept", "connect" }
local order = { "sockeye", "luasocket" }

local function count(peer, operation, n)
  local words = peers.words(peer, folder, operation, n)
  return (strace.count(function(all)
    table.move(words, 1, #words, #all + 1, all)
    local text = command.run(all, 60)
    assert(text:find(("%s %d"):format(operation, n), 1, true), text)
  end))
end

local function measure(peer, operation)
  local before, after = count(peer, operation, few),
    count(peer, operation, many)
  local list = {}
  for name, calls in pairs(after) do
    local each = (calls - (before[name] or 0)) / (many - few)
    if each ~= 0 then table.insert(list, ("%s %.3g"):format(name, each)) end
  end
  table.sort(list)
  assert(#list > 0, "strace counted nothing")
  return table.concat(list, ", ")
end

function M.run()
  local result = {
    title = "System calls of one blocking call without a time-out",
    columns = peers.titles("", order), rows = {}, notes = {},
  }
  if not strace.available(result) then return result end
  for _, operation in ipairs(operations) do
    table.insert(result.rows, report.row(operation, order, function(name)
      return peers[name].available() and measure(peers[name], operation)
    end))
  end
  return result
end

return M
