-- What select takes.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local channel = sockeye.channel

describe("the list for select", function()
  local rejected <const> = {
    ["is no table"] = { nil, "table expected" },
    ["is empty"] = { {}, "nothing to wait for" },
    ["has a hole"] = { { channel(), nil, channel() }, "'timeout' expected" },
    ["has another field"] = { { channel(), timout = 1 }, "'timeout' expected" },
    ["names no thing to wait for"] = { { 5 }, "choice 1: channel, task" },
    ["has a pair of anything"] = { { { "x", "r" } }, "choice 1: channel, soc" },
    ["puts nil"] = { { channel(), { channel() } }, "choice 2: value to put" },
    ["has an unknown event"] = { { { 0, "z" } }, "unknown event 'z'" },
    ["has no event"] = { { { 0 } }, "choice 1: events must be" },
    ["has a negative time"] = { { channel(), timeout = -1 }, "'timeout'" },
    ["has a time that is no number"] = {
      { channel(), timeout = 0 / 0 }, "'timeout'",
    },
    ["has a time that is a text"] = {
      { channel(), timeout = "1" }, "'timeout'",
    },
  }

  for what, case in pairs(rejected) do
    it("is rejected where it " .. what, function()
      local err = errors.rejected("bad argument #1 to 'sockeye.select'",
                                  sockeye.select, case[1])
      assert.is_truthy(err:find(case[2], 1, true), err)
    end)
  end

  it("is read to its end before anything is done", function()
    local ready = channel(1)
    errors.rejected("choice 2", sockeye.select, { { ready, "value" }, 5 })
    assert.equal(0, #ready)
  end)

  it("is read without its metamethods", function()
    local ch = channel(1):put "value"
    local list = setmetatable({ ch }, {
      __index = function() error "asked" end,
      __len = function() error "counted" end,
    })
    assert.same({ 1, "value" }, { sockeye.select(list) })
  end)

  it("may be changed while select waits", function()
    sockeye.run(function()
      local ch = channel()
      local list = { channel(), ch }
      local t = sockeye.spawn(function() return { sockeye.select(list) } end)
      sockeye.yield()
      list[1], list[2] = nil, nil
      collectgarbage()
      ch:put "value"
      assert.same({ 2, "value" }, t:join())
    end)
  end)
end)
