local examples = require "spec.support.examples"

describe("the demonstration", function()
  for _, poller in ipairs { "epoll", "poll" } do
    it(("serves a thousand clients and ends by itself (%s)"):format(poller),
       function()
      local result = examples.run("demo", { 1 }, {
        env = { SOCKEYE_POLLER = poller }, timeout = 120 })
      assert.equal("", result.stderr)
      assert.equal(0, result.status, result.stdout)
      assert.matches("700 clients over TCP, 250 over a Unix socket, 50 over " ..
                     "UDP:\n20000 echoes and 38000 chat lines, each as it " ..
                     "was sent%.\n", result.stdout)
      assert.matches("950 connections at once", result.stdout)
    end)
  end

  it("fails if a client is not served", function()
    local result = examples.run("demo", { 1 }, {
      prefix = { "sh", "-c", 'ulimit -n 200; exec "$@"', "sh" } })
    assert.equal(1, result.status)
    assert.matches("EMFILE", result.stdout)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, word in ipairs { "many", "0", "1.5" } do
      local result = examples.run("demo", { word })
      assert.equal(2, result.status)
      assert.matches("^usage: lua demo", result.stderr)
    end
  end)
end)
