-- Blocks of 64 KiB through a Unix stream socket; c.c lists the arguments.

local sockeye = require "sockeye"
local pattern = require "bench.calls.bulk.pattern"

local action, path, bytes, check, command = table.unpack(arg)
bytes = math.tointeger(tonumber(bytes))
local size <const>, block <const> = pattern.size, pattern.block
local compare = check == "all" and pattern.compare

local run = {}

function run.send()
  local s <close> = sockeye.socket("unix", "stream"):connect("unix:" .. path)
  for _ = 1, bytes // size do s:sendall(block) end
end

function run.receive()
  local listener <close> = sockeye.socket("unix", "stream")
  listener:bind("unix:" .. path):listen(1)
  local child = assert(io.popen(command, "r"))
  local s <close> = listener:accept()
  local received, start = 0, sockeye.now()
  local data = s:recv(size)
  while data do
    if compare then compare(data, received) end
    received = received + #data
    data = s:recv(size)
  end
  pattern.report(received, bytes, sockeye.now() - start)
  assert(child:close())
end

function run.alone()
  local received, start = 0, sockeye.now()
  local a <close>, b = sockeye.socketpair()
  for _ = 1, bytes // size do
    a:sendall(block)
    repeat
      local data = b:recv(size)
      if compare then compare(data, received) end
      received = received + #data
    until received % size == 0
  end
  b:close()
  pattern.report(received, bytes, sockeye.now() - start)
end

run[action]()
