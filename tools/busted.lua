-- Runs busted in the interpreter that runs this file, wherever its own command
-- is installed and whichever Lua that command would choose.

-- Seed the generator: processes that start in the same second may have the same
-- default seed, and specs build file names from random numbers.
local random <close> = io.open("/dev/urandom", "rb")
if random then math.randomseed(("jj"):unpack(random:read(16))) end

require "busted.runner" { standalone = false, output = "tools/report.lua" }
