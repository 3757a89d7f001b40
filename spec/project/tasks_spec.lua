local descriptors = require "spec.support.descriptors"
local documents = require "spec.support.documents"

describe("the page on tasks", function()
  local scripts, servers = documents.snippets "docs/tasks.md"

  descriptors.guard()

  for i, block in ipairs(scripts) do
    it(("prints what snippet %d says, under %s"):format(i, block.title),
       function()
      local can, reason = documents.can_run(block)
      if not can then return pending(reason) end
      documents.assert_prints(block)
    end)
  end

  it("has snippets for the three mistakes, and no server", function()
    local titles = {}
    for _, block in ipairs(scripts) do titles[block.title] = true end
    for _, title in ipairs { "A pcall around waits", "Cleanup that waits",
                             "Spawning for later" } do
      assert.is_true(titles[title], title)
    end
    assert.are.equal(0, #servers)
  end)
end)
