-- Servers: their connections and their handlers.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local servers = require "spec.support.servers"

local echo, call, ask, keep_errors =
  servers.echo, servers.call, servers.ask, servers.keep_errors

for _, poller in ipairs { "epoll", "poll" } do
  local function with_server(...)
    return servers.with_server(poller, ...)
  end

  describe(("serve (%s)"):format(poller), function()
    descriptors.guard()

    it("hands each connection and its peer to the handler", function()
      local peers = {}
      local reason = with_server(function(stream, peer)
        peers[#peers + 1] = peer
        echo(stream)
      end, {}, function(address)
        local conn <close> = call(address)
        conn:write("hello")
        conn:flush()
        assert.equal("hello", conn:read(5))
        assert.equal(conn:getsockname(), peers[1])
      end)
      assert.equal("stop", reason)
      assert.equal(1, #peers)
    end)

    it("serves many at once", function()
      local count, most = 0, 0
      with_server(function(stream)
        count = count + 1
        most = math.max(most, count)
        echo(stream)
        count = count - 1
      end, {}, function(address)
        local conns = {}
        for i = 1, 100 do conns[i] = call(address) end
        for i = 100, 1, -1 do
          conns[i]:write("client ", i, "\n")
          conns[i]:flush()
        end
        for i, conn in ipairs(conns) do
          assert.equal("client " .. i, conn:read("l"))
        end
        assert.equal(100, most)
        for _, conn in ipairs(conns) do conn:close() end
      end)
    end)

    it("serves several endpoints and listening sockets", function()
      examples.with_folder(function(folder)
        sockeye.run({ poller = poller }, function()
          local l = sockeye.listen("127.0.0.1:0")
          local address = l:getsockname()
          local stop = sockeye.channel()
          local path = sockeye.unix(folder .. "/s")
          local abstract = sockeye.unix("\0sockeye-serve-" ..
                                        math.random(1 << 40))
          local task = sockeye.spawn(sockeye.serve,
            { l, path, tostring(abstract) }, echo,
            { stop = stop, signals = false })
          sockeye.yield()
          for _, each in ipairs { address, path, abstract } do
            assert.equal("hello", ask(each, "hello"))
          end
          stop:close()
          task:join()
        end)
      end)
    end)

    it("runs the loop itself where there is none", function()
      local l = sockeye.listen("127.0.0.1:0")
      local address = l:getsockname()
      local conn <close> = call(address)
      local reason = sockeye.serve(l, function(stream)
        stream:write("hello")
        sockeye.kill(sockeye.getpid(), "SIGTERM")
      end)
      assert.equal("SIGTERM", reason)
      assert.equal("hello", conn:read("a"))
    end)

    it("calls on_error with a handler's error, and goes on", function()
      local seen = {}
      local thrown = { "a table" }
      with_server(function(stream)
        local word = stream:read("l")
        if word == "string" then error("a string") end
        if word == "table" then error(thrown) end
        if word == "call" then sockeye.socket("inet", "stream"):accept() end
        stream:write("well")
      end, { on_error = keep_errors(seen) }, function(address)
        for i, word in ipairs { "string", "table", "call" } do
          local conn <close> = call(address)
          conn:write(word, "\n")
          conn:flush()
          assert.is_nil(conn:read(1))
          assert.equal(conn:getsockname(), seen[i].peer)
          assert.matches("serve/init_spec.lua", seen[i].traceback)
        end
        assert.matches("a string$", seen[1].err)
        assert.equal(thrown, seen[2].err)
        assert.equal("accept", seen[3].err.call)
        local conn <close> = call(address)
        conn:write("good\n")
        conn:flush()
        assert.equal("well", conn:read("a"))
      end)
      assert.equal(3, #seen)
    end)

    it("survives an on_error that fails itself", function()
      local result = process.lua_script([[
        local sockeye = require "sockeye"
        sockeye.run(function()
          local l = sockeye.listen("127.0.0.1:0")
          local address = l:getsockname()
          local stop = sockeye.channel()
          local task = sockeye.spawn(sockeye.serve, l, function()
            error("the handler")
          end, { stop = stop, on_error = function() error("the hook") end })
          for _ = 1, 2 do
            local conn <close> = sockeye.connect(address)
            conn:read(1)
          end
          stop:close()
          print(task:join())
        end)
      ]], { env = { SOCKEYE_POLLER = poller } })
      assert.equal("stop\n", result.stdout)
      assert.equal(2, select(2, result.stderr:gsub("the hook\nstack", "")))
    end)

    it("calls no on_error for a handler that was cancelled", function()
      local seen, closed = {}, 0
      with_server(function(stream)
        local _ <close> = setmetatable({}, { __close = function()
          closed = closed + 1
        end })
        for _, entry in ipairs(sockeye.tasks()) do
          if entry.status == "running" then entry.task:cancel() end
        end
        stream:read("l")
      end, { on_error = keep_errors(seen) }, function(address)
        local conn <close> = call(address)
        assert.is_nil(conn:read(1))
        assert.is_nil(call(address):read(1))
      end)
      assert.equal(2, closed)
      assert.equal(0, #seen)
    end)

    it("serves the others beside a handler that never waits", function()
      local turns = 0
      with_server(function(stream)
        if stream:read("l") == "busy" then
          for _ = 1, 1000 do
            stream:write("x")
            stream:flush()
            turns = turns + 1
          end
        else
          stream:write(turns, "\n")
        end
      end, {}, function(address)
        local busy <close> = call(address)
        local other <close> = call(address)
        busy:write("busy\n")
        busy:flush()
        other:write("other\n")
        other:flush()
        -- The busy one lets others run long before its end.
        assert.is_true(other:read("n") < 1000)
        assert.equal(1000, #busy:read("a"))
      end)
    end)

    it("closes the stream that a handler has kept", function()
      local kept = {}
      with_server(function(stream) kept[#kept + 1] = stream end, {},
                  function(address)
        local conn <close> = call(address)
        assert.is_nil(conn:read(1))
        errors.raised("EBADF", nil, kept[1].read, kept[1], 1)
      end)
    end)

    it("sends what a handler has written before it closes", function()
      with_server(function(stream)
        stream:setvbuf("full", 1 << 20)
        stream:write(("x"):rep(500000))
      end, {}, function(address)
        local conn <close> = call(address)
        assert.equal(500000, #conn:read("a"))
      end)
    end)

    it("ends the tasks that a handler has spawned with it", function()
      local ended, seen = 0, {}
      with_server(function(stream)
        local word = stream:read("l")
        sockeye.spawn(function()
          local _ <close> = setmetatable({}, { __close = function()
            ended = ended + 1
          end })
          if word == "fail" then error("the task") end
          sockeye.sleep(1000)
        end)
        if word == "fail" then sockeye.sleep(1000) end
        sockeye.yield()
      end, { on_error = keep_errors(seen) }, function(address)
        for _, word in ipairs { "fail", "end", "fail" } do
          local conn <close> = call(address)
          conn:write(word, "\n")
          conn:flush()
          assert.is_nil(conn:read(1))
        end
      end)
      assert.equal(3, ended)
      assert.equal(2, #seen)
      assert.matches("the task$", seen[1].err)
    end)
  end)
end

describe("serve", function()
  descriptors.guard()

  it("writes a handler's error to standard error, with its traceback",
     function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      sockeye.run(function()
        local l = sockeye.listen("127.0.0.1:0")
        local address = l:getsockname()
        local stop = sockeye.channel()
        local task = sockeye.spawn(sockeye.serve, l, function()
          local function deeper() error("too bad") end
          deeper()
        end, { stop = stop })
        local conn <close> = sockeye.connect(address)
        conn:read(1)
        stop:close()
        task:join()
      end)
    ]]
    assert.equal(0, result.status)
    assert.matches("^127.0.0.1:%d+: [^\n]*:7: too bad\nstack traceback:",
                   result.stderr)
    assert.matches("'deeper'", result.stderr)
  end)

  local rejected = {
    { "#1 to 'serve' %(endpoint expected", {}, echo },
    { "endpoint expected", "80", echo },
    { "#2 to 'serve' %(function expected, got nil", "127.0.0.1:0" },
    { "unknown option 'worker'; there are connections, grace,", "127.0.0.1:0",
      echo, { worker = 4 } },
    { "unknown option 'mode'", "127.0.0.1:0", echo, { mode = "fork" } },
    { "option 'connections': positive integer expected", "127.0.0.1:0", echo,
      { connections = 0 } },
    { "option 'grace': number of seconds", "127.0.0.1:0", echo,
      { grace = -1 } },
    { "option 'on_error': function expected", "127.0.0.1:0", echo,
      { on_error = true } },
    { "option 'stop': channel expected", "127.0.0.1:0", echo,
      { stop = true } },
    { "option 'signals': list or false", "127.0.0.1:0", echo,
      { signals = "SIGTERM" } },
    { "unknown option 'backlogs'", "127.0.0.1:0", echo,
      { listen = { backlogs = 1 } } },
  }

  for _, row in ipairs(rejected) do
    it(("rejects a wrong argument: %s"):format(row[1]), function()
      errors.rejected(row[1], sockeye.serve, row[2], row[3], row[4])
    end)
  end
end)
