local sockeye = require "sockeye"

local batches = require "spec.support.batches"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"

local families, receive = batches.families, batches.receive
local strings = batches.strings

-- Unix queues are short: two to ten messages.
local function sizes(family)
  return family == "unix" and { 1, 2, 5 } or { 1, 2, 64, 200 }
end

describe("many datagrams", function()
  descriptors.guard()

  for family, make in pairs(families) do
    it("arrive as they were sent, with their sender: " .. family, function()
      local a, b = make()
      for _, count in ipairs(sizes(family)) do
        local list = strings(count)
        assert.equal(count, a:sendmany(list, b:getsockname()))
        local data, from = receive(b, count, count, 1500)
        assert.same(list, data)
        for i = 1, count do assert.equal(a:getsockname(), from[i]) end
        assert.is_nil(data.lengths)
      end
      sockets.close(a, b)
    end)

    it("need no address if the socket has a peer: " .. family, function()
      local a, b = make()
      a:connect(b:getsockname())
      b:connect(a:getsockname())
      assert.equal(3, a:sendmany { "one", "", "three" })
      assert.same({ "one", "", "three" }, (receive(b, 3, 10, 100)))
      sockets.close(a, b)
    end)

    it("are each sent to an address of their own: " .. family, function()
      local a, b = make()
      local c, d = make()
      local to = { tostring(b:getsockname()), c:getsockname(),
                   d:getsockname(), b:getsockname() }
      assert.equal(4, a:sendmany({ "b", "c", "d", "bb" }, to))
      assert.same({ "b", "bb" }, (receive(b, 2, 10, 100)))
      assert.same({ "c" }, (receive(c, 1, 10, 100)))
      assert.same({ "d" }, (receive(d, 1, 10, 100)))
      sockets.close(a, b, c, d)
    end)

    it("are echoed by passing on what recvmany returns: " .. family, function()
      local a, b = make()
      local c, d = make()
      a:sendmany({ "one", "two" }, b:getsockname())
      c:sendmany({ "three" }, b:getsockname())
      local count = 0
      while count < 3 do count = count + b:sendmany(b:recvmany(64, 1500)) end
      assert.same({ "one", "two" }, (receive(a, 2, 10, 100)))
      assert.same({ "three" }, (receive(c, 1, 10, 100)))
      sockets.close(a, b, c, d)
    end)

    it("may be given as tables among the strings: " .. family, function()
      local a, b = make()
      local c, d = make()
      local list = {
        "string",
        { iov = { "of ", "several ", "", "parts" } },
        { iov = "named", name = c:getsockname() },
        { iov = {}, name = tostring(c:getsockname()) },
        { control = {} },
      }
      assert.equal(5, a:sendmany(list, b:getsockname()))
      assert.same({ "string", "of several parts", "" },
                  (receive(b, 3, 10, 100)))
      assert.same({ "named", "" }, (receive(c, 2, 10, 100)))
      sockets.close(a, b, c, d)
    end)

    it("wait until they can be sent, or until one arrives: " .. family,
       function()
      local a, b = make()
      local list = strings(family == "unix" and 300 or 3)
      local pid = fork.child(function()
        a:sendmany(list, b:getsockname())
      end)
      local data = {}
      while #data < #list do
        local some = b:recvmany(64, 1500)
        table.move(some, 1, #some, #data + 1, data)
      end
      assert.same(list, data)
      fork.reap(pid)
      sockets.close(a, b)
    end)
  end

  it("are at most as many as were asked for", function()
    local a, b = sockets.unix "dgram"
    a:sendmany(strings(10))
    assert.same({ 1, 3, 6 }, { #b:recvmany(1, 100), #b:recvmany(3, 100),
                               #b:recvmany(1 << 40, 100) })
    sockets.close(a, b)
  end)

  it("can be more than one system call takes", function()
    local a, b = sockets.udp()
    if not pcall(b.setsockopt, b, "SO_RCVBUFFORCE", 16 << 20) then
      return pending("a queue of that length needs a privilege")
    end
    local list = strings(5000)
    assert.equal(5000, a:sendmany(list))
    assert.same(list, (receive(b, 5000, 5000, 100)))
    sockets.close(a, b)
  end)

  it("are sent by more than one system call", function()
    local a, b = sockets.tcp()
    local list = strings(5000)
    assert.equal(5000, a:sendmany(list))
    a:close()
    assert.is_true(sockets.read_all(b) == table.concat(list))
    b:close()
  end)

  it("are all checked before the first is sent", function()
    local a, b = sockets.udp()
    for _, place in ipairs { 1, 2, 1024, 1025, 3000 } do
      for _, wrong in ipairs { false, 5, print, { iov = 5 }, { iov = { 5 } },
                               { flags = "oob" }, { unknown = 1 },
                               { control = { ttl = "x" } }, { name = 5 } } do
        local list = strings(3000)
        list[place] = wrong
        errors.rejected("bad argument", a.sendmany, a, list)
      end
    end
    assert.is_false(b:recvmany(1, 1, "dontwait"))
    sockets.close(a, b)
  end)

  it("of one sender share its address value", function()
    local a, b = families.unix()
    local c, d = families.unix()
    local to = b:getsockname()
    for _, s in ipairs { a, a, c, c, a } do s:sendto("x", to) end
    local _, from = receive(b, 5, 5, 10)
    assert.is_true(rawequal(from[1], from[2]) and rawequal(from[3], from[4]))
    assert.same({ a:getsockname(), c:getsockname(), a:getsockname() },
                { from[1], from[4], from[5] })
    sockets.close(a, b, c, d)
  end)

  it("have false for a sender without a name", function()
    local a, b = sockets.unix "dgram"
    assert.equal(2, a:sendmany { "one", "two" })
    assert.same({ { "one", "two" }, { false, false } }, { b:recvmany(5, 10) })
    sockets.close(a, b)
  end)

  it("have the full lengths of those that were truncated", function()
    local a, b = sockets.unix "dgram"
    a:sendmany { "1", "four", ("x"):rep(1000), "", "two" }
    local data = receive(b, 5, 5, 2)
    assert.same({ "1", "fo", "xx", "", "tw" },
                table.move(data, 1, 5, 1, {}))
    a:sendmany { "1", "four", ("x"):rep(1000), "", "two" }
    data = b:recvmany(5, 2)
    assert.same({ [2] = 4, [3] = 1000, [5] = 3 }, data.lengths)
    a:sendmany { "1", "", "four" }
    data = b:recvmany(5, 0, "trunc")
    assert.same({ "", "", "", lengths = { 1, 0, 4 } }, data)
    sockets.close(a, b)
  end)

  it("stay in the queue with peek, which returns one", function()
    local a, b = sockets.unix "dgram"
    a:sendmany { "one", "two" }
    for _ = 1, 3 do assert.same({ "one" }, (b:recvmany(9, 9, "peek"))) end
    assert.same({ "one", "two" }, (b:recvmany(9, 9, "waitall")))
    sockets.close(a, b)
  end)

  it("may be of the largest size", function()
    local a, b = sockets.udp()
    local list = {}
    for i = 1, 3 do list[i] = examples.bytes(65507 - i) end
    a:sendmany(list)
    assert.is_true(table.concat(list) == table.concat(
      (receive(b, 3, 1024, math.maxinteger))))
    sockets.close(a, b)
  end)

  it("are none if the list is empty", function()
    local a, b = sockets.unix "dgram"
    assert.equal(0, a:sendmany {})
    assert.is_false(b:recvmany(1, 1, "dontwait"))
    sockets.close(a, b)
  end)

  it("are not kept in memory by the buffers of the call", function()
    local a, b = sockets.unix "dgram"
    local kept = {}
    for i = 1, 50 do
      a:sendmany { "message " .. i, "more" }
      table.insert(kept, b:recvmany(1 + i % 5, 20 + i % 3)[1])
      if i % 5 == 0 then b:recvmany(1, 20) end
      while b:recvmany(9, 9, "dontwait") do end
    end
    assert.equal("message 50", kept[50])
    assert.equal("message 7", kept[7])
    sockets.close(a, b)
  end)

  it("may be received by a finalizer during another call", function()
    local a, b = sockets.udp()
    local c, d = sockets.udp()
    local count = 0
    for _ = 1, 200 do
      c:send "inner"
      setmetatable({}, { __gc = function()
        count = count + #d:recvmany(4, 100, "dontwait")
      end })
      local list = {}
      for i = 1, 30 do list[i] = ("%03d"):format(i):rep(30) end
      a:sendmany(list)
      assert.same(list, (receive(b, 30, 30, 100)))
    end
    collectgarbage()
    assert.is_true(count > 0)
    sockets.close(a, b, c, d)
  end)

  it("are received by a packet socket, too", function()
    local a <close>, reason = sockets.packet("dgram")
    if not a then return pending(reason) end
    local protocol <const> = 0x88b5
    local b <close> = sockets.packet("dgram")
    b:settimeout(20):bind(sockeye.packet("lo", protocol))
    a:sendmany({ "one", "two" }, sockeye.packet("lo", protocol,
      { address = "00:00:00:00:00:00" }))
    local data, from = receive(b, 2, 10, 100)
    assert.same({ "one", "two" }, data)
    assert.equal("lo", from[2].interface)
  end)
end)

describe("control data of many messages", function()
  descriptors.guard()

  it("belongs to each message", function()
    local a, b = sockets.udp()
    b:setsockopt("IP_RECVTTL", true):setsockopt("IP_PKTINFO", true)
    b:setsockopt("SO_TIMESTAMPNS", true)
    assert.equal(3, a:sendmany {
      { iov = "one", control = { ttl = 11 } }, "two",
      { iov = { "th", "ree" }, control = { ttl = 33 } },
    })
    local list = {}
    while #list < 3 do
      local some = b:recvmany(9, { iov = 100, control = true })
      table.move(some, 1, #some, #list + 1, list)
    end
    for i, ttl in ipairs { 11, 64, 33 } do
      local m = list[i]
      assert.equal(({ "one", "two", "three" })[i], m.data)
      assert.equal(a:getsockname(), m.from)
      assert.equal(ttl, m.control.ttl)
      assert.equal("127.0.0.1", tostring(m.control.pktinfo.address))
      assert.is_true(m.control.timestampns.seconds > 0)
      assert.same({}, m.flags)
    end
    sockets.close(a, b)
  end)

  it("is as recvmsg returns it, in the sizes asked for", function()
    local a, b = sockets.unix "dgram"
    local list = { "abcdef", "", "abcdefghij" }
    local request = { iov = { 2, 3, 2 }, control = 100 }
    a:sendmany(list)
    a:sendmany(list)
    local wanted = {}
    for i = 1, 3 do wanted[i] = b:recvmsg(request) end
    assert.same(wanted, b:recvmany(3, request))
    assert.same({ "ab", "cde", "fg" }, wanted[3].iov)
    sockets.close(a, b)
  end)

  it("segments and joins datagrams", function()
    local a, b = sockets.udp()
    b:setsockopt("UDP_GRO", true)
    local data = examples.bytes(5000)
    assert.equal(2, a:sendmany {
      { iov = data, control = { gso_size = 1000 } }, "alone" })
    local parts = {}
    local joined
    repeat
      for _, m in ipairs(b:recvmany(9, { iov = 65535, control = true })) do
        table.insert(parts, m.data)
        joined = joined or m.control.gro_size
      end
    until parts[#parts] == "alone"
    assert.is_true(table.concat(parts) == data .. "alone")
    assert.equal(1000, joined)
    sockets.close(a, b)
  end)

  for _, type in ipairs { "dgram", "stream", "seqpacket" } do
    it("carries descriptors: " .. type, function()
      local a, b = sockets.unix(type)
      local r, w = sockeye.pipe()
      assert.equal(2, a:sendmany {
        { iov = "one", control = { rights = { w, r } } },
        { iov = "two", control = { rights = { w:fd() } } },
      })
      local list = b:recvmany(9, { iov = 3, control = true })
      if #list == 1 then
        list[2] = b:recvmany(9, { iov = 3, control = true })[1]
      end
      for i, word in ipairs { "one", "two" } do
        list[i].control.rights[1]:write(word)
        assert.equal(word, r:read(9))
        sockets.close(table.unpack(list[i].control.rights))
      end
      a:sendmany { { iov = "one", control = { rights = { w } } } }
      list = b:recvmany(9, { iov = 3, control = true, rights = "numbers" })
      local fd = list[1].control.rights[1]
      assert.equal("integer", math.type(fd))
      sockeye.adopt(fd):close()
      sockets.close(a, b, r, w)
    end)
  end

  it("closes descriptors that were not asked for", function()
    local a, b = sockets.unix "dgram"
    local list = {}
    for i = 1, 5 do list[i] = { iov = "x", control = { rights = { a, b } } } end
    a:sendmany(list)
    assert.same({ "x", "x" }, (b:recvmany(2, 10)))
    list = b:recvmany(2, { iov = 10, control = messages.header + 4 })
    assert.is_true(list[1].flags.ctrunc and list[2].flags.ctrunc)
    sockets.close(a, b)
    list = nil -- luacheck: ignore
    collectgarbage()
  end)

  it("rejects a closed socket", function()
    local a, b = sockets.unix "dgram"
    local c = sockets.bound("127.0.0.1:0")
    c:close()
    errors.raised("EBADF", nil, a.sendmany, a,
                  { "one", { iov = "two", control = { rights = { c } } } })
    assert.is_false(b:recvmany(1, 1, "dontwait"))
    sockets.close(a, b)
  end)

  it("is read from the error queue until that is empty", function()
    local s = sockets.bound("127.0.0.1:0", "dgram")
    s:setsockopt("IP_RECVERR", true)
    local request = { iov = 100, control = true, flags = "errqueue" }
    assert.is_false(s:recvmany(9, request))
    local to, refusing = sockets.refusing()
    for _, word in ipairs { "one", "two" } do
      pcall(s.sendto, s, word, to)
      pcall(s.sendto, s, word, to)
    end
    local list = s:recvmany(9, request)
    assert.is_true(#list >= 1)
    assert.equal("ECONNREFUSED", list[1].control.recverr.name)
    assert.is_true(list[1].flags.errqueue)
    sockets.close(s, refusing)
  end)
end)

describe("the arguments of a batch", function()
  descriptors.guard()

  it("are checked", function()
    local a, b = sockets.udp()
    for _, case in ipairs {
      { "recvmany", 2, 0, 100 }, { "recvmany", 2, -1, 100 },
      { "recvmany", 2, "x", 100 }, { "recvmany", 3, 1, -1 },
      { "recvmany", 3, 1 }, { "recvmany", 3, 1, {} },
      { "recvmany", 3, 1, { iov = 1, unknown = 1 } },
      { "recvmany", 4, 1, 1, "unknown" },
      { "recvmany", 4, 1, { iov = 1 }, "peek" },
      { "sendmany", 2 }, { "sendmany", 2, "string" },
      { "sendmany", 3, {}, 5 }, { "sendmany", 3, {}, "nowhere" },
      { "sendmany", 3, { "x" }, { "nowhere" } },
      { "sendmany", 3, { "x" }, { 5 } },
      { "sendmany", 4, {}, nil, "unknown" },
    } do
      local method = case[1]
      errors.rejected("bad argument #" .. case[2], function()
        return a[method](a, table.unpack(case, 3, 6))
      end)
    end
    sockets.close(a, b)
  end)
end)

describe("many messages of a stream", function()
  descriptors.guard()

  it("are not discarded where their lengths are asked for", function()
    for _, make in pairs { sockets.tcp, sockets.unix } do
      local a, b = make()
      a:send "data"
      local m = b:recvmany(4, { iov = 100, flags = "trunc" })[1]
      assert.same({ "data", 4 }, { m.data, m.length })
      a:send "more"
      assert.same({ "more", lengths = { 4 } }, (b:recvmany(4, 100, "trunc")))
      sockets.close(a, b)
    end
  end)

  for kind, make in pairs { tcp = sockets.tcp, unix = sockets.unix } do
    it("are its bytes, up to the end: " .. kind, function()
      local a, b = make()
      local list = strings(3000)
      local pid = fork.child(function()
        b:close()
        list[10] = { iov = { list[10]:sub(1, 5), list[10]:sub(6) } }
        assert(a:sendmany(list) == 3000)
      end)
      a:close()
      local parts = {}
      for data in function() return (b:recvmany(16, 100)) end do
        table.move(data, 1, #data, #parts + 1, parts)
      end
      assert.is_true(table.concat(parts) == table.concat(list))
      assert.is_nil((b:recvmany(16, 100)))
      assert.is_nil((b:recvmany(1, { iov = 100, control = true })))
      fork.reap(pid)
      b:close()
    end)

    it("continue within one that was sent in part: " .. kind, function()
      local a, b = make()
      local list = {}
      for i = 1, 20 do
        local bytes = examples.bytes(100000 + i)
        list[i] = i % 2 == 0 and bytes or
          { iov = { bytes:sub(1, 10), "", bytes:sub(11, 70000),
                    bytes:sub(70001) } }
      end
      local pid = fork.child(function()
        b:close()
        assert(a:sendmany(list) == 20)
      end)
      a:close()
      local all = sockets.read_all(b)
      fork.reap(pid)
      local place = 1
      for i = 1, 20 do
        assert.is_true(all:sub(place, place + 99999 + i) ==
                       examples.bytes(100000 + i))
        place = place + 100000 + i
      end
      assert.equal(place - 1, #all)
      b:close()
    end)

    it("report how far the call came if it must not wait: " .. kind, function()
      local a, b = make()
      a:settimeout(0)
      local list = {}
      for i = 1, 100 do list[i] = ("x"):rep(100003) end
      local ok, sent, offset = a:sendmany(list)
      assert.is_false(ok)
      a:close()
      assert.equal(sent * 100003 + (offset or 0), #sockets.read_all(b))
      b:close()
    end)
  end

  it("are records of a seqpacket socket", function()
    local a, b = sockets.unix "seqpacket"
    assert.equal(3, a:sendmany { "one", "", "three" })
    assert.same({ "one", "", "three" }, (b:recvmany(9, 9)))
    a:sendmany { "last" }
    a:close()
    assert.same({ "last" }, (b:recvmany(9, 9)))
    assert.is_nil((b:recvmany(9, 9)))
    b:close()
  end)

  it("report a peer that has gone", function()
    local a, b = sockets.unix()
    b:close()
    local err = errors.raised("EPIPE", "sendmany", a.sendmany, a, { "x", "y" })
    assert.equal(0, err.sent)
    a:close()
  end)
end)

describe("waiting for many messages", function()
  descriptors.guard()

  it("ends at the time-out", function()
    local a, b = sockets.udp()
    b:settimeout(0.01)
    local err = errors.raised("ETIMEDOUT", "recvmany", b.recvmany, b, 9, 9)
    assert.is_true(err.timeout)
    b:settimeout(0)
    assert.is_false((b:recvmany(9, 9)))
    assert.is_false((b:recvmany(9, { iov = 9, control = true })))
    sockets.close(a, b)
  end)

  for title, timeout in pairs { untimed = false, timed = 20 } do
    it("continues after signals: " .. title, function()
      local a, b = sockets.udp()
      b:settimeout(timeout or nil)
      local calls = 0
      do
        local _ <close> = fork.interrupt("USR1", function()
          calls = calls + 1
          if calls == 3 then a:sendmany { "one", "two" } end
        end, 1000)
        assert.same({ "one", "two" }, (receive(b, 2, 9, 9)))
      end
      assert.is_true(calls >= 3)
      sockets.close(a, b)
    end)

    it("ends when a handler closes the socket: " .. title, function()
      local a, b = sockets.udp()
      b:settimeout(timeout or nil)
      local _ <close> = fork.interrupt("USR1", function() b:close() end)
      errors.closed("recvmany", b.recvmany, b, 9, 9)
      a:close()
    end)
  end
end)
