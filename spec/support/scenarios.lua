-- Scenarios in which calls and requests for memory are made to fail: a list of
-- { name, prepare }, where prepare() gives a function, its arguments in a list,
-- and a list of what is to be closed afterwards. A function that is pcall
-- stands for a call that raises an error.

for _, part in ipairs { "sockets", "transfers", "messages", "waiting",
                        "options", "streams", "system", "calls", "programs",
                        "scopes" } do
  require("spec.support.scenarios." .. part)
end

return require("spec.support.scenarios.kit").list
