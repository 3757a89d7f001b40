-- Names to addresses, and addresses to names, as the system resolves them.
--
--   lua lookup.lua localhost 127.0.0.1

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage "usage: lua lookup.lua NAME | ADDRESS …"
local words = arguments.words(arg, 1, math.huge, usage)

local function is_numeric(text)
  return sockeye.pcall(sockeye.resolve, text, nil, { flags = "numerichost" })
end

-- The lines to print for an argument.
local function look_up(text)
  local lines = {}
  local hints = { type = "stream", flags = "canonname" }
  local found = sockeye.resolve(text, nil, hints)
  if is_numeric(text) then
    local host = sockeye.nameinfo(found[1].address, "namereqd")
    return { text .. "\t" .. host }
  end
  if found[1].canonname ~= text then
    lines[1] = ("%s\tis %s"):format(text, found[1].canonname)
  end
  for _, entry in ipairs(found) do
    lines[#lines + 1] = text .. "\t" .. entry.address.host
  end
  return lines
end

local status = 0
for _, text in ipairs(words) do
  local ok, result = sockeye.pcall(look_up, text)
  if ok then
    print(table.concat(result, "\n"))
  else
    io.stderr:write(("%s: %s\n"):format(text, result.message or result))
    status = 1
  end
end
os.exit(status)
