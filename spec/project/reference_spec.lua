-- The reference and the module describe the same functions.

local documents = require "spec.support.documents"
local sorted = require "spec.support.sorted"
local sockeye = require "sockeye"

local function c_blocks(path)
  local list = {}
  for block in documents.read(path):gmatch "/%*%*%*(.-)%*/" do
    table.insert(list, block)
  end
  return list
end

-- The comments of a Lua file that begin with three dashes, as those of C.
local function lua_blocks(path)
  local list = {}
  local block
  for line in io.lines(path) do
    local first, text = line:match "^%-%-(%-?) ?(.*)"
    if first == "-" then
      block = { text }
    elseif first and block then
      table.insert(block, text)
    elseif block then
      table.insert(list, table.concat(block, "\n") .. "\n")
      block = nil
    end
  end
  return list
end

-- The LDoc blocks of csrc/ and lua/: text by the name of the function. Those of
-- a class that is a section have its name before theirs.
local function documented()
  local blocks = {}
  local function add(list)
    local class = ""
    for _, block in ipairs(list) do
      local type = block:match "@type (%w+)"
      local name = block:match "@function ([%w_:.]+)"
      if type then class = type .. ":" end
      if name then blocks[class .. name] = block end
    end
  end
  for _, path in ipairs(documents.lines_of "ls csrc/*/*.c") do
    add(c_blocks(path))
  end
  for _, path in ipairs(documents.lines_of "find lua/sockeye -name '*.lua'") do
    add(lua_blocks(path))
  end
  return blocks
end

local function add(names, prefix, functions)
  for name, value in pairs(functions) do
    if type(value) == "function" then names[prefix .. name] = true end
  end
end

-- One object of each class.
local function each_object(f)
  local a, b = sockeye.socketpair("unix", "dgram")
  local _ <close> = a
  local _ <close> = b
  f("Socket", a)
  f("Channel", sockeye.channel())
  f("Semaphore", sockeye.semaphore(1))
  f("Mutex", sockeye.mutex())
  f("Event", sockeye.event())
  local nl <close> = require("sockeye.netlink").open()
  f("Netlink", nl)
  if sockeye.stream then f("Stream", sockeye.stream(b)) end
  local process <close> = sockeye.process { "true" }
  f("Process", process)
  local loop <close> = sockeye.loop(function()
    f("Task", sockeye.spawn(function() end))
    sockeye.group(function(g) f("Group", g) end)
  end)
  f("Loop", loop)
  assert(loop:step())
end

local function existing()
  local names = {}
  add(names, "", sockeye)
  add(names, "netlink.", require "sockeye.netlink")
  each_object(function(class, object)
    local index = debug.getmetatable(object).__index
    if type(index) == "function" then
      index = select(2, debug.getupvalue(index, 1))
    end
    add(names, class .. ":", index)
  end)
  return names
end

describe("the reference", function()
  local blocks = documented()

  it("has every function and method", function()
    for name in sorted(existing()) do
      assert.is_truthy(blocks[name], name .. " is not documented")
    end
  end)

  it("has no function or method that does not exist", function()
    local names = existing()
    local address = sockeye.inet()
    for name in sorted(blocks) do
      local method = name:match "^Address:([%w_]+)$"
      assert.is_truthy(method and address[method] or names[name],
                       name .. " does not exist")
    end
  end)

  it("says what each returns", function()
    local silent = {
      -- They do not return, or return nothing.
      _exit = true, execv = true, execve = true, execvp = true, kill = true,
      sleep = true, ["Socket:close"] = true, yield = true,
      ["Loop:close"] = true, on_error = true,
      ["Netlink:close"] = true, ["Process:close"] = true,
      chdir = true, setgid = true, setgroups = true, sethostname = true,
      setrlimit = true,
      setuid = true,
    }
    for name in sorted(blocks) do
      local returns = blocks[name]:find "\n@t?return" ~= nil
      assert.are.equal(not silent[name], returns, name)
    end
  end)

  it("says what each parameter is", function()
    local before = { tparam = "%S+%s+%S+", param = "%S+", string = "%S+",
                     int = "%S+", number = "%S+", tab = "%S+", bool = "%S+" }
    for name in sorted(blocks) do
      for tag, rest in blocks[name]:gmatch "\n@(%l+)%S* ([^@]*)" do
        local words = before[tag] and rest:match("^" .. before[tag] .. "(.*)")
        assert.are_not.equal("", words, ("%s: @%s %s"):format(name, tag, rest))
      end
    end
  end)
end)
