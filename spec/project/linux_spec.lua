local documents = require "spec.support.documents"

describe("the page on Linux", function()
  it("names differences that a spec of that label proves", function()
    local specs = table.concat(
      documents.lines_of "cat spec/behaviour/*.lua", "\n")
    local labels = 0
    for label in documents.read "docs/linux.md":gmatch "\n| (%l+-%d+) |" do
      labels = labels + 1
      assert.is_truthy(specs:find(label .. ":", 1, true), label)
    end
    assert.is_true(labels > 20)
  end)
end)
