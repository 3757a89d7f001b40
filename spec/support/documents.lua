-- The project's documents, and the snippets in them: what they print, and the
-- servers among them.

local assert = require "luassert"
local closing = require "spec.support.closing_waits"
local databases = require "spec.support.databases"
local examples = require "spec.support.examples"
local loops = require "spec.support.loops"
local process = require "spec.support.process"
local sockeye = require "sockeye"

local M = {}

local prelude <const> = 'local sockeye = require "sockeye"'
local port_in_print <const> = "7777"

-- The blocks of a language: tables of text and the title of their section.
local function blocks_of(text, language)
  local list, block = {}, nil
  local title
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

local function printed_lines(text)
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

--- Returns the text of a file.
function M.read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

--- Returns the lines that a command prints.
function M.lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do table.insert(list, line) end
  return list
end

--- Returns a Markdown file's snippets: those that end by themselves, and the
-- servers, which name port 7777.
function M.snippets(path)
  local scripts, servers = {}, {}
  for _, block in ipairs(blocks_of(M.read(path), "lua")) do
    local is_server = block.text:find(port_in_print, 1, true) ~= nil
    table.insert(is_server and servers or scripts, block)
  end
  return scripts, servers
end

--- Returns whether this system and this Lua can run a snippet; if not, also
-- the reason.
function M.can_run(block)
  local can, reason = databases.all_of(block.text)
  if can and block.text:find "pollfd" then can, reason = loops.has_epoll() end
  if can and block.text:find "__close" then
    can, reason = closing.may_wait()
  end
  return can, reason
end

--- Runs a snippet and asserts that it prints what it says, and nothing else.
function M.assert_prints(block)
  local result = process.lua_script(script_of(block, 0))
  assert.are.equal("", result.stderr)
  assert.are.equal(0, result.status)
  local expected, lines = expected_of(block.text), printed_lines(result.stdout)
  for i, wanted in ipairs(expected) do
    assert.is_truthy((lines[i] or "nothing"):find(wanted.pattern),
      ("line %d is %q, not %q"):format(i, lines[i], wanted.text))
  end
  assert.are.equal(#expected, #lines)
end

--- Runs a server on a free port, calls f with the port, and stops the server,
-- which may write nothing to standard error.
function M.with_server(block, f)
  local port = examples.free_port()
  local server <close> = process.start_lua(script_of(block, port))
  f(port)
  assert.are.equal("", server:stop().stderr)
end

--- Connects to the port as soon as a server listens there.
function M.connect(port)
  return examples.eventually(function()
    local s = sockeye.socket("inet", "stream"):settimeout(20)
    local ok, err = pcall(s.connect, s, sockeye.inet("127.0.0.1", port))
    if ok then return s end
    s:close()
    assert(sockeye.is_error(err, "ECONNREFUSED"), err)
  end)
end

return M
