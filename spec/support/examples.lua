-- Runs the programs of examples/, and talks to them.

local lfs = require "lfs"

local process = require "spec.support.process"
local sockeye = require "sockeye"

local M = {}

local folders <const> = { "", "servers/", "clients/", "tools/" }

--- The path of an example by its name.
function M.path(name)
  for _, folder in ipairs(folders) do
    local path = ("examples/%s%s.lua"):format(folder, name)
    local file <close> = io.open(path)
    if file then return path end
  end
  error("no example has the name " .. name, 2)
end

--- The names of all examples, in order.
function M.names()
  local names = {}
  for _, folder in ipairs(folders) do
    for file in lfs.dir("examples/" .. folder) do
      table.insert(names, file:match "^(.*)%.lua$")
    end
  end
  table.sort(names)
  return names
end

--- The words that run an example with these arguments.
function M.words(name, ...)
  local words = { process.lua, M.path(name) }
  for i = 1, select("#", ...) do
    words[i + 2] = tostring((select(i, ...)))
  end
  return words
end

--- Runs a tool to its end; as process.run.
function M.run(name, arguments, options)
  return process.run(M.words(name, table.unpack(arguments or {})), options)
end

--- Starts a server that prints its address in its first line. Returns the
-- process and the address.
function M.serve(name, arguments, options)
  local started = process.start(M.words(name, table.unpack(arguments)),
                                options)
  return started, sockeye.address((started:line()))
end

--- Starts a tool whose standard input, output and errors are pipes. Returns a
-- table of their ends (input, output, errors) and pid, to be ended by finish.
function M.open(name, ...)
  local words = M.words(name, ...)
  local from_us, input = sockeye.pipe()
  local output, to_us = sockeye.pipe()
  local errors, complaints = sockeye.pipe()
  io.flush()
  local pid = sockeye.fork()
  if pid == 0 then
    sockeye.dup2(from_us, 0)
    sockeye.dup2(to_us, 1)
    sockeye.dup2(complaints, 2)
    pcall(sockeye.execvp, words[1], words)
    sockeye._exit(127)
  end
  from_us:close()
  to_us:close()
  complaints:close()
  return { pid = pid, input = input, output = output:settimeout(20),
           errors = errors:settimeout(20) }
end

--- Waits for a tool's end. Returns its exit status, or the name "signal", and
-- what it said on standard error.
function M.finish(tool)
  tool.input:close()
  local said = M.read_all(tool.errors)
  tool.errors:close()
  tool.output:close()
  local _, how, status = sockeye.waitpid(tool.pid)
  return how == "exit" and status or how, said
end

--- A socket that is connected to the address and waits for at most 20 s.
function M.connect(address)
  local s = sockeye.socket(address.family, "stream")
  return s:settimeout(20):connect(address)
end

--- A socket that listens on the loopback, and its port.
function M.listen()
  local s = sockeye.socket("inet", "stream"):settimeout(20)
  s:bind("127.0.0.1:0"):listen()
  return s, s:getsockname().port
end

--- Everything up to the end of a socket or pipe.
function M.read_all(s)
  local parts = {}
  repeat
    local data = s:read(65536)
    parts[#parts + 1] = data
  until not data
  return table.concat(parts)
end

--- A port that nobody listens on now.
function M.free_port(type)
  local s <close> = sockeye.socket("inet", type or "stream")
  return s:bind("127.0.0.1:0"):getsockname().port
end

--- Starts a server on a port that is free; it may find that the port was taken
-- meanwhile. words(port) is its command, `ready` a pattern of the line that it
-- writes once it listens. Returns the process and the address.
function M.start_on_free_port(type, words, ready)
  for _ = 1, 5 do
    local port = M.free_port(type)
    local server = process.start(words(port), { timeout = 60 })
    local started, err = pcall(server.line, server, ready)
    if started then return server, "127.0.0.1:" .. port end
    server:stop()
    if not err:find("in use", 1, true) then error(err, 0) end
  end
end

--- Calls f until it returns something true, at most for 20 s: for what another
-- process changes without a sign. Returns that value.
function M.eventually(f)
  local deadline = sockeye.now() + 20
  while true do
    local result = f()
    if result or sockeye.now() > deadline then return result end
    sockeye.sleep(0.01)
  end
end

--- Calls f with the path of a folder of its own. Returns what f does.
function M.with_folder(f)
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir " .. path))
  local results = table.pack(pcall(f, path))
  os.execute("rm -rf " .. path)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- So many bytes, of all values and in no period.
function M.bytes(size)
  local values, seed = {}, 1
  for i = 1, 4093 do
    seed = seed * 1103515245 + 12345 & 0x7fffffff
    values[i] = string.char(seed >> 16 & 255)
  end
  local block, parts = table.concat(values), {}
  for i = 1, size // #block + 1 do parts[i] = ("I4"):pack(i) .. block end
  return table.concat(parts):sub(1, size)
end

return M
