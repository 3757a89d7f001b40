local databases = require "spec.support.databases"
local examples = require "spec.support.examples"

describe("lookup", function()
  it("prints the addresses of a name", function()
    local can, reason = databases.localhost()
    if not can then return pending(reason) end
    local result = examples.run("lookup", { "localhost" })
    assert.equal(0, result.status)
    assert.equal("", result.stderr)
    for line in result.stdout:gmatch("[^\n]+") do
      assert.matches("^localhost\t[%x.:]+$", line)
    end
  end)

  it("prints the name of an address", function()
    local can, reason = databases.localhost()
    if not can then return pending(reason) end
    local result = examples.run("lookup", { "127.0.0.1" })
    assert.equal("127.0.0.1\tlocalhost\n", result.stdout)
  end)

  it("reports what fails, and continues", function()
    local can, reason = databases.localhost()
    if not can then return pending(reason) end
    local result = examples.run("lookup", { "", "127.0.0.1" })
    assert.equal(1, result.status)
    assert.matches("^: %a", result.stderr)
    assert.equal("127.0.0.1\tlocalhost\n", result.stdout)
  end)

  it("prints its usage when it is called wrongly", function()
    local result = examples.run("lookup")
    assert.equal(2, result.status)
    assert.matches("^usage: lua lookup", result.stderr)
  end)
end)
