-- How a server ends, and what becomes of its connections.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local servers = require "spec.support.servers"

local limit, echo, call, ask =
  servers.limit, servers.echo, servers.call, servers.ask

for _, poller in ipairs { "epoll", "poll" } do
  local function with_server(...)
    return servers.with_server(poller, ...)
  end

  describe(("the end of a server (%s)"):format(poller), function()
    descriptors.guard()

    it("lets handlers end in the grace, and accepts no more", function()
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

    it("ends its handlers at once when its task is cancelled", function()
      local outcome
      sockeye.run({ poller = poller }, function()
        local l = sockeye.listen("127.0.0.1:0")
        local address = l:getsockname()
        local task = sockeye.spawn(pcall, sockeye.serve, l, function(stream)
          local _, err = pcall(stream.read, stream, "l")
          outcome = err
          error(err, 0)
        end, { signals = false, grace = limit })
        local conn <close> = call(address)
        sockeye.sleep(0.001)
        local start = sockeye.now()
        errors.canceled("serve", task)
        assert.is_nil(conn:read(1))
        assert.is_true(sockeye.now() - start < limit / 2)
      end)
      assert.same({ "ECANCELED", "read", true },
                  { outcome.code, outcome.call, outcome.canceled })
    end)

    it("kills handlers that go on although they are cancelled", function()
      local reports, seen, closed = {}, {}, 0
      sockeye.run({ poller = poller }, function()
        sockeye.on_error(function(err, _, traceback)
          table.insert(reports, { err = err, traceback = traceback })
        end)
        local l = sockeye.listen("127.0.0.1:0")
        local address = l:getsockname()
        local stop = sockeye.channel()
        local task = sockeye.spawn(sockeye.serve, l, function(stream)
          local _ <close> = setmetatable({}, { __close = function()
            closed = closed + 1
          end })
          while true do pcall(stream.read, stream, "l") end
        end, { stop = stop, signals = false, grace = 0.02,
               on_error = servers.keep_errors(seen) })
        local conn <close> = call(address)
        sockeye.sleep(0.001)
        local start = sockeye.now()
        stop:close()
        assert.equal("stop", task:join())
        local seconds = sockeye.now() - start
        assert.is_true(seconds >= 0.04 and seconds < limit / 2)
        assert.is_nil(conn:read(1))
      end)
      assert.equal(1, closed)
      assert.same({}, seen)
      assert.equal(1, #reports)
      assert.same({ "ECANCELED", "kill" },
                  { reports[1].err.code, reports[1].err.call })
      assert.matches("end_spec", reports[1].traceback)
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

    it("fails when it can accept no more", function()
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
  end)
end

describe("a server that cannot begin", function()
  descriptors.guard()

  it("closes what it has opened when one endpoint is taken", function()
    local taken <close> = sockeye.listen("127.0.0.1:0")
    errors.raised("EADDRINUSE", nil, sockeye.serve,
                  { "127.0.0.1:0", taken:getsockname() }, echo)
  end)
end)
