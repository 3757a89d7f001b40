-- The preloaded library of tools/torture, and the allocator of the specs.

local path <const> = "./build/spec/torture.so"

local library = assert(package.loadlib(path, "luaopen_torture"))()
local allocator = assert(package.loadlib("./build/spec/allocator.so",
                                         "luaopen_allocator"))()

local M = { attempt = library.attempt, blocks = library.blocks,
            called = library.called, descriptors = library.descriptors,
            disarm = library.disarm }

--- Why there can be no torture here, or nil.
function M.unavailable()
  if not library.find then return "glibc of 64 bits is needed" end
  require "sockeye"
  if not library.find() then return "the module's code was not found" end
  local preloaded = os.getenv "LD_PRELOAD" or ""
  if not preloaded:find("torture.so", 1, true) then
    return path .. " is not preloaded"
  end
end

local numbers, errors = {}, {}
if library.find then
  for i, name in ipairs(library.names()) do numbers[name] = i end
  errors = library.errors()
end

--- The functions of the C library that can fail: name -> number.
M.numbers = numbers

--- Prepares the fault of a plan: call, code, first, last, signal, short. From
-- here on calls are counted, with or without one.
function M.arm(plan)
  library.arm {
    call = plan.call and (numbers[plan.call] or error(plan.call, 0)),
    error = plan.code and (errors[plan.code] or error(plan.code, 0)),
    first = plan.first, last = plan.last or plan.first,
    signal = plan.signal, short = plan.short,
  }
end

--- As pcall, with the n-th request of Lua for memory refused, and those after
-- it, too, unless `once`. The second result is whether one was.
function M.starving(n, once)
  local call = once and allocator.call_once or allocator.call
  return function(...) return call(n, ...) end
end

return M
