-- Other processes under strace.

local process = require "spec.support.process"

local M = {}

-- The system calls that have another name where a word has 32 bits, or that
-- other calls of libc make there.
local on_32_bits <const> = {
  clock_nanosleep = "clock_nanosleep_time64", fcntl = "fcntl64",
  ppoll = "ppoll_time64", recvfrom = "recv", recvmmsg = "recvmmsg_time64",
  sendfile = "sendfile64", sendto = "send",
}

local common = {}
for name, other in pairs(on_32_bits) do common[other] = name end

--- The names, with commas between, as strace takes them: with those of 32 bits,
-- where there are such.
function M.names(names)
  return (names:gsub("[%l%d_]+", function(name)
    local other = on_32_bits[name]
    return other and name .. ",?" .. other
  end))
end

--- What strace writes, with the names of 64 bits.
function M.plain(text)
  return (text:gsub("%f[%w_]([%l%d_]+)%(", function(name)
    return common[name] and common[name] .. "("
  end))
end

--- Whether strace can be used here; and if not, the reason to give.
function M.available()
  local available, reason = process.available("strace")
  if not available then return false, reason end
  local result = process.run { "strace", "-qq", "-o", "/dev/null", "true" }
  return result.status == 0, "strace may not trace here"
end

--- What strace writes of those system calls (names with commas between) while
-- the script runs, which has to succeed.
function M.calls(names, script)
  local log = os.tmpname()
  local result = process.lua_script(script, {
    prefix = { "strace", "-f", "-qq", "-o", log, "-e",
               "trace=" .. M.names(names) },
  })
  local file <close> = io.open(log)
  local text = file:read "a"
  os.remove(log)
  if result.status ~= 0 then error(result.stderr, 2) end
  return M.plain(text)
end

return M
