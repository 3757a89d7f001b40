-- sockeye.lua ADDRESS BYTES SIZE FLAGS SINK: sends strings of a size to the
-- sink, a command to which host and port are appended. Prints the bytes, the
-- seconds, the seconds of this process, and how many calls the kernel completed
-- and copied after all.

local sockeye = require "sockeye"

local address, bytes, size, flags, sink = table.unpack(arg)
bytes, size = tonumber(bytes), math.tointeger(tonumber(size))
local listener <close> = sockeye.socket("inet", "stream")
local name = listener:bind(address .. ":0"):listen():getsockname()
local child = assert(io.popen(("%s %s %d"):format(sink, address, name.port)))
local s = listener:accept()
local text = ("x"):rep(size)
local sent = 0
local start, clock = sockeye.now(), os.clock()
if flags == "none" then flags = nil end
while sent < bytes do sent = sent + s:send(text, flags) end
local done, copied = s:zerocopy_wait()
s:close()
assert(child:close())
print(("%d bytes in %.9f s, %.9f s, %d calls, %d copied"):format(
  sent, sockeye.now() - start, os.clock() - clock, done, copied))
