-- Connections to an endpoint: of a name's addresses, the first that answers.

local core = require "sockeye.core"
local arguments = require "sockeye.arguments"
local class = require "sockeye.class"
local endpoints = require "sockeye.endpoint"
local timeout <const> = require("sockeye.structure").timeout

local primitives <const> = core.primitives
primitives.mark_library_file()
local quote <const> = primitives.quote

local types <const> = { stream = true, dgram = true, seqpacket = true }

-- What is given in place of a type, by habit.
local types_of_protocols <const> = { tcp = "stream", udp = "dgram" }

-- Returns the name of a socket's type, given by its name or its number.
local function name_of_type(value)
  if type(value) == "string" then
    local name <const> = value:lower():gsub("^sock_", "")
    return types[name] and name
  end
  for name in pairs(types) do
    if value == core["SOCK_" .. name:upper()] then return name end
  end
end

local function problem_of_type(value)
  if name_of_type(value) then return nil end
  local given = type(value)
  if given == "string" then given = ("'%s'"):format(quote(value)) end
  local meant <const> = types_of_protocols[value]
  return ('"stream", "dgram" or "seqpacket" expected, got %s%s'):format(
    given, meant and ('; did you mean "%s"?'):format(meant) or "")
end

local known <const> = {
  attempt_delay = "seconds", bind = "address", family = "family",
  nodelay = "boolean", timeout = "seconds", type = problem_of_type,
}

local attempt_delay <const> = 0.25 -- RFC 8305, section 5

local M = {}

-- ---- the addresses, in the order in which they are tried ----

