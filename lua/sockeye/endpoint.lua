-- Endpoints: what scripts give `connect`, `listen` and `serve` to say where.

local arguments = require "sockeye.arguments"
local class = require "sockeye.class"

local core <const> = require "sockeye.core"
local primitives <const> = core.primitives
primitives.mark_library_file()

local quote <const> = primitives.quote

local M = {}

-- The options of `listen`, which `serve` takes, too.
M.listen_options = {
  backlog = "backlog", family = "family", mode = "mode",
  reuseport = "boolean", unlink = "boolean", v6only = "boolean",
}

local function host_and_service(text)
  local host, service = text:match("^%[([^%[%]]+)%]:([^:]+)$")
  if not host then host, service = text:match("^([^:%[%]]+):([^:]+)$") end
  return host, service
end

local function read_address(value)
  local address <const>, problem <const> = primitives.read_address(value)
  return address and { address = address }, problem
end

--- Returns what is wrong with a host, a name or a numeric address; nil:
-- nothing.
function M.problem_of_host(host)
  if host == "" then return "host is empty" end
  local bare <const> = type(host) == "string" and host:match "^%[(.*)%]$"
  if bare then
    return ("host has brackets; did you mean '%s'?"):format(quote(bare))
  end
  return select(2, primitives.read_host(host))
end

local function place_at(host, service)
  local text <const>, problem <const> = primitives.read_service(service)
  if not text then return nil, problem end
  local wrong <const> = M.problem_of_host(host)
  if wrong then return nil, wrong end
  return { host = host ~= "*" and host or nil, service = text,
           any = host == "*" }
end

-- Returns whether the text is an IPv6 address, perhaps with a scope.
local function is_inet6(text)
  local bare <const> = text:match "^[%x:.]+$" or
    text:match "^([%x:.]+)%%[^%s%%%[%]]+$"
  return bare and #bare < 46 and bare:find(":", 1, true) and
    primitives.read_address("[" .. bare .. "]:0") ~= nil
end

M.is_inet6 = is_inet6

local fields <const> = { host = true, port = true, address = true }

--- Returns whether a value is a table that says where, and not a list.
function M.is_table(value)
  return type(value) == "table" and
    (rawget(value, "host") or rawget(value, "address") or
     rawget(value, "port")) ~= nil
end

local function read_table(value)
  if not M.is_table(value) and rawget(value, 1) ~= nil then
    return nil, "endpoint expected, got a list; a table is " ..
      '{host = "localhost", port = 80}'
  elseif not M.is_table(value) then
    return nil, "endpoint expected, got table"
  end
  for name in next, value do
    if not fields[name] then
      return nil, ("unknown field '%s' of an endpoint; there are host, port")
        :format(quote(tostring(name)))
    end
  end
  local address <const> = rawget(value, "address")
  if address ~= nil then return read_address(address) end
  local host <const>, port <const> = rawget(value, "host"),
                                     rawget(value, "port")
  if host == nil then return nil, "endpoint without a host" end
  if port == nil then return nil, "endpoint without a port" end
  return place_at(host, port)
end

local function is_url(text) return text:find "^%a[%w+.-]*://" end

local function read_text(text)
  if text:find("^unix:") then return read_address(text) end
  local host <const>, service <const> = host_and_service(text)
  if not host or is_url(text) then
    return nil, 'endpoint expected: "host:port", "[v6]:port", "unix:/path"'
  elseif text:find("\0", 1, true) then
    return nil, "endpoint contains a zero"
  end
  return place_at(host, service)
end

-- Returns what a userdata that is no address is, in words: "a socket".
local function in_words(value)
  local name <const> = class.name_of(value):match "^sockeye%.(%u%a*)$"
  return name and ((name:find "^[AEIO]" and "an " or "a ") .. name:lower())
end

local function read_userdata(value)
  local place <const>, problem <const> = read_address(value)
  local word <const> = not place and in_words(value)
  if word then return nil, "endpoint expected, got " .. word end
  return place, problem
end

local readers <const> = {
  string = read_text, table = read_table, userdata = read_userdata,
}

