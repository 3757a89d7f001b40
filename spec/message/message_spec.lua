local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"

local function pieces(count)
  local list = {}
  for i = 1, count do list[i] = i .. "," end
  return list
end

-- What is sent, as a whole.
local bodies = {
  ["a string"] = "hello",
  ["a list"] = { "one", "two", "three" },
  ["a list of one"] = { "one" },
  ["strings with zeros and empty ones"] = { "", "a\0b", "", "", "\0", "" },
  ["1,024 strings"] = pieces(1024),
  ["30,000 bytes"] = { examples.bytes(10000), examples.bytes(20000) },
}

local function whole(body)
  return type(body) == "table" and table.concat(body) or body
end

describe("sendmsg", function()
  descriptors.guard()

  for kind, make in pairs(messages.all) do
    for title, body in pairs(bodies) do
      it(("sends a list of %s as one: %s"):format(title, kind), function()
        local a, b = make()
        local data = whole(body)
        assert.equal(#data, a:sendmsg { iov = body })
        local flags = messages.streams[kind] and "waitall" or nil
        local m = b:recvmsg { iov = #data, flags = flags }
        assert.is_true(m.data == data)
        assert.same({}, m.flags)
        assert.is_nil(m.control)
        sockets.close(a, b)
      end)
    end

    it("takes flags by name and number: " .. kind, function()
      local a, b = make()
      for _, flags in ipairs { "dontwait", "MSG_DONTWAIT|nosignal",
                               sockeye.MSG_DONTWAIT, "" } do
        assert.equal(1, a:sendmsg { iov = "x", flags = flags })
        assert.equal("x", b:recvmsg({ iov = 9 }).data)
      end
      sockets.close(a, b)
    end)
  end

  for kind, option in pairs { tcp = "TCP_INQ", unix = "SO_PASSCRED" } do
    it("returns nil at the end, also with room for control data: " .. kind,
       function()
      local a, b = messages.all[kind]()
      b:setsockopt(option, true)
      a:close()
      assert.is_nil(b:recvmsg { iov = 9, control = true })
      assert.is_nil(b:recvmsg { iov = 9 })
      assert.is_nil(b:recvmany(4, { iov = 9, control = true }))
      b:close()
    end)
  end

  for kind, make in pairs(messages.datagrams) do
    it("sends an empty message, of an empty or no list: " .. kind,
       function()
      local a, b = make()
      for _, message in ipairs { {}, { iov = "" }, { iov = {} },
                                 { iov = { "", "" } } } do
        assert.equal(0, a:sendmsg(message))
        local m = b:recvmsg { iov = 9 }
        assert.equal("", m.data)
      end
      sockets.close(a, b)
    end)
  end

  for _, family in ipairs { "inet", "inet6" } do
    it("sends to a name, an address or its text: " .. family, function()
      local a, b = messages.udp(family)
      local name = b:getsockname()
      for _, value in ipairs { name, tostring(name) } do
        a:sendmsg { iov = "hello", name = value }
        local m = b:recvmsg { iov = 9 }
        assert.same({ "hello", a:getsockname() }, { m.data, m.from })
      end
      sockets.close(a, b)
    end)
  end

  it("sends to a given name on connected UDP, not to the peer", function()
    local a, b = sockets.udp()
    local c = sockets.bound("127.0.0.1:0", "dgram")
    a:sendmsg { iov = "c", name = c:getsockname() }
    a:sendmsg { iov = "b" }
    assert.equal("c", c:recv(9))
    assert.equal("b", b:recv(9))
    sockets.close(a, b, c)
  end)

  it("sends between Unix datagram sockets with names, and without", function()
    local name = ("unix:@sockeye-message-%d"):format(sockeye.getpid())
    local s = sockets.bound(name, "dgram")
    local unnamed = sockeye.socket("unix", "dgram")
    local named = sockets.bound(name .. "-2", "dgram")
    unnamed:sendmsg { iov = "1", name = name }
    named:sendmsg { iov = "2", name = name }
    local m = s:recvmsg { iov = 9 }
    assert.same({ "1", nil }, { m.data, m.from })
    m = s:recvmsg { iov = 9 }
    assert.same({ "2", named:getsockname() }, { m.data, m.from })
    sockets.close(s, unnamed, named)
  end)

  for kind, make in pairs(messages.streams) do
    it("sends a part if it must not wait: " .. kind, function()
      local a, b = make()
      a:settimeout(0)
      local list = {}
      for i = 1, 100 do list[i] = ("x"):rep(100000) end
      local n = a:sendmsg { iov = list }
      assert.is_true(n > 0 and n < 10000000)
      n = n + sockets.fill(a:settimeout(nil), 10000000)
      assert.is_false(a:settimeout(0):sendmsg { iov = list })
      assert.is_false(a:settimeout(nil):sendmsg { iov = "x",
                                                  flags = "dontwait" })
      local t = a:settimeout(0.01)
      local err = errors.raised("ETIMEDOUT", "sendmsg", t.sendmsg, t,
                                { iov = "x" })
      assert.is_true(err.timeout)
      a:close()
      assert.equal(n, #sockets.read_all(b))
      b:close()
    end)
  end

  it("waits until there is room", function()
    local a, b = sockets.unix()
    sockets.fill(a)
    do
      local _ <close> = fork.interrupt("USR1", function()
        while b:recv(65536, "dontwait") do end
      end)
      assert.equal(4, a:settimeout(20):sendmsg { iov = "last" })
    end
    assert.equal("last", b:recv(9))
    sockets.close(a, b)
  end)

  -- Each makes sockets, the first of which is to fail.
  local failures = {
    { "EPIPE", function()
      local a, b = sockets.unix()
      b:close()
      return a
    end },
    { "EPIPE", function()
      local a, b = sockets.tcp()
      a:shutdown "wr"
      return a, b
    end },
    { "ENOTCONN", function()
      return sockeye.socket("unix", "stream")
    end },
    { "EDESTADDRREQ", function() return sockeye.socket("inet", "dgram") end },
    { "EDESTADDRREQ", function() return sockeye.socket("inet6", "dgram") end },
    { "ENOTCONN", function() return sockeye.socket("unix", "dgram") end },
    { "EISCONN", function() return sockets.unix() end,
      { name = "unix:@sockeye-nobody" } },
    { "ECONNREFUSED", function() return sockeye.socket("unix", "dgram") end,
      { name = "unix:@sockeye-nobody" } },
    { "ENOENT", function() return sockeye.socket("unix", "dgram") end,
      { name = "unix:/nosuch/path" } },
    { "EAFNOSUPPORT", function() return sockeye.socket("inet", "dgram") end,
      { name = "[::1]:9" } },
    { "EINVAL", function() return sockeye.socket("inet", "dgram") end,
      { name = "unix:/x" } },
    { "EMSGSIZE", sockets.udp,
      { iov = { ("x"):rep(60000), ("x"):rep(6000) } } },
    { "EOPNOTSUPP", sockets.unix, { flags = "oob", iov = "" } },
    { "EINVAL", sockets.udp,
      { control = { { level = 0, type = 9999, data = "" } } } },
    { "ENOTSOCK", function() return sockeye.pipe() end },
  }
  for i, case in ipairs(failures) do
    local code, make, message = table.unpack(case)
    it(("raises %s, without a signal (%d)"):format(code, i), function()
      local made = table.pack(make())
      message = message or {}
      message.iov = message.iov or "x"
      local err = errors.raised(code, "sendmsg", made[1].sendmsg, made[1],
                                message)
      if message.name then
        assert.equal(message.name, tostring(err.address))
      end
      sockets.close(table.unpack(made))
    end)
  end

  it("raises the error that an earlier datagram caused", function()
    local s = sockets.bound("127.0.0.1:0", "dgram")
    local a = sockets.bound("127.0.0.1:0", "dgram")
    a:connect(s:getsockname())
    s:close()
    a:sendmsg { iov = "x" }
    assert.is_truthy(sockeye.poll({ [a] = "r" }, 20)[a])
    errors.raised("ECONNREFUSED", "sendmsg", a.sendmsg, a, { iov = "y" })
    a:sendmsg { iov = "x" }
    assert.is_truthy(sockeye.poll({ [a] = "r" }, 20)[a])
    errors.raised("ECONNREFUSED", "recvmsg", a.recvmsg, a, { iov = 9 })
    a:close()
  end)

  it("sends urgent data", function()
    local a, b = sockets.tcp()
    a:sendmsg { iov = { "a", "!" }, flags = "oob" }
    assert.is_truthy(sockeye.poll({ [b] = "p" }, 20)[b])
    local m = b:recvmsg { iov = 9, flags = "oob" }
    assert.same({ "!", { oob = true } }, { m.data, m.flags })
    assert.equal("a", b:recvmsg({ iov = 9 }).data)
    errors.raised("EINVAL", "recvmsg", b.recvmsg, b,
                  { iov = 9, flags = "oob" })
    sockets.close(a, b)
  end)
end)

describe("recvmsg", function()
  descriptors.guard()

  -- Sizes, and what becomes of "abcdef"; and whether a datagram is cut.
  local sizes = {
    { { 6 }, { "abcdef" } }, { { 2, 4 }, { "ab", "cdef" } },
    { { 1, 1, 1, 1, 1, 1 }, { "a", "b", "c", "d", "e", "f" } },
    { { 4, 4 }, { "abcd", "ef" } }, { { 4, 2, 9, 9 }, { "abcd", "ef" } },
    { { 100 }, { "abcdef" } }, { { 0, 6 }, { "", "abcdef" } },
    { { 2, 0, 4, 0 }, { "ab", "", "cdef" } }, { { 2, 3 }, { "ab", "cde" }, 1 },
    { { 1 }, { "a" }, 1 }, { { 5, 0 }, { "abcde" }, 1 },
    { { 100000, 200000 }, { "abcdef" } },
  }

  for kind, make in pairs(messages.all) do
    it("splits a message into pieces of the sizes given: " .. kind, function()
      local a, b = make()
      for _, row in ipairs(sizes) do
        local list, wanted, is_cut = table.unpack(row, 1, 3)
        a:send "abcdef"
        if messages.streams[kind] then
          while sockeye.poll({ [b] = "r" }, 20)[b] and
            #b:recv(9, "peek") < 6 do end
        end
        local m = b:recvmsg { iov = list }
        assert.same(wanted, m.iov)
        assert.equal(table.concat(wanted), m.data)
        if messages.streams[kind] then
          assert.is_nil(m.length)
          assert.same({}, m.flags)
          if is_cut then b:recv(9) end
        else
          assert.equal(is_cut and 6 or nil, m.length)
          assert.same({ trunc = is_cut and true }, m.flags)
        end
      end
      sockets.close(a, b)
    end)

    it("returns a message with peek, and leaves it: " .. kind, function()
      local a, b = make()
      a:send "hello"
      for _ = 1, 2 do
        assert.equal("hello", b:recvmsg({ iov = 9, flags = "peek" }).data)
      end
      assert.equal("hello", b:recvmsg({ iov = 9 }).data)
      assert.is_false(b:recvmsg { iov = 9, flags = "dontwait" })
      assert.is_false(b:recvmsg { iov = 9, flags = "peek dontwait" })
      sockets.close(a, b)
    end)

    it("returns false if it must not wait, and raises ETIMEDOUT: " .. kind,
       function()
      local a, b = make()
      assert.is_false(b:settimeout(0):recvmsg { iov = 9 })
      b:settimeout(0.01)
      local err = errors.raised("ETIMEDOUT", "recvmsg", b.recvmsg, b,
                                { iov = 9, control = true })
      assert.is_true(err.timeout)
      sockets.close(a, b)
    end)

    it("waits for a message: " .. kind, function()
      for _, timeout in ipairs { false, 20 } do
        local a, b = make()
        b:settimeout(timeout or nil)
        local _ <close> = fork.interrupt("USR1", function() a:send "x" end)
        assert.equal("x", b:recvmsg({ iov = 9, control = true }).data)
        sockets.close(a, b)
      end
    end)

    it("of no bytes takes none from a stream, or one datagram: " .. kind,
       function()
      local a, b = make()
      for _, iov in ipairs { 0, {}, { 0, 0 } } do
        a:send "hello"
        local m = b:recvmsg { iov = iov }
        assert.equal("", m.data)
        assert.same(type(iov) == "table" and {} or nil, m.iov)
        if messages.streams[kind] then assert.equal("hello", b:recv(9))
        else assert.same({ 5, { trunc = true } }, { m.length, m.flags }) end
      end
      sockets.close(a, b)
    end)
  end

  for kind, make in pairs(messages.all) do
    if not messages.datagrams[kind] then
      it("returns nil at the end, each time: " .. kind, function()
        local a, b = make()
        a:send "last"
        a:close()
        assert.equal("last", b:recvmsg({ iov = 9 }).data)
        for _, options in ipairs { { iov = 9 }, { iov = { 1, 2 } },
                                   { iov = 9, control = true },
                                   { iov = 9, flags = "peek" },
                                   { iov = 9, flags = "waitall" },
                                   { iov = 1 << 20 } } do
          assert.is_nil(b:recvmsg(options))
        end
        b:close()
      end)
    end
  end

  for kind, make in pairs(messages.datagrams) do
    it("returns the full length with trunc, and truncates: " .. kind, function()
      local a, b = make()
      for _, size in ipairs { 2, 5, 9 } do
        a:send "hello"
        local m = b:recvmsg { iov = size, flags = "trunc" }
        assert.equal(("hello"):sub(1, size), m.data)
        assert.equal(5, m.length)
        assert.equal(size < 5 or nil, m.flags.trunc)
      end
      a:send ""
      assert.equal(0, b:recvmsg({ iov = 9, flags = "trunc" }).length)
      sockets.close(a, b)
    end)
  end

  it("counts the bytes that trunc discards from TCP", function()
    local a, b = sockets.tcp()
    a:sendall "hello, world"
    sockets.arrived(b, 12)
    local m = b:recvmsg { iov = { 3, 2 }, flags = "trunc" }
    assert.same({ "", {}, 5 }, { m.data, m.iov, m.length })
    assert.equal(", world", b:recvmsg({ iov = 99 }).data)
    sockets.close(a, b)
  end)

  it("has the sender if the sender has a name", function()
    for _, family in ipairs { "inet", "inet6" } do
      local a, b = messages.udp(family)
      a:sendto("x", b:getsockname())
      assert.equal(a:getsockname(), b:recvmsg({ iov = 9 }).from)
      b:connect(a:getsockname())
      a:sendto("x", b:getsockname())
      assert.equal(a:getsockname(), b:recvmsg({ iov = 9 }).from)
      sockets.close(a, b)
    end
    local a, b = sockets.tcp()
    a:send "x"
    assert.is_nil(b:recvmsg({ iov = 9 }).from)
    sockets.close(a, b)
    local l <close> = sockets.listener(
      ("unix:@sockeye-recvmsg-%d"):format(sockeye.getpid()))
    local c <close> = sockets.client(l:getsockname())
    local s <close> = l:accept()
    s:send "x"
    c:send "y"
    assert.equal(l:getsockname(), c:recvmsg({ iov = 9 }).from)
    assert.is_nil(s:recvmsg({ iov = 9 }).from)
  end)

  it("returns a large message whole, and a small one cheaply",
     function()
    local a, b = sockets.unix()
    local data = examples.bytes(300000)
    local pid = fork.child(function() a:sendall(data) end)
    local m = b:recvmsg { iov = 300000, flags = "waitall" }
    assert.is_true(m.data == data)
    fork.reap(pid)
    a:send "hello"
    for _, iov in ipairs { 1 << 40, math.maxinteger, { 1 << 30, 1 << 30 } } do
      assert.equal("hello", b:recvmsg({ iov = iov, flags = "peek" }).data)
    end
    sockets.close(a, b)
  end)

  for _, how in ipairs { false, 0, true, 1, 15, 16, 64, 4096, 5000, 1 << 20 } do
    it("accepts a size for control data: " .. tostring(how), function()
      local a, b = sockets.udp()
      b:setsockopt("IP_RECVTTL", true)
      a:send "x"
      local m = b:recvmsg { iov = 9, control = how }
      local room = how == true and 4096 or how or 0
      assert.equal(room > 0, m.control ~= nil)
      local needed = messages.header + 4
      assert.equal(room < needed and true or nil, m.flags.ctrunc)
      assert.equal(room >= needed and 64 or nil, m.control and m.control.ttl)
      sockets.close(a, b)
    end)
  end

  -- The last is not even a socket.
  local failures = {
    { "ENOTCONN", function() return sockeye.socket("inet", "stream") end },
    { "EINVAL", function() return sockeye.socket("unix", "stream") end },
    { "ENOTCONN", sockets.listener },
    { "EBADF", function()
      local s = sockeye.socket("inet", "dgram")
      s:close()
      return s
    end },
    { "ENOTSOCK", function() return sockeye.pipe() end },
  }
  for _, case in ipairs(failures) do
    it("raises " .. case[1], function()
      local made = table.pack(case[2]())
      errors.raised(case[1], "recvmsg", made[1].recvmsg, made[1], { iov = 9 })
      sockets.close(table.unpack(made))
    end)
  end
end)