-- Lets the families take turns, beginning with the one that the resolver puts
-- first (RFC 8305, section 4).
local function interleave(addresses)
  local queues, families = {}, {}
  for _, address in ipairs(addresses) do
    local family <const> = address.family
    if not queues[family] then
      queues[family] = {}
      families[#families + 1] = family
    end
    table.insert(queues[family], address)
  end
  local ordered, place = {}, 1
  while #ordered < #addresses do
    for _, family in ipairs(families) do
      ordered[#ordered + 1] = queues[family][place]
    end
    place = place + 1
  end
  return ordered
end

-- Returns what is wrong with a local address for a place that is an address, or
-- whose host is a numeric one; nil: nothing.
local function problem_of_bind(place, bind)
  local remote <const> = place.address or
    primitives.read_address(endpoints.join(place.host, "0"))
  if remote and remote.family ~= bind.family then
    return ("option 'bind': an address of the family %s expected, got %s")
      :format(remote.family, quote(tostring(bind)))
  end
end

local function addresses_of(place, options, bind)
  if place.address then return { place.address } end
  local found <const> = endpoints.resolve("connect", place, {
    type = options.type,
    family = options.family or bind and bind.family or nil,
  })
  local addresses <const> = {}
  for i, entry in ipairs(found) do addresses[i] = entry.address end
  return interleave(addresses)
end

-- ---- errors ----

local function new_error(call, code, address)
  local _, err = pcall(primitives.raise, call, code)
  err.address = address
  return err
end

local function timed_out(address, message)
  local err <const> = new_error("connect", "ETIMEDOUT", address)
  err.timeout = true
  err.message = message
  return err
end

local function is_timeout(err) return core.is_error(err) and err.timeout end

-- Whether the error says something about an address, and not about this task.
local function is_answer(err)
  return core.is_error(err) and err.code ~= "ECANCELED" and not err.timeout
end

-- Lets the error of an attempt name its address. Only bind(2) was about another
-- one, which it names itself.
local function blame(err, address)
  if err.call ~= "bind" then err.address = address end
end

-- The error of the whole call: the last address's, with all of them. That of
-- bind(2) has the local address as the script wrote it.
local function failure(place, attempts, bind)
  local last <const> = attempts[#attempts]
  local is_local <const> = last.call == "bind"
  local err <const> = new_error(is_local and "bind" or "connect", last.code,
                                place.host)
  if is_local or not place.host or place.host == last.address.host then
    err.address = last.address
  end
  if not is_local then
    err.endpoint = endpoints.name(place)
  elseif type(bind) == "string" then
    err.endpoint = bind
  end
  err.message = last.message
  err.timeout = last.timeout
  err.attempts = attempts
  return err
end

-- Returns the error that ended the call without an answer; if it is the end of
-- a scope, it names the call that the script made.
local function interruption(place, err)
  if core.is_error(err, "ECANCELED") and err.canceled then
    err.call = "connect"
    err.address = err.address or place.host or place.address
    err.endpoint = endpoints.name(place)
  end
  return err
end

-- ---- attempts ----

local function prepare(s, bind, kind)
  if not bind then return end
  if kind == "stream" and bind.port and bind.port ~= 0 then
    s:setsockopt("SO_REUSEADDR", true)
  end
  s:bind(bind)
end

-- A set of sockets that are closed with it.
local SocketSet <const> = class.new "sockeye.SocketSet"
SocketSet.__close = primitives.close_sockets

local function open(address, bind, kind, sockets)
  local s <const> = core.socket(address.family, kind)
  sockets[s] = true
  prepare(s, bind, kind)
  return s
end

-- Connects to a single address: connect(2) itself waits.
local function try_one(place, address, bind, options, tries)
  tries.attempts = { { address = address } }
  local sockets <close> = setmetatable({}, SocketSet)
  local ok, result = pcall(function()
    local s <const> = open(address, bind, options.type, sockets)
    s:connect(address)
    return s
  end)
  if not ok and is_answer(result) then
    blame(result, address)
    error(failure(place, { result }, options.bind), 0)
  elseif not ok then
    error(interruption(place, result), 0)
  end
  sockets[result] = nil
  return result
end

local race_methods <const> = {}
local Race <const> = class.new("sockeye.Race", race_methods)

function Race:__close()
  primitives.close_sockets(self.sockets)
end

-- Returns the socket of an attempt that has succeeded. One that has failed lets
-- the next one start at once.
function race_methods:look(attempt)
  local ok, result = pcall(attempt.socket.connect, attempt.socket,
                           attempt.address)
  if ok then return result and attempt.socket end
  self:note(attempt, result)
end

function race_methods:note(attempt, err)
  if not is_answer(err) then error(err, 0) end
  blame(err, attempt.address)
  attempt.over = true
  table.insert(self.answers, err)
  if attempt.socket then
    attempt.socket:close()
    self.sockets[attempt.socket] = nil
  end
  self.due = 0
end

function race_methods:start()
  local attempt <const> = { address = self.addresses[self.next] }
  self.next = self.next + 1
  self.due = core.now() + self.delay
  table.insert(self.attempts, attempt)
  local ok, s = pcall(open, attempt.address, self.bind, self.kind,
                          self.sockets)
  if not ok then return self:note(attempt, s) end
  attempt.socket = s:settimeout(0)
  return self:look(attempt)
end

function race_methods:under_way()
  local wanted <const> = {}
  for _, attempt in ipairs(self.attempts) do
    if not attempt.over then wanted[attempt.socket] = "w" end
  end
  return wanted
end

-- Waits for an answer, or until the next attempt is due. Returns the socket of
-- an attempt that has succeeded.
function race_methods:wait(wanted)
  local left = self.addresses[self.next] and
    math.max(self.due - core.now(), 0) or nil
  local ready <const> = core.poll(wanted, left)
  for _, attempt in ipairs(self.attempts) do
    if not attempt.over and ready[attempt.socket] then
      local winner <const> = self:look(attempt)
      if winner then return winner end
    end
  end
end

function race_methods:run()
  while true do
    local winner
    local wanted = self:under_way()
    if self.addresses[self.next] and
       (not next(wanted) or core.now() >= self.due) then
      winner = self:start()
    elseif next(wanted) then
      winner = self:wait(wanted)
    else
      return nil
    end
    if winner then return winner end
  end
end

-- Connects to the first of several addresses that answers: each gets a start on
-- the next. No attempt blocks, so this works alike inside a task and outside.
local function try_all(place, addresses, bind, options, tries)
  local race <close> = setmetatable({
    addresses = addresses, next = 1, due = 0, bind = bind, kind = options.type,
    delay = options.attempt_delay or attempt_delay,
    attempts = tries.attempts, sockets = {}, answers = tries.answers,
  }, Race)
  local ok <const>, winner <const> = pcall(race.run, race)
  if not ok then error(interruption(place, winner), 0) end
  if not winner then
    error(failure(place, race.answers, options.bind), 0)
  end
  race.sockets[winner] = nil
  return winner:settimeout(nil)
end

-- Connects within the time that the caller gives, and notes what it tries.
local function establish(place, options, tries)
  local bind <const> = options.bind and core.address(options.bind)
  local addresses <const> = addresses_of(place, options, bind)
  local s
  if #addresses == 1 then
    s = try_one(place, addresses[1], bind, options, tries)
  else
    s = try_all(place, addresses, bind, options, tries)
  end
  if options.type ~= "stream" then return s end
  local stream <const> = core.stream(s)
  if options.nodelay == false and addresses[1].family ~= "unix" then
    s:setsockopt("TCP_NODELAY", false)
  end
  return stream
end

-- Returns the error of a call whose time has run out: if it was trying
-- addresses, it says which. Without any time, nothing has been looked up.
local function out_of_time(place, tries, err, options)
  local seconds <const> = options.timeout
  err.message = ("timed out after %.14g s"):format(seconds)
  if #tries.attempts == 0 and seconds > 0 then return err end
  for _, attempt in ipairs(tries.attempts) do
    if not attempt.over then
      table.insert(tries.answers, timed_out(attempt.address, err.message))
    end
  end
  if #tries.answers > 0 then
    return failure(place, tries.answers, options.bind)
  end
  local own <const> = timed_out(place.host or place.address, err.message)
  own.endpoint, own.attempts = endpoints.name(place), {}
  return own
end

--- Connect to an endpoint.
-- A name is resolved, and its addresses are raced as RFC 8305 (Happy Eyeballs)
-- says: IPv6 and IPv4 take turns, in the resolver's order; each attempt has a
-- start of `attempt_delay` on the next, which begins at once when one fails.
-- The first connection that succeeds is returned, the others are closed. There
-- is no Resolution Delay: one query asks for both families.
-- @function connect
-- @param endpoint `"host:port"`, `"[v6]:port"`, `"unix:/path"`,
-- `"unix:@name"`, an `Address` or what `endpoint` gives; the port may be a
-- service's name
-- @tab[opt] options
-- `timeout`: seconds for name and connection together;
-- `attempt_delay`: seconds, by default 0.25;
-- `bind`: the local address; only addresses of its family are tried, of which
-- a numeric host has to be;
-- `family`: only `"inet"`, or only `"inet6"`;
-- `nodelay`: TCP_NODELAY, by default true;
-- `type`: `"dgram"` or `"seqpacket"` in place of `"stream"`. A datagram socket
-- (UDP, or of a Unix path) has the first address to which the system knows a
-- way as its peer; nothing is sent
-- @treturn Stream a `Socket` for the types other than `"stream"`
-- @raise what `resolve` raises; otherwise an error of `connect` whose `code` is
-- that of the last attempt, whose `address` is the host or the `Address`, and
-- whose `attempts` lists the errors of all addresses that were tried; an error
-- of `bind`, with the local address, where that could not be bound; ETIMEDOUT
-- with `timeout`; ECANCELED
-- @usage
-- local conn <close> = sockeye.connect("example.com:80", {timeout = 5})
-- conn:write("GET / HTTP/1.0\r\n\r\n")
-- local s <close> = sockeye.connect("ns.example:53", {type = "dgram"})
function M.connect(endpoint, options)
  options = endpoints.options("connect", endpoint, options, known)
  local place <const> = endpoints.check("connect", endpoint)
  if place.any then
    arguments.raise("connect", 1, "a host is expected, not '*'")
  end
  local wrong <const> = options.bind and
    problem_of_bind(place, core.address(options.bind))
  if wrong then arguments.raise("connect", 2, wrong) end
  options.type = name_of_type(options.type or "stream")
  if options.nodelay ~= nil and options.type ~= "stream" then
    arguments.raise("connect", 2, "option 'nodelay' is for streams only")
  end
  local tries <const> = { attempts = {}, answers = {} }
  if not options.timeout then return establish(place, options, tries) end
  local ok, result = pcall(timeout, options.timeout, establish, place, options,
                           tries)
  if ok then return result end
  if is_timeout(result) then
    result = out_of_time(place, tries, result, options)
  end
  error(result, 0)
end

return M