--- Returns what an endpoint names: a table of `address`, or of `host` and
-- `service`, or of `any`, which is true for a star, and `service`. For a value
-- that is no endpoint: nil and what is wrong with it.
function M.read(endpoint)
  local reader <const> = readers[type(endpoint)]
  if reader then return reader(endpoint) end
  return nil, "endpoint expected, got " .. type(endpoint)
end

--- Returns the host and the port in the form of an endpoint.
function M.join(host, port)
  return (host:find(":", 1, true) and "[%s]:%s" or "%s:%s"):format(host, port)
end

--- Returns the text that names a place in errors, as the script wrote it; nil
-- where that is an address.
function M.name(place)
  return place.service and M.join(place.host or "*", place.service)
end

--- Looks up the addresses of a place for the public function `call`, which its
-- errors name.
function M.resolve(call, place, hints)
  local ok <const>, result <const> = pcall(core.resolve, place.host,
                                           place.service, hints)
  if ok then return result end
  if core.is_error(result) and result.call == "getaddrinfo" then
    result.caller, result.endpoint = call, M.name(place)
  end
  error(result, 0)
end

-- ---- what was probably meant ----

-- The port to suggest, and what stands for a host that is not given.
local habits <const> = {
  connect = { port = "80", host = "localhost" },
  other = { port = "0", host = "*" },
}

-- Each returns an endpoint that may have been meant by the text; or nil.
local guesses <const> = {
  -- a port alone
  function(text, habit)
    local port <const> = text:match "^:?(%w+)$"
    return port and (text:find "^:" or text:find "^%d+$") and
      M.join(habit.host, port)
  end,
  -- a path
  function(text) return text:find "^%.?%.?/." and "unix:" .. text end,
  -- IPv6 without brackets
  function(text, habit)
    local host <const>, port <const> = text:match "^(.*):(%d+)$"
    if host and is_inet6(host) then return M.join(host, port) end
    return is_inet6(text) and M.join(text, habit.port)
  end,
  -- IPv6 in brackets, without a port
  function(text, habit)
    local host <const> = text:match "^%[(.*)%]:?$"
    return host and is_inet6(host) and M.join(host, habit.port)
  end,
  -- white space in place of the colon
  function(text)
    local host <const>, port <const> = text:match "^([^%s:]+)[%s,]+(%d+)$"
    return host and M.join(host, port)
  end,
  -- a host alone
  function(text, habit)
    local host <const> = text:match "^([^%s:/%[%]@]+):?$"
    return host and M.join(host, habit.port)
  end,
}

local guessable <const> = 300 -- bytes: a longer text is no slip

local function guess(text, habit)
  if #text > guessable or text:find "%c" then return nil end
  for _, attempt in ipairs(guesses) do
    local meant <const> = attempt(text, habit)
    if meant and M.read(meant) then return meant end
  end
end

-- Returns what an error about the endpoint adds: what was probably meant.
local function advice(call, endpoint, port)
  if type(endpoint) == "string" and is_url(endpoint) then
    return "; sockeye.endpoint reads the host and port of an URL"
  end
  local habit <const> = habits[call] or habits.other
  local text <const> = math.type(endpoint) == "integer" and
    tostring(endpoint) or endpoint
  local meant <const> = type(text) == "string" and
    guess(text, port and { host = habit.host, port = port } or habit)
  return meant and ('; did you mean "%s"?'):format(quote(meant)) or ""
end

--- Returns what argument 1 of the public function `call` names, as `read` does.
function M.check(call, endpoint)
  local place <const>, problem <const> = M.read(endpoint)
  return place or arguments.raise(call, 1,
                                  problem .. advice(call, endpoint))
end

--- Raises that argument 2 of the public function `call` is a port, which other
-- libraries take there, in place of what is `expected`; unless it is none.
function M.refuse_port(call, endpoint, value, expected)
  local port <const> = math.type(value) == "integer" and tostring(value) or
    value
  if type(port) == "string" and primitives.read_service(port) and
     not M.read(endpoint) then
    local hint <const> = advice(call, endpoint, port)
    arguments.raise(call, 2, ("%s expected, got %s%s"):format(
      expected, type(value), hint))
  end
end

--- Returns the table of options that is argument 2 of the public function
-- `call`.
function M.options(call, endpoint, options, known)
  M.refuse_port(call, endpoint, options, "table")
  return arguments.options(call, 2, options, known)
end

return M
