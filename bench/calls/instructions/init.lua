-- What the user's side of a call costs: the instructions, counted by
-- callgrind, of a blocking send and recv of 64 bytes, of a recvmsg with control
-- data, and of what tasks do. The difference of two numbers of rounds leaves
-- out what is done once.

local command = require "bench.support.command"
local peers = require "bench.support.peers"
local report = require "bench.support.report"

local M = {}

local folder <const> = "bench/calls/instructions"
local few <const> = 1000
local order = { "c", "sockeye", "sockeye_locals", "luasocket", "cpython",
                "luaposix", "cqueues" }

local notes = {
  luasocket = "over TCP on the loopback: it has no socketpair",
}

-- What receives messages, and the control data that it is measured with.
local decoders = { "c", "sockeye", "cpython" }
local kinds = { "none", "ttl", "three" }

-- What tasks do, and what none of it may exceed.
local task_parts = {
  { name = "channel", title = "an item through a channel of 64", limit = 1200 },
  { name = "select", title = "a select over three channels that are ready",
    limit = 3000 },
  { name = "yield", title = "a yield of the only task", limit = 972 },
  { name = "sleep", title = "sleep(0) of the only task", limit = 1588 },
  { name = "spawn", title = "a task, spawned and joined", limit = 8536 },
  { name = "timer", title = "a task that sleeps, beside all the others",
    limit = 9412 },
}

local function count(words, wanted)
  local text = command.run({
    "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
    table.unpack(words) }, 300)
  assert(text:find(wanted, 1, true), text)
  return tonumber((assert(text:match("Collected : (%d+)"), text)))
end

-- Instructions of a round.
local function measure(peer, many)
  local function exchange(rounds)
    return count(peers.words(peer, folder .. "/exchange", rounds),
                 "exchanged " .. rounds)
  end
  return (exchange(many) - exchange(few)) / (many - few)
end

local function measure_kind(peer, kind, many)
  local function run(rounds)
    return count(peers.words(peer, folder .. "/control", kind, rounds),
                 rounds .. " rounds")
  end
  return (run(many) - run(few)) / (many - few)
end

local function exchanges(many)
  local result = {
    title = "Blocking send and recv of 64 bytes: user-space instructions",
    columns = { "", "instructions", "" },
    rows = {},
    notes = {},
  }
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

local function messages(many)
  local result = {
    title = "A datagram by recvmsg, its control data decoded: user-space " ..
      "instructions",
    columns = { "", "none", "ttl", "pktinfo, ttl, timestampns" },
    rows = {},
    notes = {},
  }
  for _, name in ipairs(decoders) do
    local peer = peers[name]
    local row = { peer.title }
    if peer.available() then
      local sending = measure_kind(peer, "send", many)
      for _, kind in ipairs(kinds) do
        local cost = measure_kind(peer, kind, many) - sending
        table.insert(row, report.number(cost))
      end
      table.insert(result.rows, row)
    end
  end
  return result
end

local function measure_task(kind, many)
  local function run(rounds)
    return count(peers.words(peers.sockeye, folder .. "/tasks", kind, rounds),
                 rounds .. " rounds")
  end
  return (run(many) - run(few)) / (many - few)
end

local function tasks(many)
  local result = { title = "Tasks: user-space instructions",
                   columns = { "", "instructions", "at most" }, rows = {},
                   notes = {} }
  for _, part in ipairs(task_parts) do
    table.insert(result.rows, { part.title,
                                report.number(measure_task(part.name, many)),
                                report.number(part.limit) })
  end
  return result
end

function M.run(options)
  if not command.which "valgrind" then
    return { title = "User-space instructions", columns = { "" }, rows = {},
             notes = { "Not measured: valgrind is not installed." } }
  end
  local many = options.quick and 2000 or 11000
  -- So many that one turn of the collector counts for little.
  local many_of_tasks = options.quick and 5000 or 11000
  return { exchanges(many), messages(many), tasks(many_of_tasks) }
end

return M
