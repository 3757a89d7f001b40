-- From which size on MSG_ZEROCOPY pays: sends of several sizes with and without
-- it, over TCP on the loopback and, where namespaces can be made, between two
-- hosts on a virtual wire. Throughput, the sender's own CPU, and how much the
-- kernel copied after all, where nothing can be gained.

local command = require "bench.support.command"
local netns = require "spec.support.netns"
local peers = require "bench.support.peers"
local report = require "bench.support.report"
local stats = require "bench.support.stats"

local M = {}

local sizes <const> = { 4, 16, 64, 256, 1024 } -- KiB

-- One run: MiB/s, the sender's milliseconds per GiB, and the part copied.
local function measure(wire, size, flags, bytes)
  local sink = command.join(peers.words(peers.c, "bench/calls/files", "sink"))
  local words = peers.words(peers.sockeye, "bench/calls/zerocopy",
    wire.address, bytes, size, flags, wire.far .. sink)
  local all = table.move(words, 1, #words, #wire.near + 1,
                         { table.unpack(wire.near) })
  local text = command.run(all, 60)
  local sent, seconds, cpu, done, copied = text:match(
    "(%d+) bytes in ([%d.]+) s, ([%d.]+) s, (%d+) calls, (%d+) copied")
  assert(sent, text)
  return sent / seconds / 2 ^ 20, cpu * 1000 / (sent / 2 ^ 30),
    tonumber(done) > 0 and copied / done or nil
end

-- The medians of some rounds, in which both take turns.
local function compare(wire, size, bytes, rounds)
  local speed = { none = {}, zerocopy = {} }
  local cpu = { none = {}, zerocopy = {} }
  local copied
  for round = 1, rounds do
    for _, flags in ipairs { "none", "zerocopy" } do
      local part
      speed[flags][round], cpu[flags][round], part =
        measure(wire, size, flags, bytes)
      copied = part or copied
    end
  end
  local cells = { wire.name, ("%d KiB"):format(size >> 10) }
  for _, values in ipairs { speed.none, speed.zerocopy, cpu.none,
                            cpu.zerocopy } do
    table.insert(cells, report.number(stats.median(values)))
  end
  table.insert(cells, copied and ("%.0f %%"):format(copied * 100) or "–")
  return cells
end

local function add_rows(result, wire, options)
  local most = options.quick and 1 << 24 or 1 << 29
  for _, size in ipairs(sizes) do
    local bytes = math.min(most, size << 24)
    table.insert(result.rows, compare(wire, size << 10, bytes,
                                      options.quick and 1 or 5))
  end
end

function M.run(options)
  local result = {
    title = "Sending without copies (MSG_ZEROCOPY), by the size of a send",
    columns = { "", "send", "MiB/s", "zerocopy", "CPU ms/GiB", "zerocopy",
                "copied after all" },
    rows = {},
    notes = { "CPU is the sender's own. Where the kernel copied after all, " ..
      "as it does for a receiver on the same machine, the flag costs and " ..
      "cannot gain." },
  }
  add_rows(result, { name = "loopback", address = "127.0.0.1", near = {},
                     far = "" }, options)
  local available, reason = netns.available()
  if available then
    netns.with_namespaces(function(ns)
      add_rows(result, {
        name = "veth", address = ns.a.address,
        near = { "ip", "netns", "exec", ns.a.name },
        far = ("ip netns exec %s "):format(ns.b.name),
      }, options)
    end)
  else
    table.insert(result.notes, "Not between two hosts: " .. reason .. ".")
  end
  return result
end

return M
