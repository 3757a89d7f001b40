-- Two hosts on one wire: network namespaces joined by a veth pair, for what
-- a single host cannot show (a peer that is silent, gone or unreachable).

local examples = require "spec.support.examples"
local process = require "spec.support.process"
local sockeye = require "sockeye"

local M = {}

-- What makes the spec that runs pending, which it alone has. Where there are no
-- specs, as in a benchmark, an error.
local pending = error
if package.loaded.busted then
  package.loaded.busted.subscribe({ "test", "start" }, function(element)
    pending = element.env and element.env.pending or error
    return nil, true
  end)
end

local function sh(command)
  return process.run { "sh", "-c", command }
end

local function must(command)
  local result = sh(command)
  if result.status ~= 0 then
    error(("%s: %s"):format(command, result.stderr), 0)
  end
end

local known

--- Whether namespaces can be made here; and if not, the reason to give.
function M.available()
  if known then return table.unpack(known, 1, 2) end
  local name = ("sockeye-try-%d"):format(sockeye.getpid())
  if sh("test $(id -u) = 0").status ~= 0 then
    known = { false, "network namespaces need root" }
  elseif not process.available("ip") then
    known = { false, "network namespaces need the ip command (iproute2)" }
  else
    local result = sh(("ip netns add %s && ip -n %s link set lo up && " ..
      "ip -n %s link add veth0 type veth peer name veth1"):gsub("%%s", name))
    sh("ip netns del " .. name)
    known = result.status == 0 and { true } or
      { false, "no network namespaces here: " .. result.stderr }
  end
  return table.unpack(known, 1, 2)
end

local host = {}
local host_methods = {}
host.__index = host_methods

local function inside(self, options)
  local copy = {}
  for name, value in pairs(options or {}) do copy[name] = value end
  copy.prefix = { "ip", "netns", "exec", self.name }
  for _, word in ipairs(options and options.prefix or {}) do
    table.insert(copy.prefix, word)
  end
  return copy
end

--- Runs a command on this host; as process.run.
function host_methods:run(command, options)
  return process.run(command, inside(self, options))
end

--- Runs the text of a Lua script on this host; as process.lua_script.
function host_methods:lua(text, options)
  return process.lua_script(text, inside(self, options))
end

--- Starts a command or the text of a Lua script on this host, in the
-- background. It is ended with the host, if not before.
function host_methods:start(command, options)
  local started = process.start(command, inside(self, options))
  table.insert(self.started, started)
  return started
end

function host_methods:start_lua(text, options)
  local started = process.start_lua(text, inside(self, options))
  table.insert(self.started, started)
  return started
end

--- Runs a line of shell on this host, which has to succeed: "ip link set …".
function host_methods:must(line)
  local result = self:run { "sh", "-c", line }
  if result.status ~= 0 then
    error(("%s: %s"):format(line, result.stderr), 2)
  end
  return result.stdout
end

--- Makes this host a router, which reports every packet that it drops. What
-- the masks name is limited, for all namespaces together: so they name nothing.
function host_methods:route()
  self:must [[
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    echo 0 >/proc/sys/net/ipv4/icmp_ratemask
    echo 0 >/proc/sys/net/ipv6/icmp/ratemask
    echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
  ]]
end

--- Waits until multicast of IPv6 arrives here: the kernel takes a while to find
-- that the other end of the wire is up, too.
function host_methods:await_ipv6()
  local command = "ip -6 route show table local type multicast dev "
  if not examples.eventually(function()
    return self:must(command .. self.interface) ~= ""
  end) then
    error("there is no IPv6 multicast on " .. self.interface, 2)
  end
end

local function add_host(name, number, peer)
  must("ip netns add " .. name)
  return setmetatable({
    name = name,
    interface = "wire" .. number,
    address = "10.77.0." .. number,
    address6 = "fd00:77::" .. number,
    peer_address = "10.77.0." .. peer,
    peer_address6 = "fd00:77::" .. peer,
    started = {},
  }, host)
end

-- Without duplicate address detection, an address can be used at once.
local function bring_up(self)
  self:must "for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >$f; done"
  self:must "ip link set lo up"
  self:must(("ip addr add %s/24 dev %s"):format(self.address, self.interface))
  self:must(("ip addr add %s/64 dev %s nodad"):format(self.address6,
                                                      self.interface))
  self:must(("ip link set %s up"):format(self.interface))
end

-- Waits until the kernel has found that both ends of the wire are up: until
-- then it drops what is sent.
local function await_wire(self)
  local command = ("cat /sys/class/net/%s/operstate"):format(self.interface)
  if not examples.eventually(function()
    return self:must(command) == "up\n"
  end) then
    error(self.interface .. " does not come up", 2)
  end
end

local function tear_down(ns)
  for _, self in pairs(ns) do
    for _, started in ipairs(self.started) do started:stop("KILL") end
    sh("ip netns del " .. self.name)
  end
end

local counter = 0

--- Runs f(ns) with two hosts, ns.a and ns.b, on one wire. Each has name,
-- interface, address, address6, peer_address, peer_address6. The hosts go,
-- with all that was started on them, however f ends. Where namespaces cannot be
-- made, the spec is pending, with the reason.
function M.with_namespaces(f)
  local available, reason = M.available()
  if not available then pending(reason) end
  counter = counter + 1
  local base = ("sockeye-%d-%d"):format(sockeye.getpid(), counter)
  local ns = {}
  local results = table.pack(xpcall(function()
    ns.a = add_host(base .. "a", 1, 2)
    ns.b = add_host(base .. "b", 2, 1)
    must(("ip link add %s netns %s type veth peer name %s netns %s"):format(
      ns.a.interface, ns.a.name, ns.b.interface, ns.b.name))
    bring_up(ns.a)
    bring_up(ns.b)
    await_wire(ns.a)
    await_wire(ns.b)
    return f(ns)
  end, function(err)
    if type(err) ~= "string" then return err end
    return debug.traceback(err, 2)
  end))
  tear_down(ns)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

return M
