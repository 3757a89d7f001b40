-- Prints the name of every function and method there is, one a line.
local kit = require "tools.hostile.kit"

local names <const> = {}
for name in pairs(kit.F) do names[#names + 1] = name end
table.sort(names)
print(table.concat(names, "\n"))
os.exit(0)
