local descriptors = require "spec.support.descriptors"
local documents = require "spec.support.documents"
local examples = require "spec.support.examples"

describe("the page of the examples", function()
  descriptors.guard()

  local page = documents.read "examples/README.md"

  -- The paths of the files in the first column of a section's table.
  local function files_of(section, folder, into)
    for name in section:gmatch "\n| `([%w_]+%.lua)` |" do
      table.insert(into, folder .. name)
    end
  end

  it("has a row for each example, under its folder's name", function()
    local named, present = {}, {}
    files_of(page:match "(.-)\n## ", "examples/", named)
    for folder, section in page:gmatch "## (%l+/)(.-)%f[#\0]" do
      files_of(section, "examples/" .. folder, named)
    end
    for _, name in ipairs(examples.names()) do
      table.insert(present, examples.path(name))
    end
    table.sort(named)
    table.sort(present)
    assert.are.same(present, named)
  end)

  it("names each file of lib/", function()
    local section = page:match "\n## lib/(.*)"
    local named = {}
    for name in section:gmatch "`([%w_]+%.lua)`" do named[name] = true end
    local present = {}
    for _, name in ipairs(documents.lines_of "ls examples/lib") do
      present[name] = true
    end
    assert.are.same(present, named)
  end)
end)
