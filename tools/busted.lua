-- busted under the interpreter that runs this file, wherever its own command
-- is installed and whichever Lua that command would choose.
require "busted.runner" { standalone = false, output = "tools/report.lua" }
