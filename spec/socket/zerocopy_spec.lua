local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

local function tcp()
  return streams.keep(sockets.tcp())
end

-- KiB.
local function used()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end

local probe <close> = sockeye.socket("inet", "stream")
if not pcall(probe.setsockopt, probe, "SO_ZEROCOPY", true) then
  describe("zerocopy", function()
    pending "is for systems with SO_ZEROCOPY"
  end)
  return
end

describe("a send without copies", function()
  streams.guard(descriptors.zerocopy)

  worlds.it("arrives, and is completed when it has", function()
    local a, b = tcp()
    assert.same({ 0, 0 }, { a:zerocopy_wait() })
    for i = 1, 3 do
      local text = tostring(i):rep(20000)
      assert.equal(20000, a:send(text, "zerocopy"))
      assert.is_true(b:recv(20000, "waitall") == text)
      local done, copied = a:zerocopy_wait()
      assert.equal(i, done)
      assert.is_true(copied == 0 or copied == i)
    end
    assert.is_true(a:getsockopt "SO_ZEROCOPY")
  end)

  worlds.it("keeps its string until then, and no longer", function()
    local a, b = tcp()
    a:send("x", "zerocopy")
    b:recv(1)
    a:zerocopy_wait()
    local before = used()
    local n = a:send(("x"):rep(1 << 22), "zerocopy dontwait")
    assert.is_true(used() - before > 4000)
    assert.same({ false, 1 }, { a:zerocopy_wait "dontwait" })
    assert.equal(n, #b:recv(n, "waitall"))
    assert.equal(2, (a:zerocopy_wait()))
    assert.is_true(used() - before < 4000)
  end)

  worlds.it("goes on until all is sent", function(world)
    local a, b = tcp()
    local parts = { ("x"):rep(2000000), "", ("y"):rep(1000000), 12345 }
    local join = worlds.beside(world, function()
      assert(b:recv(3000005, "waitall") == table.concat(parts))
    end)
    assert.equal(3000005, a:sendall(parts[1], parts[2], parts[3], parts[4],
                                    { flags = "zerocopy" }))
    join()
    assert.is_true((a:zerocopy_wait()) >= 3)
    a:settimeout(0)
    local done, sent = a:sendall(("z"):rep(1 << 24), { flags = "zerocopy" })
    assert.is_false(done)
    assert.is_true(sent > 0)
    errors.rejected("only flag is", a.zerocopy_wait, a, "peek")
    errors.rejected("flags", a.sendall, a, "x", { flag = "zerocopy" })
    errors.rejected("#3.*'flags': unknown flag", a.sendall, a, "x",
                    { flags = "nosuch" })
    errors.rejected("string expected", a.sendall, a, { flags = "more" })
  end)

  worlds.it("is also a datagram or a message", function()
    local a, b = streams.keep(sockets.udp())
    assert.equal(5000, a:sendto(("x"):rep(5000), nil, "zerocopy"))
    local list = { ("y"):rep(3000), ("z"):rep(2000) }
    assert.equal(5000, a:sendmsg { iov = list, flags = "zerocopy" })
    list[1] = nil
    assert.equal(("x"):rep(5000), b:recv(10000))
    assert.equal(("y"):rep(3000) .. ("z"):rep(2000), b:recv(10000))
    assert.equal(2, (a:zerocopy_wait()))
    assert.equal(0, a:send("", "zerocopy"))
    assert.equal(2, (a:zerocopy_wait()))
    assert.equal(4, a:sendall("da", "ta", { flags = "zerocopy" }))
    assert.equal("", b:recv(100))
    assert.equal("data", b:recv(100))
  end)

  -- A cycle of the collector for each piece of memory: from the first of them,
  -- the second, … on the list changes, and what was in it is written over.
  worlds.it("sends what it keeps, though a finalizer changes a list", function()
    local before <const>, after <const> = "b", "a"
    local size <const> = 2000
    for cycle = 1, 8 do
      local a, b = tcp()
      local list, kept, cycles = {}, {}, 0
      for i = 1, 20 do list[i] = (before):rep(size - 3) .. 100 + i end
      local was = table.concat(list)
      local function arm()
        setmetatable({}, { __gc = function()
          cycles = cycles + 1
          for i = 1, cycles >= cycle and 20 or 0 do
            list[i] = after:rep(size - 3) .. 100 + i
            kept[#kept + 1] = ("x"):rep(size - 6) .. 100000 + #kept
          end
          if cycles < 20 then arm() end
        end })
      end
      arm()
      collectgarbage("incremental", 100, 1000, 50)
      collectgarbage()
      cycles = 0
      local n = a:sendmsg { iov = list, flags = "zerocopy" }
      collectgarbage("incremental", 200, 100, 13)
      local got = b:recv(n, "waitall")
      local is = was:gsub(before, after)
      assert.is_true(got == was or got == is, "cycle " .. cycle)
      a:zerocopy_wait()
      sockets.close(a, b)
    end
  end)

  worlds.it("is a copy where there is no other way", function()
    local a, b = streams.keep(sockets.unix())
    assert.equal(4, a:send("data", "zerocopy"))
    assert.equal("data", b:recv(100))
    assert.same({ 0, 0 }, { a:zerocopy_wait() })
    local c, d = tcp()
    c:send("x", "zerocopy")
    local e = streams.keep(sockeye.adopt(c:detach()))
    assert.equal(4, e:send("data", "zerocopy"))
    assert.same({ 0, 0 }, { e:zerocopy_wait() })
    assert.equal("xdata", d:recv(5, "waitall"))
  end)

  worlds.it("is a copy when too much is outstanding", function()
    local a, b = tcp()
    local n = 0
    for _ = 1, 3000 do n = n + (a:send("x", "zerocopy dontwait") or 0) end
    assert.is_true(n > 100)
    assert.equal(n, #b:recv(n, "waitall"))
    local done = a:zerocopy_wait()
    assert.is_true(done > 0 and done <= n)
  end)

  worlds.it("does not count when it fails", function()
    local a, b = tcp()
    sockets.fill(a)
    assert.is_false(a:send("x", "zerocopy dontwait"))
    assert.same({ 0, 0 }, { a:zerocopy_wait() })
    b:setsockopt("SO_LINGER", 0):close()
    sockets.await(a, "CLOSED")
    assert.is_false((pcall(a.send, a, "x", "zerocopy")))
    assert.same({ 0, 0 }, { a:zerocopy_wait() })
  end)
end)

describe("a send without copies to an interface", function()
  -- A receiver on the same machine would be given a copy: nobody receives.
  it("is not copied #namespace", function()
    local available, reason = process.available "tc"
    if not available then return pending(reason) end
    netns.with_namespaces(function(ns)
      ns.a:must("tc qdisc add dev wire1 root pfifo limit 0")
      ns.a:must("ip neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev wire1")
      local result = ns.a:lua [[
        local sockeye = require "sockeye"
        local s = sockeye.socket("inet", "dgram"):connect("10.77.0.9:9")
        for i = 1, 20 do s:send(("x"):rep(1000 + i), "zerocopy") end
        print(s:zerocopy_wait())
      ]]
      assert.equal("20\t0\n", result.stdout, result.stderr)
    end)
  end)
end)
