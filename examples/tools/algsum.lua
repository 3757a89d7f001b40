-- The sha256 of files, or another hash, computed by the kernel (AF_ALG).
--
--   lua algsum.lua [-a ALGORITHM] [FILE …]
--
-- Prints what sha256sum prints; "-", or no file, is standard input. -a names a
-- hash as /proc/crypto does: sha1, sha512, crc32c, …

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"

local usage = program.usage "usage: lua algsum.lua [-a ALGORITHM] [FILE …]"
local options, names = arguments.parse(arg, { a = "text" }, usage)
local algorithm = options.a or "sha256"

local longest <const> = 64 -- bytes of the longest digest

-- A socket of the algorithm, which accepts a socket for each sum.
local function open_algorithm()
  local s = sockeye.socket("alg", "seqpacket")
  s:bind(sockeye.alg("hash", algorithm))
  return s
end

local function hexadecimal(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

-- The flag "more" keeps the sum open; receiving ends it.
local function sum(s, file)
  local hash <close> = s:accept()
  while true do
    local data = file:read(65536)
    if not data then break end
    local sent = 0
    while sent < #data do
      sent = sent + hash:send(data:sub(sent + 1), "more")
    end
  end
  hash:send ""
  return hexadecimal(hash:recv(longest))
end

local function sum_of(s, name)
  if name == "-" then return sum(s, io.stdin) end
  local file <close> = assert(io.open(name, "rb"))
  return sum(s, file)
end

program.run(function()
  local s <close> = open_algorithm()
  local status = 0
  if #names == 0 then names[1] = "-" end
  for _, name in ipairs(names) do
    local ok, result = sockeye.pcall(sum_of, s, name)
    if ok then
      print(result .. "  " .. name)
    else
      io.stderr:write("algsum: ", tostring(result), "\n")
      status = 1
    end
  end
  return status
end, "algsum: ")
