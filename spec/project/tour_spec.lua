local descriptors = require "spec.support.descriptors"
local documents = require "spec.support.documents"

local function echoes(s, data)
  s:sendall(data)
  assert.are.equal(data, s:recv(#data, "waitall"))
end

describe("the tour", function()
  local scripts, servers = documents.snippets "docs/tour.md"

  descriptors.guard()

  for i, block in ipairs(scripts) do
    it(("prints what snippet %d says, under %s"):format(i, block.title),
       function()
      local can, reason = documents.can_run(block)
      if not can then return pending(reason) end
      documents.assert_prints(block)
    end)
  end

  it("has one server, which forks and serves clients at once", function()
    assert.are.equal(1, #servers)
    documents.with_server(servers[1], function(port)
      local first <close> = documents.connect(port)
      local second <close> = documents.connect(port)
      for _, data in ipairs { "one", "and another" } do
        echoes(second, data)
        echoes(first, data)
      end
      second:shutdown("wr")
      assert.is_nil(second:recv(1))
      first:shutdown("wr")
      assert.is_nil(first:recv(1))
    end)
  end)
end)
