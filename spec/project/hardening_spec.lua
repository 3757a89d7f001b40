local process = require "spec.support.process"

local path = package.searchpath("sockeye.core", package.cpath)

-- What readelf(1) prints about the module under test; nil and the reason where
-- it cannot.
local function describe_module()
  local ok, result = pcall(process.run,
                           { "readelf", "-W", "-d", "-l", "-s", path })
  if not ok or result.status ~= 0 then return nil, "readelf is missing" end
  return result.stdout
end

-- The sanitizers, valgrind and the measuring of coverage are given builds that
-- are not hardened, as "make HARDENING=" makes them.
local function hardened_module()
  if os.getenv "SOCKEYE_CHECKED" or os.getenv "HARDENING" == "" or
     path:find "/coverage/" then
    return nil, "the module is not built to be hardened"
  end
  return describe_module()
end

-- Each property: what readelf prints where the module has it, or, if `absent`,
-- where it lacks it.
local properties = {
  { "looks up all functions when it is loaded", "%(FLAGS%) +[^\n]*BIND_NOW" },
  { "makes its tables of addresses read-only", "\n +GNU_RELRO " },
  { "has a stack that cannot be executed",
    "\n +GNU_STACK +%w+ %w+ %w+ %w+ %w+ RW +%w+\n" },
  { "guards its stack", " __stack_chk_fail" },
  { "needs no static storage for threads", "STATIC_TLS", absent = true },
  { "has no code that is relocated", "%(TEXTREL%)", absent = true },
}

describe("the module that is built", function()
  for _, property in ipairs(properties) do
    local what, pattern = table.unpack(property)
    it(what, function()
      local text, reason = hardened_module()
      if not text then return pending(reason) end
      assert.equal(not property.absent, text:find(pattern) ~= nil)
    end)
  end
end)
