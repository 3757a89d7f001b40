local sockeye = require "sockeye"
local netlink = require "sockeye.netlink"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("the line of an error", function()
  descriptors.guard()

  local function here(offset)
    return ("^spec/base/error_where_spec%%.lua:%d: "):format(
      debug.getinfo(2, "l").currentline + offset)
  end

  it("is that of the script, where files of the library lie between",
    function()
      local place <const> = here(1)
      errors.rejected(place, function() netlink.open("nosuch") end)
      local _, err <const> = pcall(function()
        sockeye.connect("127.0.0.1:1", { timeout = 5 })
      end)
      assert.matches(here(-2):sub(1, -2), err.where)
    end)

  it("is that of the nearest function after a tail call", function()
    local s <close> = sockeye.socket("inet", "stream")
    local function inner() return s:send({}) end
    local place <const> = here(-1)
    errors.rejected(place, function() return (inner()) end)
  end)

  it("begins what is no error of a call", function()
    local mutex <const> = sockeye.mutex()
    errors.rejected(here(1) .. "unlock: the mutex is not locked",
      function() mutex:unlock() end)
  end)
end)
