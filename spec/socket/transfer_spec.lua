local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"
local worlds = require "spec.support.worlds"

local readers = { "recv", "recvfrom", "read" }

local sending = {
  send = { "data" }, sendall = { "one", "two" }, sendto = { "data", nil },
  write = { "data" },
}

describe("O_NONBLOCK that somebody else has set", function()
  descriptors.guard()

  for _, method in ipairs(readers) do
    it("still lets it wait: " .. method, function()
      local a, b = sockets.unix()
      local other = sockets.share(b):fcntl("O_NONBLOCK", true)
      b:settimeout(nil)
      assert.is_false((other[method](other, 5)))
      local _ <close> = fork.interrupt("USR1", function() a:send "hello" end)
      assert.equal("hello", (b[method](b, 5)))
      sockets.close(a, b, other)
    end)
  end

  for method, arguments in pairs(sending) do
    it("still lets it wait: " .. method, function()
      local a, b = sockets.unix()
      local other = sockets.share(a):fcntl("O_NONBLOCK", true)
      sockets.fill(a)
      a:settimeout(nil)
      assert.is_false((other[method](other, table.unpack(arguments))))
      local _ <close> = fork.interrupt("USR1", function()
        b:settimeout(0)
        while b:recv(65536) do end
      end)
      assert.is_truthy(a[method](a, table.unpack(arguments)))
      sockets.close(a, b, other)
    end)
  end
end)

describe("SO_RCVTIMEO and SO_SNDTIMEO", function()
  descriptors.guard()

  it("are not used by the library, and raise EAGAIN", function()
    local a, b = sockets.unix()
    sockets.fill(a)
    a:setsockopt("SO_RCVTIMEO", 0.01):setsockopt("SO_SNDTIMEO", 0.01)
    a:settimeout(nil)
    for _, method in ipairs(readers) do
      errors.raised("EAGAIN", method, a[method], a, 5)
    end
    for method, arguments in pairs(sending) do
      errors.raised("EAGAIN", method, a[method], a, table.unpack(arguments))
    end
    b:send "hel"
    local err = errors.raised("EAGAIN", "recv", a.recv, a, 5, "waitall")
    assert.equal("hel", err.partial)
    sockets.close(a, b)
  end)
end)

describe("an integer as flags of a call that sends", function()
  descriptors.guard()

  -- Those have flags in a table, where nobody gives a position.
  local of_tables <const> = { sendmsg = true, sendall = true }

  local function calls(a, flags)
    return {
      send = function() return a:send("data", flags) end,
      sendto = function() return a:sendto("data", nil, flags) end,
      sendmany = function() return a:sendmany({ "data" }, nil, flags) end,
      sendmsg = function()
        return a:sendmsg { iov = "data", flags = flags }
      end,
      sendall = function() return a:sendall("data", { flags = flags }) end,
    }
  end

  for name in pairs(calls()) do
    it("of " .. name .. " may be a combination of them", function()
      local a <const>, b <const> = sockets.unix()
      local more <const> = sockeye.MSG_DONTWAIT | sockeye.MSG_NOSIGNAL
      for _, flags in ipairs { 0, more, more | 0.0 } do
        calls(a, flags)[name]()
        assert.equal("data", b:recv(9))
      end
      sockets.close(a, b)
    end)

    it("of " .. name .. " is no position in the data", function()
      local a <const>, b <const> = sockets.unix()
      for _, flags in ipairs { 2, 7, 10, 100, 1000, 0x10000 } do
        local wanted = ("%d is no combination of MSG_ flags"):format(flags)
        if not of_tables[name] then
          wanted = ("%s; .*%%(%d%%)"):format(wanted, flags)
        end
        errors.rejected(wanted, calls(a, flags)[name])
      end
      assert.is_false(b:settimeout(0):recv(9))
      sockets.close(a, b)
    end)
  end
end)

describe("the integer flags of a call that receives", function()
  descriptors.guard()

  local calls <const> = {
    recv = function(s, flags) return s:recv(9, flags) end,
    recvfrom = function(s, flags) return (s:recvfrom(9, flags)) end,
    recvmany = function(s, flags) return s:recvmany(1, 9, flags)[1] end,
    recvmsg = function(s, flags)
      return s:recvmsg({ iov = 9, flags = flags }).data
    end,
  }

  for name, call in pairs(calls) do
    worlds.it("of " .. name .. " are its flags", function()
      local a <const>, b <const> = sockets.unix()
      local close_on_exec <const> = 0x40000000 -- MSG_CMSG_CLOEXEC
      local device_memory <const> = 0x2000000 -- MSG_SOCK_DEVMEM
      for _, flags in ipairs {
        0, sockeye.MSG_DONTWAIT | sockeye.MSG_NOSIGNAL, close_on_exec,
        device_memory, 0.0,
      } do
        b:send "data"
        assert.equal("data", call(a, flags))
      end
      sockets.close(a, b)
    end)

    worlds.it("of " .. name .. " are no other number", function()
      local a <const>, b <const> = sockets.unix()
      for _, flags in ipairs { 20, 16, 1 << 23 } do
        errors.rejected(("%d is no combination of MSG_ flags"):format(flags),
                        call, a, flags)
      end
      sockets.close(a, b)
    end)
  end
end)

describe("a thread with little C stack", function()
  local thread = require "spec.support.threads"

  -- 100 calls of pcall lie between the script and its call.
  local script <const> = [[
    local sockeye = require "sockeye"
    local a, b = sockeye.socketpair()
    local function deep(n)
      if n > 0 then return select(2, pcall(deep, n - 1)) end
      b:send "x"
      return a:%s
    end
    local result = deep(100)
    assert(result == "x" or result.data == "x")
    a:close()
    b:close()
  ]]

  for _, call in ipairs { "recv(65536)", "recvfrom(65536)", "read(65536)",
                          "recvmsg { iov = 65536 }" } do
    it("can " .. call:match "%a+" .. " many bytes", function()
      assert.is_nil(thread.start(script:format(call), 128 * 1024)())
    end)
  end
end)
