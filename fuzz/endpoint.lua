-- Reads any text as an endpoint: what is wrong with it is returned, or what it
-- names can be written as an endpoint that names the same.

local endpoint = require "sockeye.endpoint"

local function same(a, b)
  return a.address == b.address and a.host == b.host and
    a.service == b.service and a.any == b.any
end

-- Checks that a text without a place is refused for a reason that names it.
local function check_refusal(text, problem)
  assert(type(problem) == "string" and #problem > 0, "no reason")
  local ok, err = pcall(endpoint.check, "connect", text)
  assert(not ok)
  fuzz.check_error(err)
  assert(tostring(err):find("bad argument #1 to 'connect'", 1, true), err)
end

local function write(place)
  if place.address then return tostring(place.address) end
  local host = place.any and "*" or place.host
  if host:find ":" then host = "[" .. host .. "]" end
  return host .. ":" .. place.service
end

local function check_service(place, text)
  local service, host = place.service, place.host
  assert(#service > 0 and not service:find "[:\0]", service)
  local port = service:find "^%d+$" and math.tointeger(tonumber(service))
  assert(not port or port <= 65535 and #service <= 5, service)
  assert(place.any == (host == nil))
  assert(place.any or #host > 0 and not host:find "[%[%]\0]", host)
  assert(text:sub(-#service - 1) == ":" .. service, text)
end

local function check_place(place, text)
  if place.address then
    assert(place.address.family == "unix" and text:find "^unix:", text)
  else
    check_service(place, text)
  end
  assert(same(place, endpoint.check("connect", text)), text)
  local written = write(place)
  local again, problem = endpoint.read(written)
  assert(again and same(place, again), problem or written)
end

return function(text)
  local place, problem = endpoint.read(text)
  if place then
    check_place(place, text)
  else
    check_refusal(text, problem)
  end
  local ok, address = pcall(core.address, text)
  if ok then
    assert(endpoint.read(address).address == address, text)
  end
end
