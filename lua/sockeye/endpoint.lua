-- Endpoints: what scripts give `connect`, `listen` and `serve` to say where.

local arguments = require "sockeye.arguments"

local primitives <const> = require("sockeye.core").primitives
primitives.mark_library_file()

local M = {}

-- The options of `listen`, which `serve` takes, too.
M.listen_options = {
  backlog = "integer", family = "family", mode = "mode",
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

--- Returns what an endpoint names: a table of `address`, or of `host` and
-- `service`, or of `any`, which is true for a star, and `service`. For a value
-- that is no endpoint: nil and what is wrong with it.
function M.read(endpoint)
  if type(endpoint) == "userdata" then return read_address(endpoint) end
  if type(endpoint) ~= "string" then
    return nil, "endpoint expected, got " .. type(endpoint)
  end
  if endpoint:find("^unix:") then return read_address(endpoint) end
  local host, service = host_and_service(endpoint)
  if not host then
    return nil, 'endpoint expected: "host:port", "[v6]:port", "unix:/path"'
  elseif endpoint:find("\0", 1, true) then
    return nil, "endpoint contains a zero"
  end
  if service:find("^%d+$") and (#service > 5 or
     not arguments.decimal(service, 65535)) then
    return nil, "port out of range (0 to 65535)"
  end
  return { host = host ~= "*" and host or nil, service = service,
           any = host == "*" }
end

--- Returns what argument 1 of the public function `call` names, as `read` does.
function M.check(call, endpoint)
  local place <const>, problem <const> = M.read(endpoint)
  return place or arguments.raise(call, 1, problem)
end

return M
