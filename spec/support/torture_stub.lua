-- Scenarios that do not survive a fault of listen(2), for torture to find; and
-- one that does.

local sockeye = require "sockeye"

local kept = {}

local function listening(handle)
  return function()
    local s = sockeye.socket("inet", "stream"):bind "127.0.0.1:0"
    return function()
      local ok, err = pcall(s.listen, s)
      if not ok then handle(err) end
    end, {}, { s }
  end
end

return {
  { "sound", listening(function(err) error(err, 0) end) },
  { "swallow", listening(function() end) },
  { "leak", listening(function(err)
    kept[#kept + 1] = sockeye.socket("inet", "stream")
    error(err, 0)
  end) },
  { "hang", listening(function() repeat until false end) },
  { "crash", listening(function()
    sockeye.kill(sockeye.getpid(), "SIGSEGV")
  end) },
}
