local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

for _, poller in ipairs { "epoll", "poll" } do
  local function with_poller(f) return run({ poller = poller }, f) end

  describe("a descriptor in tasks by " .. poller, function()
    local a, b
    descriptors.guard(function() a, b = sockets.unix() end, function()
      sockets.close(a, b)
    end)

    local calls = {
      { "recv", function(s) s:recv(1) end },
      { "recvfrom", function(s) s:recvfrom(1) end },
      { "read", function(s) s:read(1) end },
      { "sendall", function(s) s:sendall(("x"):rep(1 << 22)) end },
      { "poll", function(s) sockeye.poll { [s] = "r" } end },
    }

    for _, case in ipairs(calls) do
      it("that is closed wakes a task that waits in " .. case[1], function()
        with_poller(function()
          local t = spawn(case[2], a)
          sleep(0.001)
          a:close()
          errors.closed(case[1], t.join, t)
        end)
      end)
    end

    it("that is closed raises EBADF, with `closed` if a task waits", function()
      with_poller(function()
        local l <close> = sockets.listener()
        local t = spawn(l.accept, l)
        sleep(0)
        l:close()
        errors.closed("accept", t.join, t)
        local late = spawn(a.recv, a, 1)
        a:close()
        local err = errors.raised("EBADF", "recv", late.join, late)
        assert.is_nil(err.closed)
      end)
    end)

    it("has one reader and one writer", function()
      with_poller(function()
        local reader = spawn(a.recv, a, 5)
        local writer = spawn(a.sendall, a, ("x"):rep(1 << 22))
        sleep(0.001)
        errors.raised("EBUSY", "recv", a.recv, a, 1)
        errors.raised("EBUSY", "send", a.send, a, "x")
        b:sendall("hello")
        assert.equal("hello", reader:join())
        local count = 0
        while count < 1 << 22 do count = count + #b:recv(1 << 20) end
        assert.equal(1 << 22, writer:join())
      end)
    end)

    it("is free again when its waiter was cancelled", function()
      with_poller(function()
        local t = spawn(a.recv, a, 1)
        sleep(0)
        t:cancel()
        pcall(t.join, t)
        b:send("x")
        assert.equal("x", a:recv(1))
      end)
    end)

    it("with the number of a closed one gets none of its events", function()
      with_poller(function()
        for _ = 1, 50 do
          local c, d = sockeye.socketpair()
          local number = c:fd()
          local t = spawn(pcall, c.recv, c, 1)
          sleep(0)
          d:send("x")
          c:close()
          local e, f = sockeye.socketpair()
          assert.equal(number, e:fd())
          local u = spawn(e.recv, e, 1)
          sleep(0)
          local ok, err = t:join()
          assert.is_false(ok)
          assert.same({ "EBADF", true }, { err.code, err.closed })
          assert.equal("waiting", u:status())
          f:send("y")
          assert.equal("y", u:join())
          sockets.close(d, e, f)
        end
      end)
    end)

    it("can be closed and its number reused in the turn of its event",
       function()
      with_poller(function()
        local pairs_of = {}
        for i = 1, 20 do
          local c, d = sockeye.socketpair()
          pairs_of[i] = { c = c, d = d }
        end
        local got = {}
        for i, pair in ipairs(pairs_of) do
          spawn(function()
            local ok, data = pcall(pair.c.recv, pair.c, 1)
            got[i] = ok and data or data.code
            -- The others have their events already, and lose their sockets.
            for k, other in ipairs(pairs_of) do
              if k ~= i and not got[k] and not other.gone then
                other.gone = true
                other.c:close()
                other.e, other.f = sockeye.socketpair()
                other.f:send("-")
              end
            end
          end)
        end
        sleep(0.001)
        for _, pair in ipairs(pairs_of) do pair.d:send("x") end
        sleep(0.002)
        local count = 0
        for i, pair in ipairs(pairs_of) do
          assert.equal(pair.gone and "EBADF" or "x", got[i])
          if pair.e then
            assert.equal("-", pair.e:recv(5))
            count = count + 1
            sockets.close(pair.e, pair.f)
          end
          sockets.close(pair.c, pair.d)
        end
        assert.equal(19, count)
      end)
    end)

    it("can be one of two for the same open file", function()
      with_poller(function()
        local copy <close> = sockeye.adopt(sockeye.dup2(a, 900))
        b:send("x")
        assert.equal("x", copy:recv(5))
        local t = spawn(a.recv, a, 5)
        sleep(0)
        b:send("y")
        assert.equal("y", t:join())
        b:send("z")
        assert.equal("z", copy:recv(5))
        a:close()
        b:send("w")
        assert.equal("w", copy:recv(5))
      end)
    end)

    it("gets the events of the file that dup2 put there", function()
      with_poller(function()
        local c <close>, d = sockeye.socketpair()
        local _ <close> = d
        local t = spawn(c.recv, c, 1)
        sleep(0.001)
        sockeye.dup2(a, c:fd())
        sleep(0.001)
        b:send("x")
        assert.equal("x", t:join())
        b:send("y")
        assert.equal("y", c:recv(1))
      end)
    end)

    it("accepts all connections that one event stands for", function()
      with_poller(function()
        local l <close> = sockets.listener()
        local name = l:getsockname()
        local kept = {}
        local accepted = 0
        local acceptor = spawn(function()
          while accepted < 100 do
            kept[#kept + 1] = l:accept()
            accepted = accepted + 1
          end
        end)
        sleep(0)
        for _ = 1, 100 do
          kept[#kept + 1] = sockeye.socket("inet", "stream"):connect(name)
        end
        acceptor:join()
        assert.equal(100, accepted)
        sockets.close(table.unpack(kept))
      end)
    end)

    it("is read on past the mark of urgent data", function()
      with_poller(function()
        local c, d = sockets.tcp()
        local t = spawn(d.recv, d, 100)
        sleep(0.001)
        c:send("first")
        assert.equal("first", t:join())
        c:send("ab")
        c:send("!", "oob")
        c:send("cd")
        sleep(0.01)
        assert.equal("ab", d:recv(100))
        assert.equal("cd", d:recv(100))
        sockets.close(c, d)
      end)
    end)

    it("is tried anew by a caller that never waits", function()
      with_poller(function()
        b:send("xx")
        assert.equal("xx", a:recv(10))
        assert.is_false(a:recv(10, "dontwait"))
        b:send("y")
        a:settimeout(0)
        assert.equal("y", a:recv(10))
        assert.is_false(a:recv(10))
        b:send("z")
        assert.equal("z", a:recv(10))
      end)
    end)

    it("reports the end, and errors", function()
      with_poller(function()
        local c, d = sockets.tcp()
        local t = spawn(c.recv, c, 100)
        sleep(0.001)
        d:sendall("data")
        d:close()
        assert.equal("data", t:join())
        assert.is_nil(c:recv(1))
        assert.is_nil(c:recv(1))
        c:close()
        c, d = sockets.tcp()
        t = spawn(c.recv, c, 100)
        sleep(0.001)
        d:setsockopt("SO_LINGER", 0)
        d:close()
        errors.raised("ECONNRESET", "recv", t.join, t)
        c:close()
      end)
    end)
  end)
end
