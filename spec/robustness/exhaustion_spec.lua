local process = require "spec.support.process"

-- Each script runs in a process with room for few descriptors, and has these.
local prelude = [[
  local sockeye = require "sockeye"
  local is_musl = require "spec.support.libc".is_musl()

  local function raises(code, call, f, ...)
    local ok, err = pcall(f, ...)
    assert(not ok, "nothing was raised")
    assert(sockeye.is_error(err, code), tostring(err))
    assert(err.call == call, tostring(err))
    return err
  end

  -- Takes all descriptors that there are; with keep, so that they are held.
  local function take_all(keep)
    while true do
      local ok, s = pcall(sockeye.socket, "unix", "stream")
      if not ok then return assert(sockeye.is_error(s, "EMFILE"), s) end
      keep[#keep + 1] = s
    end
  end

  -- The descriptors are all taken, and nothing refers to most of them.
  local function leave_garbage()
    collectgarbage("stop")
    local keep = {}
    take_all(keep)
    return #keep
  end

  local listener = sockeye.socket("inet", "stream")
  listener:bind("127.0.0.1:0"):listen()
  local client = sockeye.socket("inet", "stream")
  client:connect(listener:getsockname())
]]

local function run(text)
  local result = process.lua_script(prelude .. text, {
    prefix = { "sh", "-c", 'ulimit -n 40 && exec "$@"', "sh" },
  })
  assert.equal("", result.stderr)
  assert.equal(0, result.status)
end

-- The call, and what it opens one or two of.
local calls = {
  socket = [[sockeye.socket, "inet", "stream"]],
  socketpair = [[sockeye.socketpair]],
  accept = [[listener.accept, listener]],
  pipe = [[sockeye.pipe]],
}

describe("a process without a descriptor left", function()
  for name, call in pairs(calls) do
    it("collects garbage and continues: " .. name, function()
      run(([[
        assert(leave_garbage() > 20)
        local a, b = (function(f, ...) return f(...) end)(%s)
        assert(a:fd() > 2 and b)
      ]]):format(call):gsub("and b", name == "socket" and "" or "and b"))
    end)

    it("raises EMFILE if nothing is garbage: " .. name, function()
      run(([[
        local keep = {}
        take_all(keep)
        local err = raises("EMFILE", "%s", %s)
        assert(err.errno == 24)
        -- Nothing was taken by the failure, and nothing lost.
        keep[1]:close()
        keep[2]:close()
        local a = (function(f, ...) return f(...) end)(%s)
        assert(a:fd() > 2)
      ]]):format(name, call, call))
    end)
  end

  it("makes thousands of sockets that nobody closes", function()
    run [[
      collectgarbage("stop")
      for _ = 1, 5000 do sockeye.socket("inet", "stream") end
      for _ = 1, 5000 do sockeye.socketpair() end
      for _ = 1, 5000 do sockeye.pipe() end
    ]]
  end)

  it("collects Lua files, too", function()
    run [[
      collectgarbage("stop")
      while io.open("/dev/null") do end
      assert(sockeye.socket("inet", "stream"))
    ]]
  end)

  it("collects in generational mode", function()
    run [[
      collectgarbage("generational")
      assert(leave_garbage() > 20)
      assert(sockeye.socket("inet", "stream"))
    ]]
  end)

  it("leaves the connection in the queue when accept fails", function()
    run [[
      local keep = {}
      take_all(keep)
      for _ = 1, 3 do
        raises("EMFILE", "accept", listener.accept, listener)
      end
      listener:settimeout(5)
      raises("EMFILE", "accept", listener.accept, listener)
      keep[1]:close()
      local a, peer = listener:accept()
      assert(peer == client:getsockname())
    ]]
  end)

  it("collects garbage for a loop's own descriptor", function()
    run [[
      for _ = 1, 3 do
        assert(leave_garbage() > 20)
        assert(sockeye.run(function()
          sockeye.sleep(0)
          return "done"
        end) == "done")
      end
    ]]
  end)

  it("needs two for a pair, and takes none when there is one", function()
    run [[
      local keep = {}
      take_all(keep)
      table.remove(keep):close()
      raises("EMFILE", "socketpair", sockeye.socketpair)
      raises("EMFILE", "pipe", sockeye.pipe)
      assert(sockeye.socket("inet", "stream"))
    ]]
  end)

  it("collects garbage for calls that look things up", function()
    run [[
      local lookups = {
        sockeye.interfaces, sockeye.if_nameindex,
        function() return sockeye.if_nametoindex("lo") end,
        function() return sockeye.if_indextoname(1) end,
        function() return sockeye.inet6("fe80::1%lo") end,
      }
      for _, look_up in ipairs(lookups) do
        assert(leave_garbage() > 20)
        assert(look_up())
      end
    ]]
  end)

  it("gets EMFILE from calls that look things up", function()
    run [[
      local keep = {}
      take_all(keep)
      raises("EMFILE", "getifaddrs", sockeye.interfaces)
      raises("EMFILE", "if_nametoindex", sockeye.if_nametoindex, "lo")
      raises("EMFILE", "if_indextoname", sockeye.if_indextoname, 1)
      -- musl reports any failure of if_nameindex as ENOBUFS.
      raises(is_musl and "ENOBUFS" or "EMFILE", "if_nameindex",
             sockeye.if_nameindex)
      raises("EMFILE", "if_nametoindex", sockeye.inet6, "fe80::1%lo")
      raises("EMFILE", "if_nametoindex", sockeye.address, "[fe80::1%lo]:1")
      assert(tostring(sockeye.inet6("fe80::1%1")) == "[fe80::1%1]:0")
      table.remove(keep):close()
      assert(tostring(sockeye.inet6("fe80::1%1")) == "[fe80::1%lo]:0")
      assert(sockeye.if_nametoindex("lo") == 1)
      assert(sockeye.interfaces())
    ]]
  end)

  it("neither removes nor makes a path that it cannot lock", function()
    run [[
      local path = os.tmpname()
      os.remove(path)
      local keep = {}
      take_all(keep)
      local function listen(code, call)
        table.remove(keep):close() -- which the socket takes
        raises(code, call, sockeye.listen, "unix:" .. path)
        take_all(keep)
      end
      listen("EMFILE", "open")
      raises("ENOENT", "connect", listener.connect,
             table.remove(keep), "unix:" .. path)
      keep = {}
      sockeye.listen("unix:" .. path):close()
      take_all(keep)
      listen("EMFILE", "open")
      raises("ECONNREFUSED", "connect", listener.connect,
             table.remove(keep), "unix:" .. path)
      keep = {}
      collectgarbage("stop")
      leave_garbage()
      assert(sockeye.listen("unix:" .. path))
      os.remove(path)
    ]]
  end)

  it("can still poll, print and close", function()
    run [[
      local keep = {}
      take_all(keep)
      local wanted = {}
      for _, s in ipairs(keep) do wanted[s] = "w" end
      assert(next(sockeye.poll(wanted, 0)))
      assert(tostring(listener):find("127.0.0.1"))
      for _, s in ipairs(keep) do s:close() end
      assert(sockeye.socket("inet", "stream"))
    ]]
  end)

  -- By its name, and by an address, from which its index is looked up.
  local interfaces = {
    ["if_nametoindex"] = [["IP_MULTICAST_IF", "lo"]],
    ["getifaddrs"] = [["MCAST_JOIN_GROUP",
                       { group = "239.1.2.3", interface = "127.0.0.1" }]],
  }

  for call, option in pairs(interfaces) do
    it("collects garbage to find an option's interface: " .. call, function()
      run(([[
        local s = sockeye.socket("inet", "dgram")
        assert(leave_garbage() > 20)
        s:setsockopt(%s)
      ]]):format(option))
    end)

    it("raises EMFILE rather than reporting an unknown interface: " .. call,
       function()
      run(([[
        local s = sockeye.socket("inet", "dgram")
        local keep = {}
        take_all(keep)
        raises("EMFILE", "%s", s.setsockopt, s, %s)
      ]]):format(call, option))
    end)
  end
end)
