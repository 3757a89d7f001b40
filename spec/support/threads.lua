-- Lua states and threads, as a host in C has them: see thread.c.

local M = assert(package.loadlib("./build/spec/thread.so", "luaopen_thread"))()

return M
