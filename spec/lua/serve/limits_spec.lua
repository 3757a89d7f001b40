-- The limits of a server: its own, and those of the system.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"
local servers = require "spec.support.servers"
local trace = require "spec.support.trace"

local echo, call, keep_errors =
  servers.echo, servers.call, servers.keep_errors

for _, poller in ipairs { "epoll", "poll" } do
  local function with_server(...)
    return servers.with_server(poller, ...)
  end

  describe(("a server and its limits (%s)"):format(poller), function()
    descriptors.guard()

    it("lets connections beyond the limit wait", function()
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

    it("prints nothing about what its limits end", function()
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

    it("takes errors of a firewall for passing only where the listener is a " ..
       "stream's #ptrace", function()
      local available, reason = trace.available()
      if not available then return pending(reason) end
      for _, code in ipairs { "EPERM", "EOPNOTSUPP" } do
        for type, wanted in pairs { stream = "stop", seqpacket = code } do
          local result = process.lua_script(([[
            local sockeye = require "sockeye"
            local l = sockeye.socket("unix", %q):bind(sockeye.unix()):listen()
            local s = sockeye.socket("unix", %q):connect(l:getsockname())
            sockeye.run(function()
              local stop = sockeye.channel(1)
              local ok, result = pcall(sockeye.serve, l, function()
                stop:put(true)
              end, { stop = stop, signals = false })
              print(ok and result or result.code)
            end)
          ]]):format(type, type), {
            env = { SOCKEYE_POLLER = poller }, is_lua = true,
            prefix = { "strace", "-f", "-qq", "-o", "/dev/null",
                       "-e", "trace=accept4", "-e",
                       ("inject=accept4:error=%s:when=1..3"):format(code) } })
          assert.equal(wanted .. "\n", result.stdout, result.stderr)
        end
      end
    end)
  end)
end
