local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sorted = require "spec.support.sorted"

describe("a datagram socket that is shut down for reading", function()
  descriptors.guard()

  local pairs_of <const> = {
    udp = function()
      local a = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
      local b = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
      return a:connect(b:getsockname()), b:connect(a:getsockname())
    end,
    unix = function() return sockeye.socketpair("unix", "dgram") end,
  }

  local calls <const> = {
    recv = function(s) return s:recv(10) end,
    recvfrom = function(s)
      local data, from = s:recvfrom(10)
      return data == "" and from == nil and ""
    end,
    recvmsg = function(s) return s:recvmsg({ iov = 10 }).data end,
    recvmany = function(s) return s:recvmany(2, 10)[1] end,
    read = function(s) return s:read(10) end,
    ["a stream's read"] = function(s)
      return sockeye.stream(s):read(10) or ""
    end,
  }

  local function as_it_is(call, s) return call(s) end

  -- How the calls are made, on which poller.
  local worlds <const> = {
    { "outside of tasks", as_it_is },
    { "with a time-out", function(call, s) return call(s:settimeout(20)) end },
    { "under a deadline",
      function(call, s) return sockeye.timeout(20, call, s) end },
    { "in a task", as_it_is, "epoll" },
    { "in a task", as_it_is, "poll" },
  }

  for family, make in sorted(pairs_of) do
    for name, call in sorted(calls) do
      for _, world in ipairs(worlds) do
        local title, under, poller = table.unpack(world)

        it(("gives nothing to %s (%s, %s, %s)"):format(name, family, title,
                                                       poller or "–"),
           function()
          local a, b = make()
          local function ask()
            a:shutdown "rd"
            assert.equal("", under(call, a))
          end
          if poller then sockeye.run({ poller = poller }, ask) else ask() end
          a:close()
          b:close()
        end)
      end
    end

    for _, poller in ipairs { "epoll", "poll" } do
      it(("ends the wait of each call (%s, %s)"):format(family, poller),
         function()
        for _, call in sorted(calls) do
          local a, b = make()
          sockeye.run({ poller = poller }, function()
            local task = sockeye.spawn(call, a)
            sockeye.sleep(0.001)
            assert.equal("waiting", task:status())
            a:shutdown "rd"
            assert.equal("", sockeye.timeout(20, task.join, task))
          end)
          a:close()
          b:close()
        end
      end)
    end
  end

  it("gives what came before, and datagrams that are empty", function()
    sockeye.run(function()
      local a, b = pairs_of.udp()
      b:send "one"
      b:send ""
      a:shutdown "rd"
      assert.equal("one", a:recv(10))
      local data, from = a:recvfrom(10)
      assert.equal("", data)
      assert.equal(b:getsockname(), from)
      assert.equal("", a:recv(10))
      a:close()
      b:close()
    end)
  end)
end)
