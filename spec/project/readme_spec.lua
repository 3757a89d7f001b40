local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local sockeye = require "sockeye"

local prelude <const> = 'local sockeye = require "sockeye"'
local port_in_print <const> = "7777"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- The blocks of a language: tables of text and the title of their section.
local function blocks_of(text, language)
  local list, block = {}, nil
  local title = "Sockeye"
  for line in text:gmatch "([^\n]*)\n" do
    if block and line == "```" then
      block = nil
    elseif block then
      block.text = block.text .. line .. "\n"
    elseif line == "```" .. language then
      block = { title = title, text = "" }
      table.insert(list, block)
    else
      title = line:match "^#+ (.*)" or title
    end
  end
  return list
end

-- What a block says that it prints: lines as patterns.
local function expected_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    local shown = line:match "%-%->%s*(.-)%s*$"
    if shown then
      local pattern = shown:gsub("%p", "%%%0"):gsub("…", ".-")
      table.insert(list, { text = shown, pattern = "^" .. pattern .. "$" })
    end
  end
  return list
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    table.insert(list, (line:gsub("%s+", " ")))
  end
  return list
end

local function script_of(block, port)
  local text = block.text
  if not text:find(prelude, 1, true) then text = prelude .. "\n" .. text end
  return (text:gsub(port_in_print, tostring(port)))
end

local function is_server(block)
  return block.text:find(port_in_print, 1, true) ~= nil
end

local function assert_output(block, result)
  assert.are.equal("", result.stderr)
  assert.are.equal(0, result.status)
  local expected, lines = expected_of(block.text), lines_of(result.stdout)
  for i, wanted in ipairs(expected) do
    assert.is_truthy((lines[i] or "nothing"):find(wanted.pattern),
      ("line %d is %q, not %q"):format(i, lines[i], wanted.text))
  end
  assert.are.equal(#expected, #lines)
end

-- Connects as soon as the server listens.
local function connect(port)
  return examples.eventually(function()
    local s = sockeye.socket("inet", "stream"):settimeout(20)
    local ok, err = pcall(s.connect, s, sockeye.inet("127.0.0.1", port))
    if ok then return s end
    s:close()
    assert(sockeye.is_error(err, "ECONNREFUSED"), err)
  end)
end

-- Runs f with the port of the block as a server, which may not complain.
local function with_server(block, f)
  local port = examples.free_port()
  local server <close> = process.start_lua(script_of(block, port))
  f(port)
  assert.are.equal("", server:stop().stderr)
end

local function echoes(s, data)
  s:sendall(data)
  assert.are.equal(data, s:recv(#data, "waitall"))
end

describe("the README", function()
  local text = read "README.md"
  local blocks = blocks_of(text, "lua")
  local servers, others = {}, {}
  for _, block in ipairs(blocks) do
    table.insert(is_server(block) and servers or others, block)
  end

  descriptors.guard()

  for i, block in ipairs(others) do
    it(("prints what snippet %d says, under %s"):format(i, block.title),
       function()
      assert_output(block, process.lua_script(script_of(block, 0)))
    end)
  end

  it("has a server of five lines that serves clients at once", function()
    local _, lines = servers[1].text:gsub("\n", "")
    assert.are.equal(5, lines - 1) -- and the require
    with_server(servers[1], function(port)
      local first <close> = connect(port)
      local second <close> = connect(port)
      for _, s in ipairs { second, first, second } do
        local answer = ("hello, Ann at %s\n"):format(s:getsockname())
        s:sendall("Ann\n")
        assert.are.equal(answer, s:recv(#answer, "waitall"))
      end
    end)
  end)

  it("has a forking server that serves clients at once", function()
    with_server(servers[2], function(port)
      local first <close> = connect(port)
      local second <close> = connect(port)
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

  it("has no server beside these", function()
    assert.are.equal(2, #servers)
  end)

  it("names the examples that there are, and no others", function()
    local named, present = {}, {}
    for name in text:match("\n## Examples.-\n## "):gmatch "`([%w_]+%.lua)`" do
      named[name] = true
    end
    for name in process.run({ "ls", "examples" }).stdout:gmatch "%S+%.lua" do
      present[name] = true
    end
    assert.are.same(present, named)
  end)

  it("proves by a spec each way in which Linux differs", function()
    local specs = process.run { "sh", "-c", "cat spec/behaviour/*.lua" }
    local section = text:match "\n## How Linux differs.-\n## "
    local labels = 0
    for label in section:gmatch "\n| (%l+[%w]*%-%d+) |" do
      labels = labels + 1
      assert.is_truthy(specs.stdout:find(label .. ":", 1, true), label)
    end
    assert.is_true(labels > 0)
  end)

  it("names targets that the Makefile has", function()
    local makefile = read "Makefile"
    for target in text:gmatch "`make (%l+)" do
      assert.is_truthy(makefile:find("\n" .. target .. ":", 1, true), target)
    end
  end)
end)
