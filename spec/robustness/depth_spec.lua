-- Calls inside calls: Lua code that a call runs (here, a metamethod of its
-- argument) makes the same call, and so on. Lua ends that after some 200 levels
-- of C, which have to fit into the C stack.

local process = require "spec.support.process"

-- Each has a socket s, and a function deeper(), which goes on.
local calls = {
  sendmsg = [[s:sendmsg(table_with { iov = "x" })]],
  ["sendmany of one"] = [[
    s:sendmany({ table_with { iov = "x" } }, "127.0.0.1:9")]],
  ["sendmany of a thousand"] = [[
    local list = {}
    for i = 1, 1024 do list[i] = table_with { iov = "x" } end
    s:sendmany(list, "127.0.0.1:9")]],
  setsockopt = [[s:setsockopt("IP_ADD_MEMBERSHIP", table_with {})]],
  inet6 = [[sockeye.inet6("::1", 0, table_with {})]],
  packet = [[sockeye.packet("lo", 0, table_with {})]],
  resolve = [[sockeye.resolve("::1", 0, { [text_of {}] = "x" })]],
  tostring = [[
    err.subject = text_of {}
    tostring(err)]],
  ["a handler of a signal"] = [[
    sockeye.signal("USR1", deeper)
    sockeye.kill(sockeye.getpid(), "USR1")]],
}

local script = [[
  local sockeye = require "sockeye"
  local s = sockeye.socket("inet", "dgram")
  local _, err = pcall(sockeye.adopt, 1 << 20)
  local depth = 0
  local deeper

  local function table_with(t)
    return setmetatable(t, { __index = function() deeper() end })
  end

  local function text_of(t)
    return setmetatable(t, { __tostring = function()
      deeper()
      return "x"
    end })
  end

  local function call()
    %s
  end

  -- Without a pcall at each level, which would take some of the depth.
  function deeper()
    depth = depth + 1
    if depth < 1000 then call() end
  end

  pcall(call)
  print(depth > 20, s:fd() > 0, text_of, table_with, err)
]]

describe("a call inside itself, as deep as Lua goes, is survived:", function()
  for name, call in pairs(calls) do
    it(name, function()
      local result = process.lua_script(script:format(call), {
        prefix = { "sh", "-c", 'ulimit -s 8192; exec "$@"', "sh" },
      })
      assert.matches("^true\ttrue", result.stdout, nil, nil, result.stderr)
      assert.is_nil(result.signal)
    end)
  end
end)
