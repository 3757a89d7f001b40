-- The files of lua/sockeye: what each of them keeps to.

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local sources = {}
do
  local pipe <close> = assert(io.popen("find lua/sockeye -name '*.lua'"))
  for path in pipe:lines() do sources[path] = read(path) end
end

-- The places where a rule is broken: check(report, path, text) calls report.
local function breaches(check)
  local list = {}
  for path, text in pairs(sources) do
    check(function(what) list[#list + 1] = path .. ": " .. what end, path, text)
  end
  table.sort(list)
  return list
end

-- The fields of each table, without those of the tables inside it.
local function each_table(text)
  return coroutine.wrap(function()
    for fields in text:gmatch "%b{}" do
      coroutine.yield((fields:sub(2, -2):gsub("%b{}", "")))
    end
  end)
end

describe("the files of lua/sockeye", function()
  it("are found", function()
    assert.is_string(sources["lua/sockeye/init.lua"])
    assert.is_string(sources["lua/sockeye/serve/signals.lua"])
  end)

  it("have a spec of their name each", function()
    assert.same({}, breaches(function(report, path)
      local spec = path:gsub("^lua/sockeye", "spec/lua")
                       :gsub("%.lua$", "_spec.lua")
      local file <close> = io.open(spec)
      if not file then report("no " .. spec) end
    end))
  end)

  it("have at most 400 lines of 80 columns", function()
    assert.same({}, breaches(function(report, _, text)
      local count = 0
      for line in text:gmatch "([^\n]*)\n" do
        count = count + 1
        if utf8.len(line) > 80 then report(line) end
      end
      if count > 400 then report(count .. " lines") end
    end))
  end)

  it("leave argument errors to arguments.lua", function()
    local raisers = {}
    for path, text in pairs(sources) do
      if text:find "bad argument" or text:find "misuse" or
         text:find "error%([^()]*, [23]%)" then
        raisers[#raisers + 1] = path
      end
    end
    assert.same({ "lua/sockeye/arguments.lua" }, raisers)
  end)

  it("name the type of each metatable", function()
    assert.same({}, breaches(function(report, _, text)
      for fields in each_table(text) do
        if fields:find "__index = " or fields:find "__close = " then
          if not fields:find "__name = " then report(fields) end
        end
      end
      local function check(name)
        local named = text:find(name .. ' <const> = class.new%(?%s?"sockeye%.')
        if not named then report(name) end
      end
      for name in text:gmatch "(%w+)%.__%w+ = " do check(name) end
      for name in text:gmatch "function (%w+):__%w+%(" do check(name) end
    end))
  end)
end)
