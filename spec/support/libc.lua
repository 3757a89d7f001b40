-- The C library that runs the specs.

local M = {}

--- Whether it is musl, which has limits of its own.
function M.is_musl()
  local file <close> = assert(io.open "/proc/self/maps")
  return file:read "a":find("musl", 1, true) ~= nil
end

return M
