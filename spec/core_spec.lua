local core = require "sockeye.core"

local process = require "spec.support.process"

describe("sockeye.core", function()
  it("is a table in which no search finds a function", function()
    assert.is_nil(next(core))
    assert.equal("sockeye.core", getmetatable(core).__name)
  end)

  it("is not named by errors where it is loaded alone", function()
    local result = process.lua_script [[
      local core = require "sockeye.core"
      print(pcall(core.bind or core.socket, "inet9"))
      print(pcall(function() core.socket("inet9") end))
      print(xpcall(core.socket, debug.traceback, "inet9"))
    ]]
    assert.equal("", result.stderr)
    assert.matches("unknown family 'inet9'", result.stdout)
    assert.not_matches("sockeye%.core", result.stdout)
  end)

  it("is the same for all who require it in one Lua state", function()
    local before = package.loaded["sockeye.core"]
    package.loaded["sockeye.core"] = nil
    assert.equal(before, require "sockeye.core")
  end)

  it("keeps what lives when the module is required anew", function()
    local result = process.lua_script [[
      local function forget()
        for name in pairs(package.loaded) do
          if name:find "^sockeye" then package.loaded[name] = nil end
        end
      end
      local old = require "sockeye"
      local a, b = old.socketpair()
      local stream = old.stream(a)
      local l <close> = old.listen "127.0.0.1:0"
      local c = old.socket("inet", "stream"):connect(l:getsockname())
      local s = l:accept()
      c:send("outstanding", "zerocopy")
      s:recv(100000)
      local task, new
      old.run(function()
        task = old.spawn(function() return stream:read "l" end)
        old.sleep(0.001)
        forget()
        new = require "sockeye"
        collectgarbage()
        collectgarbage()
        b:send "one\n"
        assert(task:join() == "one")
        assert(new.spawn(old.sleep, 0.001):join() == nil)
        new.group(function(g) g:spawn(old.sleep, 0.001) end)
      end)
      b:send "two\nthree\n"
      assert(stream:read "l" == "two")
      assert(new.stream(a) ~= stream and getmetatable(new.stream(a)) ==
             getmetatable(stream))
      c:send("more", "zerocopy")
      assert(s:recv(100000) == "more")
      assert(new.socketpair():send "x" == 1)
      assert(new.Error == old.Error)
      print(pcall(new.poll, { [a] = "r", [stream] = "w" }, 1))
      c:close()
      stream:close()
    ]]
    assert.equal("", result.stderr)
    assert.matches("^true\ttable", result.stdout)
  end)
end)
