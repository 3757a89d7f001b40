--- Berkeley sockets: the calls by their names, their addresses and errors as
-- Lua values.
-- Each function tells the manual page that it follows; what is not said here is
-- as it is there.
--
-- A call that fails raises an `Error`, whose `code` is what to compare; each
-- function names the usual ones. Wrong arguments raise ordinary argument
-- errors, before any system call. The end of a stream is nil, an empty datagram
-- is `""`, and false says that a call which must not wait would have to.
--
-- A call waits for as long as it takes, unless `Socket:settimeout` or the flag
-- `dontwait` says otherwise; inside of `run` its task alone waits. Signals do
-- not make it fail: handlers run, then it goes on with the time that is left.
-- SIGPIPE is never delivered.
--
-- A socket owns its descriptor, which is close-on-exec, and gives it back by
-- `Socket:close`, at the end of a `<close>` variable's scope, or when it is
-- collected. Every method of a closed one but `close` raises EBADF. Methods
-- that have nothing to tell return the socket, to go on with. Where descriptors
-- have run out (EMFILE, ENFILE), garbage is collected and the call tried once
-- more.
--
-- Wherever an address is wanted, so may be a string in the form that
-- `sockeye.address` takes. Ports are in host byte order, times in seconds with
-- fractions, sizes in bytes.
--
-- Families, types, protocols, signals and flags are given by name, with or
-- without prefix (`"inet"`, `"AF_INET"`; `"peek dontwait"`), or by number. The
-- numbers are in the module, as far as the system has them: `sockeye.AF_INET`,
-- `SOCK_STREAM`, `IPPROTO_TCP`, `SOL_SOCKET`, `MSG_PEEK`, `SHUT_WR`,
-- `AI_PASSIVE`, `NI_NUMERICHOST`, `IFF_UP`, `SIGTERM`, `WNOHANG`, `SOMAXCONN`.
--
-- `sockeye._VERSION` names the version, as Lua's own `_VERSION` does:
-- `"Sockeye 1.2.3"`.
-- @module sockeye
-- @usage
-- local sockeye = require "sockeye"
-- local s <close> = sockeye.socket("inet", "stream")
-- s:settimeout(5):connect("127.0.0.1:80")
-- s:sendall("GET / HTTP/1.0\r\n\r\n")
-- for data in function() return s:recv(65536) end do io.write(data) end
local core = require "sockeye.core"

local parts <const> = {
  "structure", "channel", "signals", "connect", "listen", "serve",
}

local M = { _VERSION = "Sockeye 0.1.0" }

local function add(functions)
  for name, value in pairs(functions) do M[name] = value end
end

add(getmetatable(core).__index)
for _, part in ipairs(parts) do add(require("sockeye." .. part)) end

-- What C offers to lua/sockeye/ alone.
M.primitives = nil

return M
