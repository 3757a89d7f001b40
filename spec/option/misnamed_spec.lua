local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("an option", function()
  descriptors.guard()

  it("of which a part is missing says which", function()
    local s <close> = sockeye.socket("inet", "stream")
    local level <const>, number <const> = sockeye.IPPROTO_TCP,
                                          sockeye.TCP_NODELAY
    for _, case in ipairs {
      { "the value is missing", level, number },
      { "number comes after its level", sockeye.SO_REUSEADDR, true },
      { "number comes after its level", sockeye.SO_RCVBUF, 65536 },
      { "got nil; a constant may be misspelled", level, nil, true },
      { "got nil; a constant may be misspelled", nil, true },
    } do
      errors.rejected(case[1], s.setsockopt, s, table.unpack(case, 2, 4))
    end
    errors.rejected("number comes after its level", s.getsockopt, s, 3)
    errors.rejected("a constant may be misspelled", s.getsockopt, s, nil)
  end)

  it("for an interface that does not exist names that", function()
    local s <close> = sockeye.socket("inet", "stream")
    local _, refused <const> = pcall(s.setsockopt, s, "SO_BINDTODEVICE", "no0")
    if refused.code == "EPERM" then
      return pending "SO_BINDTODEVICE needs a privilege"
    end
    local err <const> = errors.raised("ENODEV", "setsockopt", s.setsockopt, s,
                                      "SO_BINDTODEVICE", "nosuch\n0")
    assert.equal("SO_BINDTODEVICE", err.subject)
    assert.equal("no interface has this name: 'nosuch\\n0'", err.message)
  end)
end)
