local examples = require "spec.support.examples"

describe("the tour", function()
  it("shows every step and ends by itself", function()
    local result = examples.run("tour")
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
    for _, word in ipairs {
      "LISTEN", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "ECONNREFUSED",
      "EADDRINUSE", "ETIMEDOUT", "EPIPE", "socket%(inet stream",
      "socket%(inet dgram", "socket%(unix stream",
    } do
      assert.matches(word, result.stdout)
    end
    local steps = select(2, result.stdout:gsub("\n  %S", ""))
    assert.matches(("\n%d steps, and %%d+ errors raised and caught.\n$"):format(
      steps), result.stdout)
  end)
end)
