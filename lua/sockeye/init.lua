--- Berkeley sockets: the calls by their names, their addresses and errors as
-- Lua values.
-- @module sockeye
return require "sockeye.core"
