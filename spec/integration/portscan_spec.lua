local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"

describe("portscan", function()
  descriptors.guard()

  it("distinguishes an open port from a closed one", function()
    local l <close>, port = examples.listen()
    local result = examples.run("portscan", { "127.0.0.1", port })
    assert.matches(("^%d\t"):format(port), result.stdout)
    assert.equal("1 open, 0 closed, 0 without an answer\n", result.stderr)
    assert.equal(0, result.status)
    l:close()
    result = examples.run("portscan", { "127.0.0.1", port })
    assert.equal("", result.stdout)
    assert.equal("0 open, 1 closed, 0 without an answer\n", result.stderr)
    assert.equal(1, result.status)
  end)

  it("tries a whole range", function()
    local l <close>, port = examples.listen()
    local first = math.max(1, port - 1500)
    local result = examples.run("portscan", {
      "127.0.0.1", ("%d-%d"):format(first, math.min(65535, first + 3000)) })
    assert.matches(("%d\t"):format(port), result.stdout)
    local open, closed, silent = result.stderr:match(
      "^(%d+) open, (%d+) closed, (%d+) without")
    assert.equal(math.min(65535, first + 3000) - first + 1,
                 open + closed + silent)
    assert.truthy(l)
  end)

  it("gives up on ports that do not answer #namespace", function()
    netns.with_namespaces(function(ns)
      ns.b:must("ip route add blackhole " .. ns.a.address .. "/32")
      local result = ns.a:run(
        examples.words("portscan", ns.b.address, "1-500", "0.1"))
      assert.equal("0 open, 0 closed, 500 without an answer\n", result.stderr)
      assert.equal(1, result.status)
    end)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, arguments in ipairs {
      {}, { "localhost" }, { "localhost", "http" }, { "localhost", "9-1" },
      { "localhost", "1-65536" }, { "localhost", "1", "soon" },
    } do
      local result = examples.run("portscan", arguments)
      assert.equal(2, result.status)
      assert.matches("^usage: lua portscan", result.stderr)
    end
  end)
end)
