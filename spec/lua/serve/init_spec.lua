local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local trace = require "spec.support.trace"

local limit <const> = 20 -- seconds, for what ought to come

local function echo(stream)
  for data in function() return stream:read_some() end do
    stream:write(data)
  end
end

local function call(address)
  local conn = sockeye.connect(address, { timeout = limit })
  conn:settimeout(limit)
  return conn
end

-- What comes back for `text`.
local function ask(address, text)
  local conn <close> = call(address)
  conn:write(text)
  conn:flush()
  return conn:read(#text)
end

local function keep_errors(list)
  return function(err, peer, traceback)
    list[#list + 1] = { err = err, peer = peer, traceback = traceback }
  end
end

for _, poller in ipairs { "epoll", "poll" } do
  -- Runs f(address, task, stop) beside a server on the loopback that is ended
  -- when f has returned. Returns what serve does.
  local function with_server(handler, options, f)
    return sockeye.run({ poller = poller }, function()
      local l <close> = sockeye.listen("127.0.0.1:0")
      local address = l:getsockname()
      options.stop = sockeye.channel(1)
      options.signals = options.signals or false
      local task = sockeye.spawn(sockeye.serve, l, handler, options)
      f(address, task, options.stop)
      options.stop:close()
      return task:join()
    end)
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
        assert.equal(conn.socket:getsockname(), peers[1])
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

    -- ---- handlers that fail ----

    it("tells the hook of a handler's error, and goes on", function()
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
          assert.equal(conn.socket:getsockname(), seen[i].peer)
          assert.matches("serve_spec.lua", seen[i].traceback)
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

    it("survives a hook that fails itself", function()
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

    it("is not told of a handler that was cancelled", function()
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
        -- The busy one is told to let others run long before its end.
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

    -- ---- limits ----

    it("lets those wait for which there is no room", function()
      local count, most = 0, 0
      sockeye.run({ poller = poller }, function()
        local listeners = { sockeye.listen("127.0.0.1:0"),
                            sockeye.listen("127.0.0.1:0") }
        local addresses = {}
        for i, l in ipairs(listeners) do addresses[i] = l:getsockname() end
        local stop = sockeye.channel()
        local task = sockeye.spawn(sockeye.serve, listeners, function(stream)
          count = count + 1
          most = math.max(most, count)
          echo(stream)
          count = count - 1
        end, { stop = stop, signals = false, connections = 2 })
        sockeye.group(function(g)
          for i = 1, 20 do
            g:spawn(function()
              local conn <close> = call(addresses[i % 2 + 1])
              conn:write("hello")
              conn:flush()
              assert.equal("hello", conn:read(5))
              sockeye.yield()
            end)
          end
        end)
        stop:close()
        task:join()
      end)
      assert.equal(2, most)
      assert.equal(0, count)
    end)

    it("ends a connection whose peer is silent for too long", function()
      local seen = {}
      with_server(echo, { idle_timeout = 0.01, on_error = keep_errors(seen) },
                  function(address)
        local conn <close> = call(address)
        assert.is_nil(conn:read(1))
      end)
      assert.equal(1, #seen)
      assert.equal("ETIMEDOUT", seen[1].err.code)
      assert.is_true(seen[1].err.timeout)
    end)

    it("ends a handler that takes too long", function()
      local seen = {}
      with_server(function() sockeye.sleep(1000) end,
                  { handler_timeout = 0.01, on_error = keep_errors(seen) },
                  function(address)
        local conn <close> = call(address)
        assert.is_nil(conn:read(1))
      end)
      assert.equal("ETIMEDOUT", seen[1].err.code)
      assert.is_true(seen[1].err.timeout)
    end)

    it("has nothing to say of what its limits end", function()
      local result = process.lua_script([[
        local sockeye = require "sockeye"
        sockeye.run(function()
          local l = sockeye.listen("127.0.0.1:0")
          local address = l:getsockname()
          local stop = sockeye.channel()
          local task = sockeye.spawn(sockeye.serve, l, function(stream)
            stream:read(1)
          end, { stop = stop, idle_timeout = 0.01 })
          local conn <close> = sockeye.connect(address)
          print(conn:read(1))
          stop:close()
          task:join()
        end)
      ]], { env = { SOCKEYE_POLLER = poller } })
      assert.equal("nil\n", result.stdout)
      assert.equal("", result.stderr)
    end)

    -- ---- the end ----

    it("lets handlers end in their grace, and accepts no more", function()
      local ended = false
      with_server(function(stream)
        stream:read("l")
        stream:write("bye")
        ended = true
      end, { grace = limit }, function(address, task, stop)
        local conn <close> = call(address)
        sockeye.sleep(0) -- it is accepted now
        sockeye.yield()
        stop:put("now")
        repeat
          local ok, err = pcall(function()
            local late <close> = call(address)
            return late
          end)
          sockeye.yield()
        until not ok and sockeye.is_error(err, "ECONNREFUSED")
        assert.equal("waiting", task:status())
        conn:write("\n")
        conn:flush()
        assert.equal("bye", conn:read("a"))
        assert.equal("stop", task:join())
      end)
      assert.is_true(ended)
    end)

    it("cancels handlers whose grace is over", function()
      local outcome
      with_server(function(stream)
        local ok, err = pcall(stream.read, stream, "l")
        outcome = not ok and err.code
        error(err, 0)
      end, { grace = 0.01 }, function(address, task, stop)
        local conn <close> = call(address)
        conn:write("no line")
        conn:flush()
        sockeye.sleep(0.001)
        stop:close()
        assert.equal("stop", task:join())
        -- What is unread resets the connection.
        pcall(conn.read, conn, 1)
      end)
      assert.equal("ECANCELED", outcome)
    end)

    it("closes a connection whatever it was doing at the end", function()
      for turns = 0, 9 do
        sockeye.run({ poller = poller }, function()
          local l = sockeye.listen("127.0.0.1:0")
          local address = l:getsockname()
          local stop = sockeye.channel()
          local task = sockeye.spawn(sockeye.serve, l, echo,
                                     { stop = stop, signals = false,
                                       grace = 0 })
          sockeye.yield()
          collectgarbage("stop")
          local conn <close> = call(address)
          for _ = 1, turns do sockeye.yield() end
          task:cancel()
          pcall(task.join, task)
          local ok, result = pcall(conn.read, conn, 1)
          collectgarbage("restart")
          assert.is_true(ok and result == nil or
                         sockeye.is_error(result, "ECONNRESET"))
        end)
      end
    end)

    it("ends when its task is cancelled", function()
      local outcome
      sockeye.run({ poller = poller }, function()
        local l = sockeye.listen("127.0.0.1:0")
        local address = l:getsockname()
        local task = sockeye.spawn(sockeye.serve, l, function(stream)
          outcome = stream:read("l")
        end, { signals = false, grace = limit })
        local conn <close> = call(address)
        sockeye.sleep(0)
        task:cancel()
        sockeye.sleep(0)
        conn:write("in time\n")
        conn:flush()
        errors.raised("ECANCELED", "serve", task.join, task)
      end)
      assert.equal("in time", outcome)
    end)

    it("ends at a deadline around it", function()
      sockeye.run({ poller = poller }, function()
        local l = sockeye.listen("127.0.0.1:0")
        local conn <close> = call(l:getsockname())
        local err = errors.raised("ETIMEDOUT", nil, sockeye.timeout, 0.01,
                                  sockeye.serve, l, echo, { signals = false })
        assert.is_true(err.timeout)
        assert.is_nil(conn:read(1))
      end)
    end)

    it("fails where it can accept no more", function()
      sockeye.run({ poller = poller }, function()
        local l <close> = sockeye.listen("127.0.0.1:0")
        local task = sockeye.spawn(sockeye.serve, l, echo, { signals = false })
        sockeye.yield()
        l:shutdown("rd")
        errors.raised("EINVAL", "accept", task.join, task)
      end)
    end)

    it("removes the files of its Unix sockets, unless another has taken " ..
       "their place", function()
      examples.with_folder(function(folder)
        local endpoint = "unix:" .. folder .. "/s"
        for _, replaced in ipairs { false, true } do
          sockeye.run({ poller = poller }, function()
            local stop = sockeye.channel()
            local task = sockeye.spawn(sockeye.serve, endpoint, echo,
                                       { stop = stop, signals = false,
                                         listen = { mode = "0600" } })
            sockeye.yield()
            assert.equal("hello", ask(endpoint, "hello"))
            local successor
            if replaced then
              os.remove(folder .. "/s")
              successor = sockeye.listen(endpoint)
            end
            stop:close()
            task:join()
            local result = process.run { "ls", folder }
            assert.equal(replaced and "s\n" or "", result.stdout)
            if successor then successor:close() end
          end)
        end
      end)
    end)

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
        local address = sockeye.address((server:line()))
        local conn <close> = call(address)
        server:line("accepted")
        server:signal(name)
        -- The signal has come when nobody listens any more.
        assert.is_true(examples.eventually(function()
          return not pcall(function()
            local late <close> = sockeye.connect(address)
            return late
          end)
        end))
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
      local address = sockeye.address((server:line()))
      local conn <close> = call(address)
      server:line("accepted")
      server:signal("INT")
      assert.is_true(examples.eventually(function()
        return not pcall(function()
          local late <close> = sockeye.connect(address)
          return late
        end)
      end))
      server:signal("INT")
      local result = server:wait()
      assert.equal("ECANCELED\nSIGINT\n",
                   (result.stdout:gsub("accepted\n", "")))
      assert.equal(0, result.status)
      assert.truthy(conn)
    end)

    it("lets the clients wait when descriptors have run out, and does not " ..
       "spin", function()
      local server <close> = process.start({ "sh", "-c", [[
        ulimit -n 16; exec "$@" 2>&1]], "sh", process.lua, "-e", [[
        local sockeye = require "sockeye"
        local l = sockeye.listen("127.0.0.1:0")
        io.stdout:setvbuf("line")
        print(l:getsockname())
        local reports = 0
        print(sockeye.serve(l, function(stream)
          for line in stream:lines() do
            if line == "how" then
              stream:write(reports, " ", os.clock(), "\n")
            else
              stream:write(line, "\n")
            end
          end
        end, { on_error = function(err)
          reports = reports + 1
          print(err.code, err.call)
        end }))
      ]] }, { env = { SOCKEYE_POLLER = poller } })
      local address = sockeye.address((server:line()))
      local conns = {}
      for i = 1, 30 do
        conns[i] = call(address)
        conns[i]:write("hello\n")
        conns[i]:flush()
      end
      server:line("^EMFILE\taccept$")
      assert.equal("hello", conns[1]:read("l"))
      conns[1]:write("how\n")
      local reports, before = conns[1]:read("n", "n")
      assert.equal(1, reports)
      sockeye.sleep(0.5)
      conns[1]:write("how\n")
      local _, after = conns[1]:read("n", "n")
      assert.is_true(after - before < 0.25, "it spins")
      for i, conn in ipairs(conns) do
        if i > 1 then assert.equal("hello", conn:read("l")) end
        conn:close()
      end
      server:signal("TERM")
      assert.matches("SIGTERM\n$", server:wait().stdout)
    end)

    it("outlives connections that end before they are accepted #ptrace",
       function()
      local available, reason = trace.available()
      if not available then return pending(reason) end
      for _, code in ipairs { "ECONNABORTED", "EPROTO", "ENOBUFS", "ENOMEM",
                              "ENFILE" } do
        local result = process.lua_script([[
          local sockeye = require "sockeye"
          sockeye.run(function()
            local l = sockeye.listen("127.0.0.1:0")
            local address = l:getsockname()
            local stop = sockeye.channel()
            local reported = "nothing"
            local task = sockeye.spawn(sockeye.serve, l, function(stream)
              stream:write("hello")
            end, { stop = stop, signals = false, on_error = function(err)
              reported = err.code
            end })
            local conn <close> = sockeye.connect(address)
            print(conn:read("a"), reported)
            stop:close()
            task:join()
          end)
        ]], { env = { SOCKEYE_POLLER = poller }, is_lua = true,
              prefix = { "strace", "-f", "-qq", "-o", "/dev/null",
                         "-e", "trace=accept4", "-e",
                         ("inject=accept4:error=%s:when=1..3"):format(code) } })
        local passing = code == "ECONNABORTED" or code == "EPROTO"
        assert.equal(("hello\t%s\n"):format(passing and "nothing" or code),
                     result.stdout, result.stderr)
      end
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

describe("serve", function()
  descriptors.guard()

  it("ends two servers by one signal", function()
    sockeye.run(function()
      local a = sockeye.spawn(sockeye.serve, "127.0.0.1:0", echo)
      local b = sockeye.spawn(sockeye.serve, "127.0.0.1:0", echo)
      sockeye.yield()
      sockeye.kill(sockeye.getpid(), "SIGTERM")
      assert.equal("SIGTERM", a:join())
      assert.equal("SIGTERM", b:join())
    end)
  end)

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

  it("closes what it has opened where one endpoint cannot be had", function()
    local taken <close> = sockeye.listen("127.0.0.1:0")
    errors.raised("EADDRINUSE", nil, sockeye.serve,
                  { "127.0.0.1:0", taken:getsockname() }, echo)
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
    it(("takes no wrong arguments: %s"):format(row[1]), function()
      errors.rejected(row[1], sockeye.serve, row[2], row[3], row[4])
    end)
  end
end)
