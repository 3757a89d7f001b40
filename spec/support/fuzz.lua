-- Calls every public function, method and metamethod with arguments of all
-- kinds, chosen at random from a fixed seed, and prints a line for each: its
-- name, a tab, and "ok" or what went wrong. Run in a process of its own.
--
-- A function may return, raise a sockeye error, or raise an argument error,
-- and then nothing has been opened.

local lfs = require "lfs"
local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

-- Without a number of rounds this is a module.
local rounds <const> = tonumber((...))

local M = {}

-- ---- values ----

local closed_file = io.open("/dev/null")
closed_file:close()

local strings = {
  "", "\0", "x", "%s%n", "\xff\xfe", ("x"):rep(109), ("x"):rep(5000),
  "127.0.0.1:0", "[::1]:0", "*:0", "127.0.0.1:99999", "[fe80::1%lo]:1",
  "packet:lo/arp/01:02", "netlink:5/0x1", "vsock:1:any", "packet:////",
  "2\n6 0 0 1\n6 0 0 0\n", "{ 6, 0, 0, 0 },", "aa:bb:cc:dd:ee:ff",
  "unix:@fuzz", "unix:", "unix:" .. ("x"):rep(200), "127.0.0.1", "::1",
  "inet", "AF_INET6", "unix", "stream", "dgram", "raw", "tcp", "udp", "domain",
  "rd", "rdwr", "peek", "dontwait peek", "waitall", "oob", "errqueue",
  "O_NONBLOCK", "FD_CLOEXEC", "SO_REUSEADDR", "SO_LINGER", "SO_RCVTIMEO",
  "SO_PEERCRED", "TCP_INFO", "IP_ADD_MEMBERSHIP", "IPV6_PKTINFO",
  "SOL_SOCKET", "IPPROTO_TCP", "numerichost", "nohang", "SIGUSR1", "lo",
  "ignore", "default", "r", "5", "-1", "0x10", "1e400",
}

local numbers = {
  0, 1, 2, 3, 7, 17, 65535, 65536, -1, 1 << 31, (1 << 31) - 1, -(1 << 31),
  1 << 32, 1 << 62, math.maxinteger, math.mininteger, 0.5, -0.0, 1e9, 1e300,
  0 / 0, math.huge, -math.huge, 2.0 ^ 53, 2.0 ^ 63,
}

-- Those that may be used up are made anew for each call.
local made = {
  function() return sockeye.socket("inet", "stream") end,
  function() return sockeye.socket("inet", "dgram"):bind("127.0.0.1:0") end,
  function() return sockeye.socket("unix", "dgram") end,
  function() return (sockeye.socketpair()) end,
  function() return (sockeye.pipe()) end,
  function()
    return sockeye.socket("inet6", "stream"):bind("[::1]:0"):listen()
  end,
  function()
    local s = sockeye.socket("inet", "stream")
    s:close()
    return s
  end,
}

local others = {
  true, false, {}, { 1 }, { "r" }, { x = "r" }, { [io.stdout] = "w" },
  { [1 << 40] = "r" }, { [io.stdout] = "z" }, { [closed_file] = "r" },
  { "a", "b\0" }, { NAME = "value" }, { ["A=B"] = 1 }, { {} },
  { group = "239.1.2.3", interface = "lo" }, { group = {}, source = 1 },
  { low = -1, high = 1e300 }, { clockid = 0 / 0 }, { address = print },
  { scope = "lo", flowinfo = 1 }, { family = "inet", flags = "passive" },
  { flags = {} }, { type = 1.5 }, { iov = "x" }, { iov = 5, control = true },
  { iov = { "x", "" }, control = { rights = { 0 }, ttl = 5 } },
  { iov = { 1, 2 }, control = 20, flags = "peek", rights = "numbers" },
  { iov = "x", name = "127.0.0.1:9", control = { { level = 1, type = 1 } } },
  print, coroutine.create(print), io.stdout,
  closed_file, sockeye, sockeye.inet(), sockeye.inet6("::1", 1),
  sockeye.unix("\0fuzz"), sockeye.unix(), sockeye.unpack("\99\0abc"),
  sockeye.packet("lo", "arp", { address = "\1\2" }), sockeye.netlink(5, 6),
  sockeye.vsock("local", "any"), { { 6, 0, 0, 0 }, { 6, 0, 0 } },
  { id = 1, type = "hash", flags = {} }, { type = "promisc", address = 1 },
  sockeye.unpack("\0\0"), sockeye.unpack("\99\0" .. ("x"):rep(126)),
  select(2, pcall(sockeye.adopt, 1 << 20)),
  setmetatable({}, { __index = function(_, key) return key end }),
}

