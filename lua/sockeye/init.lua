--- Berkeley sockets: the calls by the names of their manual pages, with
-- addresses, options and errors as Lua values.
-- Each function names the manual page that it follows and states only what
-- differs from it.
--
-- A call that fails raises an `Error`, whose `code` is what scripts compare;
-- each function lists the usual codes. Wrong arguments raise ordinary argument
-- errors, before any system call. At the end of a stream, calls return nil; an
-- empty datagram is `""`; and a call that must not wait, but would have to,
-- returns false.
--
-- A call waits for as long as it takes, unless `Socket:settimeout` or the flag
-- `dontwait` says otherwise; inside `run` only its task waits. Signals do not
-- make a call fail: handlers run, then the call goes on with the time that is
-- left. SIGPIPE is never delivered.
--
-- A socket owns its descriptor, which is close-on-exec. The descriptor is
-- closed by `Socket:close`, at the end of a `<close>` variable's scope, or when
-- the socket is collected. Every method of a closed socket but `close` raises
-- EBADF. Methods that have nothing else to return return the socket, so that
-- calls can be chained. When descriptors run out (EMFILE, ENFILE), garbage is
-- collected and the call is tried once more.
--
-- Wherever an address is expected, a string in the form that `sockeye.address`
-- takes works, too. Ports are in host byte order, times in seconds with
-- fractions, sizes in bytes.
--
-- Families, types, protocols, signals and flags are given by name, with or
-- without prefix (`"inet"`, `"AF_INET"`; `"peek dontwait"`), or by number. The
-- module has the numbers that the system knows: `sockeye.AF_INET`,
-- `SOCK_STREAM`, `IPPROTO_TCP`, `SOL_SOCKET`, `MSG_PEEK`, `SHUT_WR`,
-- `AI_PASSIVE`, `NI_NUMERICHOST`, `IFF_UP`, `SIGTERM`, `WNOHANG`, `SOMAXCONN`.
-- @module sockeye
-- @usage
-- local sockeye = require "sockeye"
-- local s <close> = sockeye.socket("inet", "stream")
-- s:settimeout(5):connect("127.0.0.1:80")
-- s:sendall("GET / HTTP/1.0\r\n\r\n")
-- for data in function() return s:recv(65536) end do io.write(data) end
local core = require "sockeye.core"

local parts <const> = {
  "structure", "signals", "authority", "connect", "listen", "serve",
}

local M = { _VERSION = "Sockeye 0.1.0" }

local function add(functions)
  for name, value in pairs(functions) do M[name] = value end
end

-- Replaces a part in package.loaded by a table that only refers to it. Errors
-- and tracebacks search the tables there for a function's name, and so find it
-- in this module alone, as "sockeye.connect".
local function hide(name, functions)
  package.loaded[name] = setmetatable({}, { __name = name,
                                            __index = functions })
end

add(getmetatable(core).__index)
for _, part in ipairs(parts) do
  local name <const> = "sockeye." .. part
  local functions <const> = require(name)
  add(functions)
  hide(name, functions)
end

-- Only the files of lua/sockeye/ use the primitives.
M.primitives = nil

return M
