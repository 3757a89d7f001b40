local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sorted = require "spec.support.sorted"

local big <const> = ("x"):rep(1 << 22)

local calls = {
  recv = function(s) return s:recv(10) end,
  recvfrom = function(s) return s:recvfrom(10) end,
  recvmsg = function(s) return s:recvmsg { iov = 10 } end,
  recvmany = function(s) return s:recvmany(3, 10) end,
  read = function(s) return s:read(10) end,
  send = function(s) while true do s:send(big) end end,
  sendall = function(s) return s:sendall(big, big) end,
  sendmsg = function(s) while true do s:sendmsg { iov = big } end end,
  sendmany = function(s) while true do s:sendmany { big } end end,
  write = function(s) while true do s:write(big) end end,
  ["stream's read"] = function(s) return sockeye.stream(s):read(10) end,
  ["stream's write"] = function(s)
    return sockeye.stream(s):write(big):flush()
  end,
  pipe = function(s)
    local c <close> = sockeye.socketpair()
    return sockeye.stream(s):pipe(sockeye.stream(c))
  end,
  splice = function(s)
    local c <close> = sockeye.socketpair()
    return sockeye.splice(s, c, 100)
  end,
  sendfile = function(s)
    local f <close> = io.tmpfile()
    f:write(big)
    f:seek "set"
    return s:sendfile(f)
  end,
  poll = function(s) return sockeye.poll { [s] = "r" } end,
  wait = function(s) return sockeye.wait(s) end,
}

describe("a descriptor that is closed by its number", function()
  descriptors.guard()

  for _, poller in ipairs { "epoll", "poll" } do
    for name, call in sorted(calls) do
      it(("ends a task's %s at once, on %s"):format(name, poller), function()
        local a, _ <close> = sockeye.socketpair()
        local _, err
        sockeye.run({ poller = poller }, function()
          sockeye.spawn(function()
            sockeye.yield()
            sockeye.adopt(a:fd()):close()
          end)
          _, err = pcall(call, a)
        end)
        assert.equal("EBADF", err.code)
        pcall(a.close, a)
        collectgarbage()
      end)
    end
  end
end)