local function pick(list) return list[math.random(#list)] end

local function random_socket()
  local s = pick(made)()
  if tostring(s) ~= "socket(closed)" then s:settimeout(0) end
  return s
end

local function random_value()
  local kind = math.random(10)
  if kind == 1 then return nil end
  if kind <= 4 then return pick(strings) end
  if kind <= 6 then return pick(numbers) end
  if kind == 7 then return random_socket() end
  return pick(others)
end

-- ---- what is not left to chance ----

local function is_number(value)
  return math.type(value) ~= nil or tonumber(value) ~= nil
end

local function takes_a_descriptor(a)
  if is_number(a[1]) and tonumber(a[1]) < 1000 then a[1] = 1 << 20 end
end

-- Each changes arguments that would wait, ask other hosts or reach beyond
-- this process.
local tamed = {
  adopt = takes_a_descriptor,
  stream = takes_a_descriptor,
  dup2 = function(a)
    if is_number(a[2]) and tonumber(a[2]) < 1000 then a[2] = 1000 end
  end,
  poll = function(a)
    if a[2] == nil or is_number(a[2]) and a[2] ~= a[2] then a[2] = 0 end
    if is_number(a[2]) and tonumber(a[2]) > 0 then a[2] = 1e-6 end
  end,
  wait = function(a)
    if not is_number(a[3]) or tonumber(a[3]) ~= 0 then a[3] = 1e-6 end
  end,
  sleep = function(a)
    if is_number(a[1]) and tonumber(a[1]) > 0 then a[1] = 1e-6 end
  end,
  resolve = function(a)
    if type(a[3]) ~= "number" then a[3] = { flags = "numerichost" } end
  end,
  gethostbyaddr = function(a)
    if type(a[1]) ~= "table" then a[1] = "127.0.0.1" end
  end,
  nameinfo = function(a)
    if a[2] == nil then a[2] = "numerichost" end
  end,
  waitpid = function(a)
    if a[2] == nil then a[2] = "nohang" end
  end,
  signal = function(a)
    if type(a[2]) == "function" then a[2] = print end
  end,
}

-- What ends or doubles this process, changes what it is, or signals others.
local excluded = {
  _exit = true, fork = true, kill = true, chdir = true, setgid = true,
  setgroups = true, sethostname = true, setrlimit = true, setsid = true,
  setuid = true, umask = true,
}

-- ---- calls ----

local function descriptors()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
  return count
end

local accepted = { "bad argument #%d+ to ", "an address is immutable",
                   "unknown field of an address", "attempt to concatenate a",
                   "not inside sockeye.run" }

local function is_accepted(err)
  if sockeye.is_error(err) then return true end
  for _, pattern in ipairs(accepted) do
    if type(err) == "string" and err:find(pattern) then return true end
  end
  return false
end

local function describe(arguments)
  local words = {}
  for i = 1, arguments.n do
    words[i] = ("%.60s"):format(tostring(arguments[i]):gsub("[%c\x80-\xff]",
      function(c) return ("\\x%02x"):format(c:byte()) end))
  end
  return table.concat(words, ", ")
end

-- Nil, or what is wrong with how the function takes these arguments.
local function try(name, f, arguments)
  if tamed[name] then
    tamed[name](arguments)
    arguments.n = math.max(arguments.n, 3)
  end
  local before = descriptors()
  local ok, err = pcall(f, table.unpack(arguments, 1, arguments.n))
  if ok then return end
  if not is_accepted(err) then
    return ("(%s): %s"):format(describe(arguments), tostring(err))
  end
  if type(err) == "string" and descriptors() > before then
    return ("(%s): left something open"):format(describe(arguments))
  end
end

local function random_arguments(first)
  local arguments = { n = math.random(0, 4) }
  for i = 1, arguments.n do arguments[i] = random_value() end
  if first and math.random(20) > 1 then
    arguments[1] = first()
    arguments.n = math.max(arguments.n, 1)
  end
  return arguments
end

--- Tries a function many times. `first` makes its first argument, mostly.
local function fuzz(name, f, first)
  for round = 1, rounds do
    local problem = try(name, f, random_arguments(first))
    if problem then return problem end
    if round % 50 == 0 then collectgarbage() end
  end
  return "ok"
end

-- ---- what there is to call ----

local function add(list, prefix, functions, first)
  for name, f in pairs(functions) do
    if type(f) == "function" and not excluded[name] then
      list[#list + 1] = { prefix .. name, name, f, first }
    end
  end
end

local function random_address()
  return pick { sockeye.inet("127.0.0.1", 1), sockeye.inet6("::1%lo"),
                sockeye.unix("/a"), sockeye.unix(), sockeye.unpack("\99\0a"),
                sockeye.unpack("\0\0") }
end

local function address_methods()
  local methods = {}
  for _, name in ipairs { "pack", "key", "is_any", "is_loopback",
                          "is_multicast", "is_link_local", "is_private",
                          "is_v4mapped", "unmap" } do
    methods[name] = sockeye.inet()[name]
  end
  return methods
end

--- All of them, in order: { whole name, name, function, first argument }.
function M.functions()
  local list = {}
  local socket = debug.getmetatable(sockeye.socket("inet", "stream"))
  add(list, "sockeye.", sockeye)
  add(list, "netlink.", netlink)
  add(list, "Socket:", socket.__index, random_socket)
  add(list, "Socket.", socket, random_socket)
  add(list, "Address:", address_methods(), random_address)
  add(list, "Address.", debug.getmetatable(sockeye.inet()), random_address)
  local _, err = pcall(sockeye.adopt, 1 << 20)
  add(list, "Error.", debug.getmetatable(err))
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

-- An option, mostly, in place of any first argument.
local function fuzz_options(name)
  local options = sockeye.options()
  for _, option in ipairs(options) do
    for _ = 1, math.max(rounds // 20, 5) do
      local s = random_socket()
      local arguments = { s, option.name, random_value(), random_value(),
                          n = math.random(2, 4) }
      local problem = try(name, s[name], arguments)
      if problem then return problem end
    end
    collectgarbage()
  end
  return "ok"
end

if rounds then
  math.randomseed(5)
  io.stdout:setvbuf("line")
  for _, entry in ipairs(M.functions()) do
    print(entry[1] .. "\t" .. fuzz(table.unpack(entry, 2)))
  end
  for _, name in ipairs { "getsockopt", "setsockopt" } do
    print("options of " .. name .. "\t" .. fuzz_options(name))
  end
end

return M
