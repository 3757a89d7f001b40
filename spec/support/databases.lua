-- The databases of names that a minimal system lacks.

local sockeye = require "sockeye"

local M = {}

--- Whether services and protocols have names here; and if not, the reason to
-- give.
function M.services()
  if sockeye.getservbyname "http" and sockeye.getprotobyname "tcp" then
    return true
  end
  return false, "there are no /etc/services and /etc/protocols (netbase)"
end

--- Whether localhost is a name of the loopback, as by /etc/hosts; and if not,
-- the reason to give.
function M.localhost()
  local ok, list = pcall(sockeye.resolve, "localhost", 80,
                         { family = "inet", type = "stream" })
  if ok and list[1].address:is_loopback() then return true end
  return false, "there is no localhost in /etc/hosts"
end

--- Whether there is all that a script's text names; and if not, the reason.
function M.all_of(text)
  if text:find "localhost" then
    local can, reason = M.localhost()
    if not can then return false, reason end
  end
  if text:find '"https?"' or text:find "getserv" or text:find "getproto" then
    return M.services()
  end
  return true
end

return M
