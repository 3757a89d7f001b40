local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"

describe("timelimit", function()
  descriptors.guard()

  it("prints the lines of a command, and ends with its status", function()
    local result = examples.run("timelimit", {
      "20", "sh", "-c", "echo one; echo two; exit 3" })
    assert.matches("^ *%d+%.%d%d  one\n *%d+%.%d%d  two\n$", result.stdout)
    assert.equal(3, result.status)
  end)

  it("ends with the number of the signal that ended it", function()
    local result = examples.run("timelimit", { "20", "sh", "-c",
                                               "kill -9 $$" })
    assert.equal(128 + 9, result.status)
  end)

  it("ends a command whose time is up", function()
    local result = examples.run("timelimit", { "0.1", "sh", "-c",
                                               "echo one; exec sleep 60" })
    assert.matches("  one\n$", result.stdout)
    assert.equal(124, result.status)
  end)

  it("ends a command that ignores SIGTERM", function()
    local result = examples.run("timelimit", {
      "0.1", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done" })
    assert.equal(124, result.status)
  end)

  it("says that a command does not exist", function()
    local result = examples.run("timelimit", { "1", "no-such-command" })
    assert.equal("no-such-command: there is no such command\n", result.stderr)
    assert.equal(127, result.status)
  end)
end)
