-- The descriptors that this process has open.

local busted = require "busted"
local lfs = require "lfs"
local sockeye = require "sockeye"

local asserted = require "spec.support.asserted"

local M = {}

-- Linux; the BSDs and macOS.
local folders = { "/proc/self/fd", "/dev/fd" }

local function folder()
  for _, path in ipairs(folders) do
    if lfs.attributes(path, "mode") == "directory" then return path end
  end
end

local function numbers(path)
  local list = {}
  for name in lfs.dir(path) do
    local fd = math.tointeger(tonumber(name))
    if fd then list[#list + 1] = fd end
  end
  return list
end

--- The open descriptors: number -> what it is open on. The one that the
-- reading takes is gone again by the time it is looked at.
function M.list()
  local path = folder()
  local open = {}
  if not path then return open end
  for _, fd in ipairs(numbers(path)) do
    local name = path .. "/" .. fd
    if lfs.symlinkattributes(name, "mode") then
      local target = lfs.symlinkattributes(name, "target") or name
      open[fd] = target:gsub(" %(deleted%)$", "")
    end
  end
  return open
end

--- How many descriptors are open.
function M.count()
  local n = 0
  for _ in pairs(M.list()) do n = n + 1 end
  return n
end

local function difference(before, after)
  local lines = {}
  for fd, target in pairs(after) do
    if before[fd] ~= target then
      lines[#lines + 1] = ("left open: %d on %s"):format(fd, target)
    end
  end
  for fd, target in pairs(before) do
    if after[fd] ~= target then
      lines[#lines + 1] = ("closed: %d on %s"):format(fd, target)
    end
  end
  table.sort(lines)
  return lines
end

-- Twice: the first collection runs the finalizers that let go of the rest.
local function collect()
  collectgarbage()
  collectgarbage()
end

--- Runs f(...), which has to leave the descriptors as they were, once what
-- nothing refers to has been collected. Returns what f does.
function M.unchanged(f, ...)
  asserted.note()
  collect()
  local before = M.list()
  local results = table.pack(f(...))
  collect()
  local lines = difference(before, M.list())
  if #lines > 0 then busted.fail(table.concat(lines, "\n"), 2) end
  return table.unpack(results, 1, results.n)
end

--- How long a socket may stay open that a spec has closed, in seconds: until
-- the kernel is done with the strings that were sent without copying, and a
-- collection sees that.
M.zerocopy = 20

--- Called in a describe: holds each of its specs to that. A collection takes
-- long, so there is one only where something is left open; with `seconds`,
-- more of them, until nothing is. What each spec needs is opened by `open` and
-- closed by `close`.
function M.guard(open, close, seconds)
  local before
  busted.before_each(function()
    if not before then collect() end
    before = M.list()
    if open then open() end
  end)
  busted.after_each(function()
    if close then close() end
    local deadline = sockeye.now() + (seconds or 0)
    local lines = difference(before, M.list())
    while #lines > 0 do
      collect()
      lines = difference(before, M.list())
      if #lines == 0 or sockeye.now() >= deadline then break end
      sockeye.sleep(0.01)
    end
    if #lines > 0 then busted.fail(table.concat(lines, "\n")) end
  end)
end

return M
