-- The work that servers are measured at. A row is a table of
--   name       what is done
--   serve      what the servers call it
--   work       what the load calls it
--   options    of the load
--   unix       over a Unix socket
--   per        what the time is for, where it is not one exchange
--   fair       report how fairly the connections were served
--   lacks      peers that have no such server

local M = {}

M.work = {
  { name = "echo 64 B, 50 connections", serve = "echo", work = "exchange",
    options = { connections = 50 } },
  { name = "the same beside 900 idle ones", serve = "echo", work = "exchange",
    options = { connections = 50, idle = 900 } },
  { name = "echo 64 B, 1,000 connections", serve = "echo", work = "exchange",
    options = { connections = 1000 }, fair = true },
  { name = "echo 64 B, Unix socket", serve = "echo", work = "exchange",
    options = { connections = 50 }, unix = true },
  { name = "line echo, one in flight", serve = "lines", work = "exchange",
    options = { connections = 50 } },
  { name = "line echo, 16 pipelined", serve = "lines", work = "exchange",
    options = { connections = 50, lines = 16 }, per = "line", fair = true },
  { name = "accept, one exchange, close", serve = "once", work = "once",
    options = { connections = 50 } },
  { name = "bulk receive", serve = "sink", work = "bulk", options = {},
    per = "64 KiB" },
  { name = "UDP one way, 64 B", serve = "packets", work = "packets",
    options = {}, per = "packet", lacks = { cqueues = true } },
}

M.growth = {
  { name = "50, one active", serve = "echo", work = "exchange",
    options = { connections = 50, in_flight = 1 } },
  { name = "1,000, 10 active", serve = "echo", work = "exchange",
    options = { connections = 1000, in_flight = 10 } },
  { name = "10,000, 100 active", serve = "echo", work = "exchange",
    options = { connections = 10000, in_flight = 100 } },
}

--- The label of a row: its name, and what the time is for.
function M.label(row)
  return row.name .. (row.per and ", per " .. row.per or "")
end

M.memory = { name = "memory of an idle connection, bytes", serve = "echo",
             work = "hold", options = { connections = 1000 } }
M.held = { name = "connections held", serve = "echo", work = "hold",
           options = { connections = 19900 } }

return M
