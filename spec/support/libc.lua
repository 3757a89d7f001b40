-- The C library that runs the specs.

local M = {}

--- Whether it is musl, which has limits of its own.
function M.is_musl()
  local file <close> = assert(io.open "/proc/self/maps")
  return file:read "a":find("musl", 1, true) ~= nil
end

--- For a spec of what glibc does: true, or false and what musl does instead.
function M.is_glibc(musl)
  if M.is_musl() then return false, "musl " .. musl end
  return true
end

--- What pending says where a spec sends much control data.
M.control_limit = "sends no more than 1024 bytes of control data"

return M
