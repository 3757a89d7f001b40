local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("a field of an address", function()
  descriptors.guard()

  local inet = sockeye.inet("127.0.0.1", 80)

  it("is nil where it is another family's", function()
    assert.is_nil(sockeye.unix("/a").port)
    for _, name in ipairs {
      "path", "flowinfo", "scope_id", "interface", "ifindex", "protocol",
      "address", "pid", "groups", "cid", "rx_id", "name", "type", "upper",
      "node",
    } do
      assert.is_nil(inet[name])
    end
  end)

  it("is nil where it has no name", function()
    for _, key in ipairs { 1, 1.5, true, print } do
      assert.is_nil(inet[key])
    end
  end)

  local unknown = {
    { "adress", "address" }, { "prot", "port" }, { "hots", "host" },
    { "famly", "family" }, { "is_anny", "is_any" }, { "ip", "host" },
    { "Port", "port" }, { "pack_", "pack" }, { "pathh", "path" },
  }

  for _, case in ipairs(unknown) do
    it("is an error where no family has it: " .. case[1], function()
      errors.rejected(("unknown field of an address '%s', did you mean '%s'")
        :format(case[1], case[2]), function() return inet[case[1]] end)
    end)
  end

  it("is an error at the line that reads it", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() return inet.nothing_like_it end)
    assert.is_false(ok)
    assert.matches(("fields_spec.lua:%d: unknown field of an address " ..
                    "'nothing_like_it'$"):format(line), message)
    errors.rejected("unknown field", function() return inet["port\0"] end)
    errors.rejected("unknown field", function() return inet[""] end)
  end)
end)
