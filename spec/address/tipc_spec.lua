local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("a TIPC address", function()
  descriptors.guard()

  local greatest <const> = 0xffffffff
  local cases = {
    { "tipc:name/18888/17/0/cluster", "name", { type = 18888, instance = 17 },
      { addrtype = "name", domain = 0, scope = "cluster" }, 2, 2 },
    { "tipc:name/1/2/3/node", "TIPC_ADDR_NAME",
      { type = 1, instance = 2, domain = 3, scope = "node" },
      { scope = "node" }, 2, 3 },
    { "tipc:nameseq/18888/0/99/zone", "nameseq",
      { type = 18888, lower = 0, upper = 99, scope = "zone" },
      { addrtype = "nameseq" }, 1, 1 },
    { "tipc:nameseq/5/7/7/cluster", "mcast", { type = 5, lower = 7 },
      { upper = 7 }, 1, 2 },
    { "tipc:nameseq/0/0/4294967295/-2", sockeye.TIPC_ADDR_NAMESEQ,
      { type = 0, lower = 0, upper = greatest, scope = -2 },
      { scope = -2 }, 1, -2 },
    { "tipc:id/1/16781313", "id", { ref = 1, node = 0x1001001 },
      { addrtype = "id", scope = 0 }, 3, 0 },
  }

  for _, case in ipairs(cases) do
    local text, kind, fields, more, number, scope = table.unpack(case)
    it("is " .. text, function()
      local a = sockeye.tipc(kind, fields)
      assert.equal(text, tostring(a))
      assert.equal("tipc", a.family)
      for _, known in ipairs { fields, more } do
        for name, value in pairs(known) do assert.equal(value, a[name]) end
      end
      local words = { a.type or a.ref, a.instance or a.lower or a.node,
                      a.domain or a.upper or 0 }
      assert.equal(string.pack("=HBbI4I4I4", sockeye.AF_TIPC, number, scope,
                               table.unpack(words)), a:pack())
      assert.equal(a, sockeye.address(text))
    end)
  end

  it("has the fields of its kind alone", function()
    local id = sockeye.tipc("id", { ref = 1, node = 2 })
    for _, name in ipairs { "type", "lower", "upper", "instance", "domain" } do
      assert.is_nil(id[name])
    end
    local other = sockeye.unpack(string.pack("=HBbI4I4I4", sockeye.AF_TIPC, 9,
                                             0, 1, 2, 3))
    assert.equal(9, other.addrtype)
    assert.is_nil(other.type)
    assert.equal("tipc:9/1/2/3", tostring(other))
    assert.equal(other, sockeye.address "tipc:9/1/2/3")
  end)

  it("is no other", function()
    local rejected = {
      { "#1.*unknown kind", "port", {} }, { "#1", 0, {} }, { "#1", 4, {} },
      { "#1" }, { "#2", "name" }, { "#2.*'type'", "name", {} },
      { "#2.*upper.*less than lower", "nameseq",
        { type = 1, lower = 2, upper = 1 } },
      { "#2.*'lower'", "nameseq", { type = 1 } },
      { "#2.*'node'", "id", { ref = 1 } },
      { "#2.*'ref'", "name", { ref = 1 } },
      { "#2.*'type'", "name", { type = greatest + 1, instance = 1 } },
      { "#2.*'instance'", "name", { type = 1, instance = -1 } },
      { "#2.*scope", "name", { type = 1, instance = 1, scope = "world" } },
      { "#2.*scope", "name", { type = 1, instance = 1, scope = 128 } },
    }
    for _, case in ipairs(rejected) do
      errors.rejected(case[1], sockeye.tipc, table.unpack(case, 2))
    end
    for _, text in ipairs {
      "tipc:", "tipc:port/1/2/3", "tipc:name/1/2", "tipc:name/1/2/x",
      "tipc:name/1/2/3/world", "tipc:name/1/2/3/-129", "tipc:id/1",
      "tipc:id/1/2/node/3", "tipc:256/1/2/3",
      "tipc:" .. ("1"):rep(200),
    } do
      errors.rejected("not an address", sockeye.address, text)
    end
  end)
end)
