-- Calls that are made with too little memory: a list of { name, prepare },
-- where prepare() gives a function, its arguments in a list, and a list of
-- what is to be closed afterwards.

for _, part in ipairs { "sockets", "transfers", "messages", "waiting",
                        "options", "streams", "system" } do
  require("spec.support.memory_cases." .. part)
end

return require("spec.support.memory_cases.kit").list
