-- Endpoints: what is connected to and listened on, as users write it.

local core = require "sockeye.core"

local M = {}

local function host_and_service(text)
  local host, service = text:match("^%[([^%[%]]+)%]:([^:]+)$")
  if not host then host, service = text:match("^([^:%[%]]+):([^:]+)$") end
  return host, service
end

-- An address in place of a name, or nil and what is wrong.
local function address(value)
  local ok, result = pcall(core.address, value)
  if ok then return { address = result } end
  return nil, tostring(result):match("%((.*)%)$") or tostring(result)
end

local function parse(endpoint)
  if type(endpoint) == "userdata" then return address(endpoint) end
  if type(endpoint) ~= "string" then
    return nil, "endpoint expected, got " .. type(endpoint)
  end
  if endpoint:find("^unix:") then return address(endpoint) end
  local host, service = host_and_service(endpoint)
  if not host then
    return nil, 'endpoint expected: "host:port", "[v6]:port", "unix:/path"'
  end
  local port <const> = service:match("^%d+$")
  if port and (#port > 5 or tonumber(port) > 65535) then
    return nil, "port out of range (0 to 65535)"
  end
  return { host = host ~= "*" and host or nil, service = service,
           any = host == "*" }
end

--- What an endpoint names: a table of `address`, or of `host` and `service`, or
-- of `any` (it was a star) and `service`. Anything else is an argument error of
-- the function that calls this, which is known as `call`.
function M.parse(call, endpoint)
  local place <const>, problem <const> = parse(endpoint)
  if not place then
    error(("bad argument #1 to '%s' (%s)"):format(call, problem), 3)
  end
  return place
end

return M
