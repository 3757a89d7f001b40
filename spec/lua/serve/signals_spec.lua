-- Signals that end servers.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local servers = require "spec.support.servers"

local echo, call =
  servers.echo, servers.call

-- Connects to the server that has printed its address, and sends it the first
-- signal, which has come when nobody listens any more. Returns the connection.
local function drain(server, signal)
  local address = sockeye.address((server:line()))
  local conn = call(address)
  server:line("accepted")
  server:signal(signal or "INT")
  assert.is_true(examples.eventually(function()
    return not pcall(function()
      local late <close> = sockeye.connect(address)
      return late
    end)
  end))
  return conn
end

for _, poller in ipairs { "epoll", "poll" } do
  describe(("a server and its signals (%s)"):format(poller), function()
    descriptors.guard()

    it("ends at either signal, quietly, and puts their handlers back",
       function()
      for _, name in ipairs { "TERM", "INT" } do
        local server <close> = process.start_lua([[
          local sockeye = require "sockeye"
          local function before() end
          sockeye.signal("SIGTERM", before)
          local l = sockeye.listen("127.0.0.1:0")
          io.stdout:setvbuf("line")
          print(l:getsockname())
          print(sockeye.serve(l, function(stream)
            print("accepted")
            print(pcall(stream.read, stream, "l"))
            stream:write("bye")
          end))
          print(sockeye.signal("SIGTERM", "default") == before)
        ]], { env = { SOCKEYE_POLLER = poller } })
        local conn <close> = drain(server, name)
        conn:write("still served\n")
        assert.equal("bye", conn:read("a"))
        local result = server:wait()
        assert.equal(("true\tstill served\nSIG%s\ntrue\n"):format(name),
                     (result.stdout:gsub("accepted\n", "")
                                   :gsub("true\tnil\n", "")))
        assert.equal("", result.stderr)
        assert.equal(0, result.status)
      end
    end)

    it("cancels at once at the second signal", function()
      local server <close> = process.start_lua([[
        local sockeye = require "sockeye"
        local l = sockeye.listen("127.0.0.1:0")
        io.stdout:setvbuf("line")
        print(l:getsockname())
        print(sockeye.serve(l, function(stream)
          print("accepted")
          local ok, err = pcall(stream.read, stream, "l")
          print(err.code)
        end, { grace = 1000 }))
      ]], { env = { SOCKEYE_POLLER = poller } })
      local conn <close> = drain(server)
      server:signal("INT")
      local result = server:wait()
      assert.equal("ECANCELED\nSIGINT\n",
                   (result.stdout:gsub("accepted\n", "")))
      assert.equal(0, result.status)
      assert.truthy(conn)
    end)

    it("kills at the third signal what goes on all the same", function()
      local server <close> = process.start_lua([[
        local sockeye = require "sockeye"
        local l = sockeye.listen("127.0.0.1:0")
        io.stdout:setvbuf("line")
        print(l:getsockname())
        print(sockeye.serve(l, function(stream)
          local _ <close> = setmetatable({}, { __close = function()
            print("closed")
          end })
          print("accepted")
          local ok, err = pcall(stream.read, stream, "l")
          print(err.code)
          while true do pcall(stream.read, stream, "l") end
        end, { grace = 1000 }))
      ]], { env = { SOCKEYE_POLLER = poller } })
      local conn <close> = drain(server)
      server:signal("INT")
      server:line("ECANCELED")
      server:signal("INT")
      local result = server:wait()
      assert.equal("closed\nSIGINT\n",
                   (result.stdout:gsub("accepted\n", "")))
      assert.matches("kill: Operation canceled", result.stderr)
      assert.equal(0, result.status)
      assert.truthy(conn)
    end)

    it("leaves a signal to the child that a handler has forked", function()
      local server <close> = process.start_lua([[
        local sockeye = require "sockeye"
        local l = sockeye.listen("127.0.0.1:0")
        io.stdout:setvbuf("line")
        print(l:getsockname())
        print(sockeye.serve(l, function(stream)
          local r, w = sockeye.pipe()
          local pid = sockeye.fork()
          if pid == 0 then
            w:write("x")
            sockeye.sleep(1000)
            sockeye._exit(0)
          end
          r:read(1)
          sockeye.kill(pid, "SIGTERM")
          local _, how, number = sockeye.waitpid(pid)
          stream:write(how, " ", number, "\n")
        end))
      ]], { env = { SOCKEYE_POLLER = poller } })
      local address = sockeye.address((server:line()))
      local conn <close> = call(address)
      assert.equal("signal 15", conn:read("l"))
      server:signal("TERM")
      assert.equal("SIGTERM\n", server:wait().stdout)
    end)
  end)
