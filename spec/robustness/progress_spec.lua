local process = require "spec.support.process"

local worlds <const> = {
  { "outside of tasks", "outside" },
  { "in a task, on epoll", "inside", "epoll" },
  { "in a task, on poll", "inside", "poll" },
}

-- How spec/support/progress.lua says that a call ended, by what ends it.
local ends <const> = {
  ["its deadline"] = "timed out",
  ["its time-out"] = "timed out",
  ["a handler's error"] = "the handler's error",
  ["another task"] = "ECANCELED",
}

describe("a call whose peer always gives or takes something", function()
  for _, world in ipairs(worlds) do
    local title <const>, where <const>, poller <const> = table.unpack(world)

    it("ends by its deadline, a signal handler and another task, " .. title,
       function()
      local result = process.run(
        { process.lua, "spec/support/progress.lua", where },
        { is_lua = true, env = { SOCKEYE_POLLER = poller }, timeout = 120 })
      local count = 0

      assert.same("", result.stderr)
      assert.equal(0, result.status)
      for line in result.stdout:gmatch "[^\n]+" do
        local call, way, how = line:match "^([^\t]+)\t([^\t]+)\t(.*)$"
        assert.same({ call, way, ends[way] }, { call, way, how })
        count = count + 1
      end
      assert.is_true(count >= 100, "the cases have run: " .. count)
    end)
  end
end)
