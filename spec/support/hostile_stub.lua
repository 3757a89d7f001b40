-- Functions with faults, for the hostile caller to find. Each needs `arm` to
-- have been called.

local armed = false
local kept <const> = {}

local M = {}

function M.arm() armed = true end

function M.crash()
  if armed then os.execute "kill -SEGV $PPID" end
end

function M.hang()
  while armed do end
end

function M.leak()
  if armed then kept[#kept + 1] = io.open "/dev/null" end
end

function M.nameless()
  if armed then error(nil, 0) end
end

function M.sound() return armed end

return M