end

describe("a signal", function()
  descriptors.guard()

  it("ends two servers at once", function()
    sockeye.run(function()
      local a = sockeye.spawn(sockeye.serve, "127.0.0.1:0", echo)
      local b = sockeye.spawn(sockeye.serve, "127.0.0.1:0", echo)
      sockeye.yield()
      sockeye.kill(sockeye.getpid(), "SIGTERM")
      assert.equal("SIGTERM", a:join())
      assert.equal("SIGTERM", b:join())
    end)
  end)

  it("is heard by its handler and by a server, whichever ends first", function()
    local heard = {}
    local function handler(name) heard[#heard + 1] = name end
    local before = sockeye.signal("TERM", handler)
    sockeye.run(function()
      local server = sockeye.spawn(sockeye.serve, "127.0.0.1:0", echo)
      local each, _, _, closing = sockeye.signals "TERM"
      local _ <close> = closing
      sockeye.yield()
      sockeye.kill(sockeye.getpid(), "TERM")
      assert.equal("SIGTERM", server:join())
      assert.equal("SIGTERM", each())
      sockeye.kill(sockeye.getpid(), "TERM")
      assert.equal("SIGTERM", each())
    end)
    assert.same({ "SIGTERM", "SIGTERM" }, heard)
    assert.equal(handler, sockeye.signal("TERM", before))
  end)

  it("that is named twice stops a server once", function()
    local ended
    sockeye.run(function()
      local r, w = sockeye.pipe()
      local l = sockeye.listen "127.0.0.1:0"
      local address = l:getsockname()
      local server = sockeye.spawn(sockeye.serve, l, function()
        w:write "x"
        sockeye.sleep(0.005)
        ended = true
      end, { signals = { "TERM", "SIGTERM" } })
      local conn <close> = sockeye.connect(address)
      r:read(1)
      sockeye.kill(sockeye.getpid(), "TERM")
      assert.equal("SIGTERM", server:join())
      assert.is_true(ended)
      r:close()
      w:close()
      assert.truthy(conn)
    end)
  end)
end)

-- Serves in a second Lua state while the first handles signals.
local second <const> = [[
  local sockeye = require "sockeye"
  local threads = require "spec.support.threads"
  sockeye.signal("USR1", function() end)
  local problem = threads.start([=[
    local sockeye = require "sockeye"
    sockeye.run(function()
      local stop = sockeye.channel()
      sockeye.spawn(function() stop:close() end)
      print(sockeye.serve("127.0.0.1:0", print, { stop = stop, %s }))
      print(pcall(sockeye.signals, "TERM"))
    end)
  ]=])()
  print(problem)
]]

describe("a server in a second Lua state", function()
  it("does without signals, and says so in a line", function()
    local result = process.lua_script(second:format "")
    assert.matches("^stop\nfalse\t.*another Lua state.*\nnil\n$",
                   result.stdout)
    assert.equal("serve: another Lua state handles the signals of this " ..
                 "process: this server does without them\n", result.stderr)
  end)

  it("says nothing where it wants none", function()
    local result = process.lua_script(second:format "signals = false")
    assert.matches("^stop\n", result.stdout)
    assert.equal("", result.stderr)
  end)
end)
