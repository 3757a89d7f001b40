-- What the user's side of a call costs: the instructions, counted by
-- callgrind, of a blocking send and recv of 64 bytes. The difference of two
-- numbers of rounds leaves out what is done once.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"

local M = {}

local folder <const> = "bench/calls/exchange"
local few <const> = 1000
local order = { "c", "sockeye", "sockeye_locals", "luasocket", "cpython",
                "luaposix", "cqueues" }

local notes = {
  luasocket = "over TCP on the loopback: it has no socketpair",
}

local function count(peer, rounds)
  local words = peers.words(peer, folder, rounds)
  local text = command.run({
    "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
    table.unpack(words) }, 300)
  assert(text:find("exchanged " .. rounds, 1, true), text)
  return tonumber((assert(text:match("Collected : (%d+)"), text)))
end

local function measure(peer, many)
  return (count(peer, many) - count(peer, few)) / (many - few)
end

function M.run(options)
  local result = {
    title = "Blocking send and recv of 64 bytes: user-space instructions",
    columns = { "", "instructions", "" },
    rows = {},
    notes = {},
  }
  if not command.which "valgrind" then
    result.notes = { "Not measured: valgrind is not installed." }
    return result
  end
  local many = options.quick and 2000 or 11000
  for _, name in ipairs(order) do
    local peer = peers[name]
    local cell, note = "–", "not installed for this Lua"
    if peer.available() then
      cell = report.number(measure(peer, many))
      note = notes[name] or "over a socketpair"
    end
    table.insert(result.rows, { peer.title, cell, note })
  end
  return result
end

return M
