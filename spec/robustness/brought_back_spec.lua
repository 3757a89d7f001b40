-- A finalizer may bring back an object whose own finalizer has run. It will not
-- run again: such an object is closed, and owns nothing from then on.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local methods = require "spec.support.methods"
local sockets = require "spec.support.sockets"
local worlds = require "spec.support.worlds"

-- Calls f with what `make` returns, after the collector has finalized it.
local function bring_back(make, f)
  local list = {}
  do
    local object = make()
    setmetatable({ object }, { __gc = function(t) list[1] = t[1] end })
  end
  collectgarbage()
  collectgarbage()
  assert.is_not_nil(list[1])
  f(list[1])
end

local kept -- a socket whose stream alone is collected

local function stream_on_kept()
  return sockeye.stream(kept)
end

-- The type, what makes an object of it, and its methods with arguments.
local kinds = {
  { "Socket", function() return (sockets.unix()) end, {} },
  { "Stream", stream_on_kept, {
    fd = {}, flush = {}, gettimeout = {}, lines = {}, read = { 1 },
    settimeout = { 1 }, shutdown = {}, write = { "text" },
  } },
}
for name in pairs(methods.all()) do
  if not ("close detach fd"):find(name, 1, true) then
    kinds[1][3][name] = { methods.arguments(name) }
  end
end

for _, kind in ipairs(kinds) do
  describe(("a %s that a finalizer has brought back"):format(kind[1]),
    function()
      descriptors.guard()

      for name, arguments in pairs(kind[3]) do
        worlds.it("is closed for " .. name, function()
          kept = sockets.unix()
          bring_back(kind[2], function(object)
            errors.raised("EBADF", nil, object[name], object,
                          table.unpack(arguments))
          end)
          -- What a task would send before it waits has no place left.
          collectgarbage()
          collectgarbage()
          sockeye.sleep(0)
          fork.reap(fork.child(function() end))
          kept:close()
        end)
      end

      it("is closed again without an error", function()
        kept = sockets.unix()
        bring_back(kind[2], function(object)
          assert.same({}, { object:close() })
        end)
        kept:close()
      end)
    end)
end

describe("a Loop that a finalizer has brought back", function()
  it("has ended", function()
    bring_back(function() return sockeye.loop(function() end) end,
      function(loop)
        for _, name in ipairs { "step", "pollfd", "timeout" } do
          errors.rejected("the loop has ended", loop[name], loop)
        end
        loop:close()
      end)
  end)
end)
