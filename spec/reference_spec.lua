-- The reference and the module: each holds what the other says.

local sockeye = require "sockeye"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do table.insert(list, line) end
  return list
end

-- The LDoc blocks of csrc/: text by the name of the function. Those of a class
-- in a file of its own have its name before theirs.
local function documented()
  local blocks = {}
  for _, path in ipairs(lines_of "ls csrc/*.c") do
    local class = ""
    for block in read(path):gmatch "/%*%*%*(.-)%*/" do
      local type = block:match "@type (%w+)"
      local name = block:match "@function ([%w_:]+)"
      if type then class = type .. ":" end
      if name then blocks[class .. name] = block end
    end
  end
  return blocks
end

local function add(names, prefix, functions)
  for name, value in pairs(functions) do
    if type(value) == "function" then names[prefix .. name] = true end
  end
end

local function existing()
  local names = {}
  local a <close> = sockeye.socket("unix", "dgram")
  add(names, "", sockeye)
  add(names, "Socket:", getmetatable(a).__index)
  return names
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do table.insert(list, name) end
  table.sort(list)
  return list
end

describe("the reference", function()
  local blocks = documented()

  it("has every function and method", function()
    for _, name in ipairs(sorted(existing())) do
      assert.is_truthy(blocks[name], name .. " is not documented")
    end
  end)

  it("has no function or method that does not exist", function()
    local names = existing()
    local address = sockeye.inet()
    for _, name in ipairs(sorted(blocks)) do
      local method = name:match "^Address:([%w_]+)$"
      assert.is_truthy(method and address[method] or names[name],
                       name .. " does not exist")
    end
  end)

  it("tells what each gives back", function()
    local silent = {
      -- They do not come back, or have nothing to say.
      _exit = true, execv = true, execve = true, execvp = true, kill = true,
      sleep = true, ["Socket:close"] = true,
    }
    for _, name in ipairs(sorted(blocks)) do
      local returns = blocks[name]:find "\n@t?return" ~= nil
      assert.are.equal(not silent[name], returns, name)
    end
  end)

  it("tells of each parameter what it is", function()
    local before = { tparam = "%S+%s+%S+", param = "%S+", string = "%S+",
                     int = "%S+", number = "%S+", tab = "%S+", bool = "%S+" }
    for _, name in ipairs(sorted(blocks)) do
      for tag, rest in blocks[name]:gmatch "\n@(%l+)%S* ([^\n]*)" do
        local words = before[tag] and rest:match("^" .. before[tag] .. "(.*)")
        assert.are_not.equal("", words, ("%s: @%s %s"):format(name, tag, rest))
      end
    end
  end)
end)
