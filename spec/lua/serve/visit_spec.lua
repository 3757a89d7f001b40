-- What is done at the end of a connection, in its order.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local servers = require "spec.support.servers"

local allocator <const> = assert(package.loadlib("./build/spec/allocator.so",
                                                 "luaopen_allocator"))()

describe("the end of a connection", function()
  descriptors.guard()

  it("comes after the end of the tasks that its handler has spawned", function()
    local log = {}
    servers.with_server(nil, function(stream)
      sockeye.spawn(function()
        pcall(sockeye.sleep, 100)
        log[#log + 1] = "task"
        sockeye.shield(1, stream.write, stream, "bye")
      end)
      sockeye.yield()
    end, {}, function(address)
      local conn <close> = servers.call(address)
      assert.equal("bye", conn:read(100))
      log[#log + 1] = "client"
    end)
    assert.same({ "task", "client" }, log)
  end)

  it("comes before the report of an error", function()
    local seen
    servers.with_server(nil, function() error("on purpose", 0) end, {
      connections = 1,
      on_error = function(err)
        seen = seen or err
        sockeye.sleep(0.05)
      end,
    }, function(address)
      for _ = 1, 3 do
        local conn <close> = servers.call(address)
        assert.is_nil(conn:read(1))
        assert.is_true(seen == nil or seen == "on purpose")
      end
    end)
    assert.equal("on purpose", seen)
  end)

  it("reports an error of the stream that it closes", function()
    local seen = {}
    servers.with_server(nil, function(stream)
      stream:write(("x"):rep(100))
      stream:socket():close()
    end, { on_error = servers.keep_errors(seen) }, function(address)
      local conn <close> = servers.call(address)
      assert.is_nil(conn:read(1))
    end)
    assert.is_true(#seen <= 1)
    for _, what in ipairs(seen) do
      assert.is_true(sockeye.is_error(what.err))
    end
  end)

  -- Each handler but the last leaves no memory for the next requests, of which
  -- Lua makes each twice. The collector would free the place of a visit, too.
  for title, options in pairs {
    ["with limits"] = { handler_timeout = servers.limit }, ["without"] = {},
  } do
    it("frees its place at once, too, without memory: " .. title, function()
      local most <const> = 25
      local served = 0
      collectgarbage "stop"
      local _ <close> = setmetatable({}, {
        __close = function() collectgarbage "restart" end,
      })
      options.connections = 1
      options.on_error = function() end
      servers.with_server(nil, function(stream)
        served = served + 1
        if served > most then return servers.echo(stream) end
        allocator.refuse(2 * served)
        error("on purpose", 0)
      end, options, function(address)
        for _ = 1, most do
          local conn <close> = servers.call(address)
          local ok, answer = pcall(conn.read, conn, 1)
          allocator.refuse(0)
          assert.is_true(not ok and answer == "not enough memory" or
                         answer == nil, tostring(answer))
        end
        assert.equal("hello", servers.ask(address, "hello"))
      end)
      assert.equal(most + 1, served)
    end)
  end
end)
