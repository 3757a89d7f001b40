-- Netlink: sockets to the kernel, requests and messages. The files of
-- sockeye/rtnetlink/ know what the messages of rtnetlink(7) mean.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"
local values = require "sockeye.rtnetlink.values"

local primitives <const> = core.primitives
local codec <const> = primitives.netlink
primitives.mark_library_file()

local c <const> = codec.constants
local fail <const> = values.fail

local M <const> = {}
for name, value in pairs(c) do M[name] = value end

-- ---- messages and attributes ----

--- Read messages (netlink(7)).
-- The functions of netlink are in a module of their own, which `sockeye` does
-- not load: `local netlink = require "sockeye.netlink"`. (The function
-- `sockeye.netlink` is something else: it creates an address.) The module has
-- the constants, too: `netlink.NLM_F_DUMP`, `NLMSG_DONE`, `RTM_NEWLINK`,
-- `NLA_F_NESTED`.
-- @function netlink.decode
-- @string bytes messages, one after the other, as in a datagram
-- @int[opt=1] position where the first begins
-- @int[opt] last where the last ends; by default, the end of `bytes`
-- @treturn {table,...} for each message its header, `type`, `flags`, `seq` and
-- `pid`, all integers, and `data`, what follows the header. `NLMSG_ERROR` and
-- `NLMSG_DONE` have `errno`, which is 0 where nothing failed; an error has
-- `request`, a table of the same kind with the header of the request that
-- failed. An extended acknowledgement adds `message`, `offset`, `cookie`,
-- `missing_type` and `missing_nest`, as far as it has them.
-- @raise argument error that says what is wrong, and at which byte:
-- `message at byte 21: length beyond the end (100, at most 20)`
-- @usage
-- for _, message in ipairs(netlink.decode(s:recv(65536))) do
--   print(message.type, #message.data)
-- end
M.decode = codec.decode

--- Write a message, padded so that another may follow.
-- @function netlink.encode
-- @tab message `type`, an integer; `flags`, `seq`, `pid`, integers, by default
-- 0; `data`, a string that follows the header
-- @treturn string
-- @raise argument error for a field that does not fit or is unknown
M.encode = codec.encode

--- Read attributes, one after the other.
-- The data of an attribute is bytes. Integers are in host byte order, as
-- `string.unpack("=I4", data)` reads them, unless `net_byteorder` is set. This
-- function reads nested attributes, too.
-- @function netlink.attributes
-- @string bytes for example, the data of a message
-- @int[opt=1] position where the first begins: after the structure with which
-- the data of a message begins
-- @int[opt] last where the last ends; by default, the end of `bytes`
-- @treturn {table,...} each with `type`, an integer; `data`; and `nested` and
-- `net_byteorder`, booleans, for the two bits beside the type
-- @raise argument error, as `netlink.decode`
-- @usage
-- for _, a in ipairs(netlink.attributes(message.data, 17)) do
--   if a.type == 3 then print(string.unpack("z", a.data)) end
-- end
M.attributes = codec.attributes

--- Write an attribute, padded so that another may follow.
-- @function netlink.attribute
-- @int type 0 to 0x3fff
-- @string data at most 65531 bytes; for a nested attribute, attributes
-- @param[opt] flags `"nested"`, `"net_byteorder"`, or an integer
-- @treturn string
-- @raise argument error
M.attribute = codec.attribute

local methods <const> = {}
local Netlink <const> = class.new("sockeye.Netlink", methods)

-- ---- arguments ----

local function reject(name, problem)
  arguments.raise_field("request", 1, name, problem)
end

local function reject_unknown(name, word)
  reject(name, ("unknown: '%s'"):format(primitives.quote(word)))
end

-- The integer that is a field of a request's header.
local function header_field(name, value)
  if value < 0 or value > 0xffff then
    reject(name, "number out of range (0 to 65535)")
  end
  return value
end

-- The number of a message's type: "RTM_GETLINK", "getlink" or itself.
local function type_number(value)
  if math.type(value) == "integer" then return header_field("type", value) end
  if type(value) ~= "string" then reject("type", "number or name expected") end
  local name <const> = value:upper()
  return c[name] or c["RTM_" .. name] or reject_unknown("type", value)
end

local function flag_bits(value)
  if math.type(value) == "integer" then return header_field("flags", value) end
  local bits = 0
  for word in tostring(value or ""):gmatch "[^%s,|]+" do
    local name <const> = word:upper():gsub("^NLM_F_", "")
    bits = bits | (c["NLM_F_" .. name] or reject_unknown("flags", word))
  end
  return bits
end

local function bytes_of(data)
  if data ~= nil and type(data) ~= "string" then
    reject("data", "string expected, got " .. type(data))
  end
  return data
end

local function problem_of_protocol(value)
  return select(2, primitives.read_protocol(core.AF_NETLINK, value))
end

local function problem_of_groups(groups)
  if type(groups) ~= "table" then return arguments.problem(groups, "table") end
  for _, group in ipairs(groups) do
    local problem <const> = arguments.problem(group, "integer")
    if problem then return problem end
  end
end

local type_names <const> = {}
for name, number in pairs(c) do
  if name:find "^RTM_" then type_names[number] = name end
end

-- ---- the socket ----

local function set_up(s, groups)
  for _, name in ipairs { "NETLINK_EXT_ACK", "NETLINK_CAP_ACK" } do
    local ok, err = pcall(s.setsockopt, s, name, true)
    if not ok and not core.is_error(err, "ENOPROTOOPT") then error(err, 0) end
  end
  -- A bind leaves the first 32 groups, so it comes before they are joined.
  s:bind(core.netlink())
  for _, group in ipairs(groups) do
    s:setsockopt("NETLINK_ADD_MEMBERSHIP", group)
  end
end

-- Closes the socket unless `done` is set: something went wrong.
local Guard <const> = class.new "sockeye.Guard"
function Guard:__close() if not self.done then self.socket:close() end end

--- Open a netlink socket, bound to a port that the system chooses.
-- @function netlink.open
-- @param[opt="route"] protocol `"route"`, `"sock_diag"`, `"generic"`, … or a
-- number, as `socket` takes it
-- @tab[opt] groups the numbers of multicast groups to join
-- @treturn Netlink with the field `socket`, the `Socket`, for its options
-- @raise EPROTONOSUPPORT for a protocol that the kernel lacks, EPERM for a
-- group that requires a privilege, EMFILE
-- @usage local nl <close> = netlink.open "route"
function M.open(protocol, groups)
  protocol, groups = protocol or "route", groups or {}
  arguments.check("open", 1, protocol, problem_of_protocol)
  arguments.check("open", 2, groups, problem_of_groups)
  local s <const> = core.socket("netlink", "raw", protocol)
  local guard <close> = setmetatable({ socket = s }, Guard)
  set_up(s, groups)
  local self <const> = setmetatable({
    socket = s, sequence = 0, names = {},
    is_route = s:getsockopt "SO_PROTOCOL" == "route",
  }, Netlink)
  guard.done = true
  return self
end

--- Close the socket.
-- Closing it again does nothing.
-- @function Netlink:close
function methods:close()
  self.socket:close()
end

Netlink.__close = methods.close

function Netlink:__tostring()
  return ("netlink(%s)"):format(self.socket)
end

--- Limit how long each wait for a message may take, as `Socket:settimeout`.
-- @function Netlink:settimeout
-- @number[opt] seconds
-- @treturn Netlink itself
function methods:settimeout(seconds)
  self.socket:settimeout(seconds)
  return self
end

-- Returns the bytes of the next datagram from the kernel, however long; other
-- senders are ignored. Returns false if it would have to wait in non-blocking
-- mode.
local function next_datagram(s, flags)
  while true do
    local waiting, _, length = s:recvfrom(0, flags .. " peek trunc")
    local data, from
    if waiting then data, from = s:recvfrom(length, flags) end
    if not data then return false end
    if from.pid == 0 then return data end
  end
end

--- Receive one datagram from the kernel.
-- @function Netlink:receive
-- @treturn ?{table,...} its messages, as `netlink.decode` returns them; false
-- if it would have to wait in non-blocking mode
-- @raise ENOBUFS where messages were lost because the receive buffer was full:
-- the script has to list everything anew, and may go on receiving; EBADMSG for
-- bytes that are no message; ETIMEDOUT with `timeout`
function methods:receive()
  local data <const> = next_datagram(self.socket, "")
  return data and values.reading(values.messages, data)
end

-- ---- requests ----

-- Receives and drops what is left of the answers to a request that was given
-- up. A dump goes on as its messages are received; after ENOBUFS nothing more
-- arrives until the buffer has been emptied.
local function forget_answers(self)
  repeat
    local ok, data = pcall(next_datagram, self.socket, "dontwait")
    if not ok and data.code ~= "ENOBUFS" then error(data, 0) end
  until ok and not data
end

local function must(result)
  return result or fail("recv", "EAGAIN")
end

-- Whether a message of a type that every protocol has ends the answer.
local function is_end(message, call)
  if message.type == c.NLMSG_OVERRUN then fail(call, "ENOBUFS") end
  if message.errno and message.errno > 0 then
    fail(call, message.errno, message.message, message)
  end
  return message.errno ~= nil
end

-- Adds a message to the answer, or returns true for the message that ends it.
local function take(answer, message, call)
  if message.flags & c.NLM_F_DUMP_INTR ~= 0 then answer.interrupted = true end
  if message.type < c.NLMSG_MIN_TYPE then return is_end(message, call) end
  answer[#answer + 1] = message
end

local function collect(self, sequence, call)
  local answer <const> = {}
  repeat
    local ended
    for _, message in ipairs(must(self:receive())) do
      if message.seq == sequence and not ended then
        ended = take(answer, message, call)
      end
    end
  until ended
  return answer
end

--- Send the kernel a request, and wait for its answer.
-- `request` sets `NLM_F_REQUEST`, `NLM_F_ACK` and the sequence number, and
-- ignores messages that do not answer the request.
-- @function Netlink:request
-- @tab message `type`: a number, or a name of rtnetlink, `"RTM_GETLINK"`;
-- `flags`: names in a string, `"dump"`, `"create excl"`, or an integer; `data`:
-- a string that follows the header
-- @treturn {table,...} the messages of the answer, those of a dump up to its
-- end; the field `interrupted` is true where the listed objects changed during
-- the dump (`NLM_F_DUMP_INTR`), so that the list may be inconsistent
-- @raise the kernel's error, with the name of the type as `call`: EPERM,
-- ENODEV, EEXIST, …; where the kernel gives a reason, `extack` is its text, and
-- `offset` the place in the request. What `Netlink:receive` raises.
-- @usage
-- local ifinfomsg = ("\0"):rep(16)
-- local messages = nl:request { type = "RTM_GETLINK", flags = "dump",
--                               data = ifinfomsg }
function methods:request(message)
  arguments.check("request", 1, message, "table")
  local kind <const> = type_number(message.type)
  local sequence <const> = self.sequence % 0xffffffff + 1
  local bytes <const> = codec.encode {
    type = kind, seq = sequence, data = bytes_of(message.data),
    flags = flag_bits(message.flags) | c.NLM_F_REQUEST | c.NLM_F_ACK,
  }
  forget_answers(self)
  self.sequence = sequence
  must(self.socket:send(bytes))
  return collect(self, sequence, self.is_route and type_names[kind] or
                 "request")
end

-- ---- what rtnetlink(7) adds ----

for _, part in ipairs { "lists", "events", "changes" } do
  for name, method in pairs(require("sockeye.rtnetlink." .. part)) do
    methods[name] = method
  end
end
arguments.guard_methods(values.name_methods(methods), "sockeye.Netlink")

-- Calls the method on a socket of its own.
local function call_once(name, options)
  local nl <close> = M.open()
  return nl[name](nl, options)
end

--- List the network interfaces: `Netlink:links` on a socket of its own.
-- @function netlink.links
-- @treturn {table,...}
-- @raise as `Netlink:links`; EMFILE
-- @usage
-- for _, link in ipairs(netlink.links()) do
--   print(link.ifname, link.operstate, link.address)
-- end
function M.links()
  return call_once "links"
end

--- List the addresses: `Netlink:addresses` on a socket of its own.
-- @function netlink.addresses
-- @tab[opt] options as `Netlink:addresses` takes them
-- @treturn {table,...}
-- @raise as `Netlink:addresses`; EMFILE
function M.addresses(options)
  return call_once("addresses", options)
end

--- List the routes: `Netlink:routes` on a socket of its own.
-- @function netlink.routes
-- @tab[opt] options as `Netlink:routes` takes them
-- @treturn {table,...}
-- @raise as `Netlink:routes`; EMFILE
function M.routes(options)
  return call_once("routes", options)
end

-- The multicast groups of rtnetlink, by what they report.
local groups_of <const> =
  { link = { 1 }, address = { 5, 9 }, route = { 7, 11 } }

local function problem_of_kinds(kinds)
  if type(kinds) ~= "table" then return arguments.problem(kinds, "table") end
  for _, kind in ipairs(kinds) do
    if not groups_of[kind] then
      return primitives.unknown("kind", kind, { "link", "address", "route" })
    end
  end
end

--- Iterate over the changes of links, addresses and routes.
-- Changes are collected from this call on: a script that lists everything after
-- this call, and then iterates, misses none. The socket is closed when the loop
-- is left.
-- @function netlink.watch
-- @tab[opt] kinds a list of `"link"`, `"address"`, `"route"`; by default, all
-- of them
-- @treturn function an iterator, as `Netlink:events` returns
-- @return nil
-- @return nil
-- @treturn Netlink the socket, which the loop closes
-- @raise argument error for an unknown kind; EMFILE
-- @usage
-- for event in netlink.watch { "link" } do
--   print(event.action, event.ifname, event.operstate)
-- end
function M.watch(kinds)
  kinds = kinds or { "link", "address", "route" }
  arguments.check("watch", 1, kinds, problem_of_kinds)
  local groups <const>, follows_links = {}, false
  for _, kind in ipairs(kinds) do
    follows_links = follows_links or kind == "link"
    table.move(groups_of[kind], 1, #groups_of[kind], #groups + 1, groups)
  end
  local nl <const> = M.open("route", groups)
  local guard <close> = setmetatable({ socket = nl.socket }, Guard)
  nl.follows_links = follows_links
  for _, link in ipairs(M.links()) do nl.names[link.ifindex] = link.ifname end
  guard.done = true
  return nl:events(), nil, nil, nl
end

return M
