-- Endpoints as tables: the function endpoint.

local arguments = require "sockeye.arguments"
local class = require "sockeye.class"
local endpoints = require "sockeye.endpoint"

local primitives <const> = require("sockeye.core").primitives
primitives.mark_library_file()

local quote <const> = primitives.quote

local M = {}

local Endpoint <const> = class.new "sockeye.Endpoint"

function Endpoint:__tostring()
  if self.address ~= nil then return tostring(self.address) end
  return endpoints.join(tostring(self.host), tostring(self.port))
end

function Endpoint.__concat(a, b)
  return tostring(a) .. tostring(b)
end

local function problem_of_port(port)
  return select(2, primitives.read_service(port))
end

local known <const> = { port = problem_of_port }

local function decode(hex) return string.char(tonumber(hex, 16)) end

-- Returns the authority of an URL without its user (RFC 3986, section 3.2);
-- nil: the text is none.
local function authority_of(text)
  local authority <const> = text:match "^%a[%w+.-]*://([^/?#]*)"
  if not authority then return nil end
  return (authority:gsub("^.*@", ""):gsub("%%(%x%x)", decode):gsub(":$", ""))
end

-- Returns the host and the service, nil where it is absent; or nil for a text
-- that is of another form.
local function split(text)
  if endpoints.is_inet6(text) then return text end
  local host <const>, service <const> =
    text:match "^%[([^%[%]]*:[^%[%]]*)%]:?([^:]*)$"
  if host then
    local colon <const> = text:find("]:", 1, true)
    if (service ~= "") ~= (colon ~= nil) then return nil end
    return host, service ~= "" and service or nil
  end
  if text:find "^[^:%[%]/\\@]+$" then return text end
  return text:match "^([^:%[%]/\\@]+):([^:]+)$"
end

local function refuse(problem) arguments.raise("endpoint", 1, problem) end

-- Returns the host and the service of a text, each nil where it is absent.
local function parse(text)
  if text:find("\0", 1, true) then refuse "endpoint contains a zero" end
  local authority <const> = authority_of(text)
  if authority == "" then
    refuse(("no host in the URL '%s'"):format(quote(text)))
  end
  local host <const>, service <const> = split(authority or text)
  if not host then
    refuse(("not a host and port: '%s'"):format(quote(text)))
  end
  return host, service
end

-- A port in digits is a number.
local function port_of(service)
  local text <const>, problem <const> = primitives.read_service(service)
  if not text then refuse(problem) end
  return text:find "^%d+$" and math.tointeger(tonumber(text)) or text
end

local function from_address(address)
  if address.family ~= "inet" and address.family ~= "inet6" then
    return { address = address }
  end
  local host <const> = tostring(address):match "^%[?(.-)%]?:%d+$"
  return { host = host, port = address.port }
end

local function from_parts(host, service, default)
  if service == nil then service = default end
  local problem <const> = endpoints.problem_of_host(host)
  if problem then refuse(problem) end
  if service == nil then
    refuse(("'%s' has no port; {port = 80} as the second argument gives one")
      :format(quote(host)))
  end
  return { host = host, port = port_of(service) }
end

local function read(value, default)
  if type(value) == "string" and not value:find "^unix:" then
    local host <const>, service <const> = parse(value)
    return from_parts(host, service, default)
  elseif endpoints.is_table(value) and value.address == nil then
    return from_parts(value.host, value.port, default)
  end
  local place <const> = endpoints.check("endpoint", value)
  return from_address(place.address)
end

--- Make a table of what names a host and a port, with a default for the port
-- (RFC 3986, section 3.2).
-- It reads what users write: `"host"`, `"host:port"`, `"[v6]:port"`, an IPv6
-- address without brackets, and an URL, of which only the host and the port
-- count: its scheme gives no port. Nothing is resolved.
--
-- The table has `host`, a string, and `port`, a number or a service's name; or
-- `address`, for a Unix socket. `connect`, `listen` and `serve` take it, and
-- any table with these fields. `tostring` gives `host:port`.
-- @function endpoint
-- @param where a string, an `Address`, or a table with `host`
-- @tab[opt] options `port`: a number or a service's name, where the string has
-- none
-- @treturn table
-- @raise argument error for a string of another form, a port that is none, and
-- for a port that is missing
-- @usage
-- local where = sockeye.endpoint("ns.example", {port = 53})
-- print(where, where.host, where.port)  --> ns.example:53  ns.example  53
-- where = sockeye.endpoint("http://user@www.example:8080/path?query")
-- print(where)                          --> www.example:8080
function M.endpoint(where, options)
  if math.type(options) == "integer" or type(options) == "string" then
    arguments.raise("endpoint", 2,
      ("table expected, got %s; did you mean {port = %s}?"):format(
        type(options), quote(("%q"):format(options))))
  end
  options = arguments.options("endpoint", 2, options, known)
  return setmetatable(read(where, options.port), Endpoint)
end

return M
