local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local documents = require "spec.support.documents"

-- The cells of a row of a Markdown table.
local function cells_of(line)
  local list = {}
  for cell in line:gmatch "|([^|\n]*)" do
    table.insert(list, cell:match "^%s*(.-)%s*$")
  end
  return list
end

describe("the README", function()
  local text = documents.read "README.md"
  local scripts, servers = documents.snippets "README.md"

  descriptors.guard()

  for i, block in ipairs(scripts) do
    it(("prints what snippet %d says, under %s"):format(i, block.title),
       function()
      local can, reason = databases.all_of(block.text)
      if not can then return pending(reason) end
      documents.assert_prints(block)
    end)
  end

  it("has one server, of five lines, that serves clients at once", function()
    assert.are.equal(1, #servers)
    local _, lines = servers[1].text:gsub("\n", "")
    assert.are.equal(5, lines - 1) -- and the require
    documents.with_server(servers[1], function(port)
      local first <close> = documents.connect(port)
      local second <close> = documents.connect(port)
      for _, s in ipairs { second, first, second } do
        local answer = ("hello, Ann at %s\n"):format(s:getsockname())
        s:sendall("Ann\n")
        assert.are.equal(answer, s:recv(#answer, "waitall"))
      end
    end)
  end)

  it("is at most 220 lines long", function()
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines <= 220, lines .. " lines")
  end)

  it("quotes the figures of the benchmarks' page", function()
    local page = documents.read "bench/README.md"
    local times = page:match "%*%*Servers: CPU time for each request%*%*(.*)"
    local names = cells_of(times:match "|[^\n]+")
    local values = cells_of(times:match "| echo 64 B, 50 connections [^\n]+")
    local paragraph = text:match "Echoing 64 bytes over 50 connections.-\n\n"
    for i, name in ipairs(names) do
      if name ~= "" and paragraph:find(name, 1, true) then
        local value = values[i]:match "^[%d.]+"
        assert.is_truthy(paragraph:find(" " .. value, 1, true),
                         ("%s: %s"):format(name, value))
      end
    end
  end)
end)
