-- Blocks of 64 KiB through a Unix stream socket; c.c lists the arguments.

local socket = require "socket"
local unix = require "socket.unix"
local pattern = require "bench.calls.bulk.pattern"

local action, path, bytes, check, command = table.unpack(arg)
bytes = math.tointeger(tonumber(bytes))
local size <const>, block <const> = pattern.size, pattern.block
local compare = check == "all" and pattern.compare
local stream = unix.stream or unix

local function listen()
  local listener = assert(stream())
  assert(listener:bind(path))
  assert(listener:listen(1))
  return listener
end

local function connect()
  local s = assert(stream())
  assert(s:connect(path))
  return s
end

local run = {}

function run.send()
  local s = connect()
  for _ = 1, bytes // size do assert(s:send(block)) end
  s:close()
end

function run.receive()
  local listener = listen()
  local child = assert(io.popen(command, "r"))
  local s = assert(listener:accept())
  local received, start = 0, socket.gettime()
  local data = s:receive(size)
  while data do
    if compare then compare(data, received) end
    received = received + #data
    data = s:receive(size)
  end
  pattern.report(received, bytes, socket.gettime() - start)
  assert(child:close())
end

function run.alone()
  local received = 0
  local listener = listen()
  local a = connect()
  local b = assert(listener:accept())
  local start = socket.gettime()
  for _ = 1, bytes // size do
    assert(a:send(block))
    local data = assert(b:receive(size))
    if compare then compare(data, received) end
    received = received + #data
  end
  pattern.report(received, bytes, socket.gettime() - start)
end

run[action]()
