-- The methods of a socket, and arguments that each of them takes.

local sockeye = require "sockeye"

local M = {}

--- The methods: name -> function.
function M.all()
  local s <close> = sockeye.socket("unix", "stream")
  local methods = {}
  for name, method in pairs(debug.getmetatable(s).__index) do
    methods[name] = method
  end
  return methods
end

--- Their names, in order.
function M.names()
  local names = {}
  for name in pairs(M.all()) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local arguments = {
  bind = { "127.0.0.1:0" },
  connect = { "127.0.0.1:9" },
  fcntl = { "O_NONBLOCK" },
  getsockopt = { "SO_TYPE" },
  listen = { 5 },
  read = { 1 },
  recv = { 1 },
  recvfrom = { 1 },
  recvmany = { 1, 1 },
  send = { "data" },
  sendall = { "data" },
  sendmany = { { "data" } },
  sendmsg = { { iov = "data" } },
  sendto = { "data", "127.0.0.1:9" },
  setsockopt = { "SO_REUSEADDR", true },
  settimeout = { 1 },
  shutdown = { "rdwr" },
  write = { "data" },
}

--- What to call the method of that name with, after the socket.
function M.arguments(name)
  return table.unpack(arguments[name] or {})
end

return M
