-- busted under the interpreter that runs this file, wherever its own command
-- is installed and whichever Lua that command would choose.

-- Processes that begin in the same second may have the same seed of their own,
-- and what names are made of must not be the same.
local random <close> = io.open("/dev/urandom", "rb")
if random then math.randomseed(("jj"):unpack(random:read(16))) end

require "busted.runner" { standalone = false, output = "tools/report.lua" }
