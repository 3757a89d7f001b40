local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

-- What connects two ends of a stream.
local streams = { tcp = sockets.tcp, unix = sockets.unix }

local readers = { "recv", "recvfrom", "read" }

describe("what is received", function()
  descriptors.guard()

  local sizes = { 1, 8191, 8192, 8193, 262143, 262144, 262145, 1 << 30,
                  math.maxinteger }

  for kind, make in pairs(streams) do
    for _, method in ipairs(readers) do
      it(("is what arrived, up to the size: %s, %s"):format(kind, method),
         function()
        local a, b = make()
        local data = examples.bytes(20000)
        for _, size in ipairs(sizes) do
          a:sendall(data)
          local parts, count = {}, 0
          while count < #data do
            local part = b[method](b, size)
            assert.is_true(#part > 0 and #part <= size)
            parts[#parts + 1], count = part, count + #part
            if size < 100 then
              parts[#parts + 1] = b:recv(#data - count, "waitall")
              count = #data
            end
          end
          assert.is_true(table.concat(parts) == data)
        end
        sockets.close(a, b)
      end)
    end

    it("has the full size with waitall, whatever the size: " .. kind,
       function()
      local a, b = make()
      local data = examples.bytes(262145)
      local pid = fork.child(function()
        b:close()
        for _ = 1, 2 * (#sizes - 2) do a:sendall(data) end
      end)
      for _, method in ipairs { "recv", "recvfrom" } do
        for i = 1, #sizes - 2 do
          local part = b[method](b, sizes[i], "waitall")
          local rest = #data - sizes[i]
          assert.is_true(part == data:sub(1, sizes[i]))
          assert.is_true(part .. (rest > 0 and b:recv(rest, "waitall") or "")
                         == data)
        end
      end
      fork.reap(pid)
      sockets.close(a, b)
    end)
  end

  it("is empty for size 0, once there is data",
     function()
    for _, make in pairs(streams) do
      local a, b = make()
      assert.is_false(b:recv(0, "dontwait"))
      a:send "x"
      for _, method in ipairs(readers) do
        assert.equal("", (b[method](b, 0)))
      end
      assert.equal("x", b:recv(1))
      a:close()
      assert.equal("", b:recv(0))
      assert.is_nil(b:recv(1))
      b:close()
    end
  end)

  it("is a whole datagram of the greatest size, by any call", function()
    local a, b = sockets.udp()
    local data = examples.bytes(65507)
    for _, method in ipairs(readers) do
      assert.equal(65507, a:sendall(data))
      assert.is_true(data == (b[method](b, 65507)))
    end
    assert.equal(65507, a:write(data))
    local got, from, length = b:recvfrom(1 << 30)
    assert.is_true(got == data and from == a:getsockname() and not length)
    sockets.close(a, b)
  end)

  it("has the sender if a stream has a name", function()
    local l <close> = sockets.listener(
      ("unix:@sockeye-transfer-%d"):format(sockeye.getpid()))
    local c <close> = sockets.client(l:getsockname())
    local a <close> = l:accept()
    a:send "hello"
    assert.same({ "hello", l:getsockname() }, { c:recvfrom(5) })
    a:sendall "hel"
    a:shutdown "wr"
    assert.same({ "hel", l:getsockname() }, { c:recvfrom(5, "waitall") })
  end)
end)

describe("the end", function()
  descriptors.guard()

  for kind, make in pairs {
    tcp = sockets.tcp,
    ["unix stream"] = sockets.unix,
    ["unix seqpacket"] = function() return sockets.unix "seqpacket" end,
    pipe = function()
      local r, w = sockeye.pipe()
      return w, r
    end,
  } do
    it("is nil each time: " .. kind, function()
      local a, b = make()
      a:close()
      for _, method in ipairs(kind == "pipe" and { "read" } or readers) do
        for _, size in ipairs { 1, 10000, 1 << 30 } do
          assert.is_nil((b[method](b, size)))
        end
        b:settimeout(0)
        assert.is_nil((b[method](b, 1)))
      end
      b:close()
    end)
  end

  for kind, make in pairs {
    udp = sockets.udp,
    ["unix dgram"] = function() return sockets.unix "dgram" end,
  } do
    it("is none for datagrams, of which the empty one is \"\": " .. kind,
       function()
      local a, b = make()
      for _, method in ipairs(readers) do
        for _, size in ipairs { 1, 10000, 1 << 30 } do
          assert.equal(0, a:send "")
          assert.equal("", (b[method](b, size)))
        end
      end
      assert.is_false(b:recv(1, "dontwait"))
      sockets.close(a, b)
    end)
  end

  it("is none for a raw socket", function()
    local ok, s = pcall(sockeye.socket, "inet", "raw", 253)
    if not ok then return pending(tostring(s)) end
    s:settimeout(20)
    s:sendto("", "127.0.0.1:0")
    -- Its header alone.
    assert.equal(20, #s:recv(100))
    s:sendto("hello", "127.0.0.1:0")
    assert.same({ "E", 25 }, { s:recv(1) })
    s:close()
  end)
end)

describe("a flag", function()
  descriptors.guard()

  it("may be a name, several names, or a number", function()
    local a, b = sockets.unix()
    a:send "hello"
    local peek = sockeye.MSG_PEEK
    for _, flags in ipairs {
      "peek", "MSG_PEEK", "PEEK", "peek dontwait", "dontwait  MSG_PEEK", peek,
      peek | sockeye.MSG_DONTWAIT,
    } do
      assert.equal("hello", b:recv(9, flags))
      assert.equal("hello", (b:recvfrom(9, flags)))
    end
    assert.equal("he", b:recv(2, ""))
    assert.equal("llo", b:recv(9, 0))
    sockets.close(a, b)
  end)

  it("that is unknown is rejected with the nearest name",
     function()
    local a, b = sockets.unix()
    a:send "hello"
    local function with(flags)
      return { recv = { 9, flags }, recvfrom = { 9, flags },
               send = { "x", flags }, sendto = { "x", nil, flags } }
    end
    for method, arguments in pairs(with "dontwait peke") do
      local message = errors.rejected("bad argument", b[method], b,
                                      table.unpack(arguments, 1, 3))
      assert.matches("peke.*peek", message)
    end
    for method, arguments in pairs(with {}) do
      errors.rejected("bad argument", b[method], b,
                      table.unpack(arguments, 1, 3))
    end
    assert.equal("hello", b:recv(9))
    assert.is_false(b:recv(9, "dontwait"))
    sockets.close(a, b)
  end)

  it("trunc is ignored on a Unix stream, and nothing is lost", function()
    local a, b = sockets.unix()
    a:send "hello"
    assert.same({ "hel", 3 }, { b:recv(3, "trunc") })
    assert.equal("lo", (b:recv(9, "trunc")))
    a:close()
    assert.is_nil((b:recv(9, "trunc")))
    b:close()
  end)

  it("trunc returns no byte that TCP has discarded", function()
    local a, b = sockets.tcp()
    a:send "hello"
    assert.same({ "", 3 }, { b:recv(3, "trunc peek") })
    assert.same({ "", 3 }, { b:recv(3, "trunc") })
    assert.equal("lo", b:recv(9))
    local data = ("x"):rep(20000)
    a:sendall(data)
    assert.equal(20000, #b:recv(20000, "peek waitall"))
    assert.same({ "", 20000 }, { b:recv(30000, "trunc") })
    a:close()
    assert.is_nil((b:recv(9, "trunc")))
    b:close()
  end)

  it("errqueue never waits", function()
    for _, make in ipairs { sockets.tcp, sockets.udp } do
      local a, b = make()
      for _, timeout in ipairs { 20, 0 } do
        a:settimeout(timeout)
        assert.is_false((a:recv(9, "errqueue")))
        assert.is_false((a:recvfrom(9, "errqueue waitall")))
      end
      a:settimeout(nil)
      assert.is_false(a:recv(9, "errqueue"))
      sockets.close(a, b)
    end
  end)

  it("errqueue receives the message that failed", function()
    local s <close> = sockets.bound("127.0.0.1:0", "dgram")
    local gone <close> = sockets.bound("127.0.0.1:0", "dgram")
    local address = gone:getsockname()
    gone:close()
    s:setsockopt("IP_RECVERR", true)
    s:sendto("hello", address)
    assert.is_truthy(sockeye.poll({ [s] = "r" }, 20)[s])
    assert.same({ "hello", address }, { s:recvfrom(9, "errqueue") })
  end)

  it("oob is one byte, also with waitall", function()
    local a, b = sockets.tcp()
    a:send("!", "oob")
    assert.equal("p", sockeye.poll({ [b] = "p" }, 20)[b])
    assert.equal("!", b:recv(9, "oob waitall"))
    sockets.close(a, b)
  end)

  -- Announced by the first segments, the byte itself has no room yet.
  for title, timeout in pairs { ["without a time-out"] = false,
                                ["with a time-out"] = 20 } do
    it("oob waits for a byte that is announced, " .. title, function()
      local l <close> = sockets.listener()
      l:setsockopt("SO_RCVBUF", 4096)
      local a, b = sockets.client(l:getsockname()), l:accept()
      b:settimeout(timeout or nil)
      assert.equal(40001, a:send(("x"):rep(40000) .. "!", "oob"))
      assert.is_truthy(sockeye.poll({ [b] = "r" }, 20)[b])
      assert.is_false(b:recv(1, "oob dontwait"))
      local _ <close> = fork.interrupt("USR1", function()
        if not sockeye.poll({ [b] = "p" }, 0)[b] then
          b:recv(4096, "dontwait")
        end
      end, 1000)
      assert.equal("!", b:recv(1, "oob"))
      sockets.close(a, b)
    end)
  end

  it("eor ends a record, and dontroute stays on this host", function()
    local a, b = sockets.unix "seqpacket"
    a:send("one", "eor")
    a:send("two", "eor")
    assert.equal("one", b:recv(9))
    assert.equal("two", b:recv(9))
    sockets.close(a, b)
    a, b = sockets.udp()
    a:send("hello", "dontroute confirm")
    assert.equal("hello", b:recv(9))
    sockets.close(a, b)
  end)
end)

describe("waitall", function()
  descriptors.guard()

  for _, size in ipairs { 10, 20000, 300000 } do
    it(("raises ETIMEDOUT with the data so far as partial: %d"):format(size),
       function()
      for _, make in pairs(streams) do
        local a, b = make()
        local data = examples.bytes(size - 1)
        a:settimeout(0)
        a:sendall(data)
        b:settimeout(0.02)
        for _, method in ipairs { "recv", "recvfrom" } do
          local taken = b:recv(1)
          local err = errors.raised("ETIMEDOUT", method, b[method], b, size,
                                    "waitall")
          assert.is_true(err.timeout)
          data = taken .. err.partial
          assert.is_false(b:recv(1, "dontwait"))
          a:sendall(data)
        end
        assert.equal(#data, #b:recv(#data, "waitall"))
        sockets.close(a, b)
      end
    end)
  end

  it("raises without a partial if nothing arrived", function()
    local a, b = sockets.unix()
    b:settimeout(0.01)
    assert.is_nil(errors.raised("ETIMEDOUT", "recv", b.recv, b, 9,
                                "waitall").partial)
    sockets.close(a, b)
  end)

  it("returns what is there if it must not wait", function()
    local a, b = sockets.unix()
    assert.is_false(b:recv(9, "waitall dontwait"))
    a:send "hello"
    assert.equal("hello", b:recv(9, "waitall dontwait"))
    b:settimeout(0)
    a:send "hello"
    assert.equal("hello", b:recv(9, "waitall"))
    sockets.close(a, b)
  end)

  it("raises ECONNRESET with the data before it", function()
    local a, b = sockets.unix()
    a:send "left unread"
    local pid = fork.child(function()
      b:send "hello"
      fork.await(sockeye.getppid(), "S")
    end)
    b:close()
    local err = errors.raised("ECONNRESET", "recv", a.recv, a, 9, "waitall")
    assert.equal("hello", err.partial)
    fork.reap(pid)
    a:close()
  end)

  for title, timeout in pairs { untimed = false, timed = 20 } do
    it("continues after signals: " .. title, function()
      for _, make in pairs(streams) do
        local a, b = make()
        b:settimeout(timeout or nil)
        local parts = { ("a"):rep(8191), "bc", ("d"):rep(9000), "e" }
        local all, calls = table.concat(parts), 0
        do
          local _ <close> = fork.interrupt("USR1", function()
            calls = calls + 1
            a:sendall(parts[calls] or "")
          end, 1000)
          assert.is_true(all == b:recv(#all, "waitall"))
        end
        assert.is_true(calls >= #parts)
        sockets.close(a, b)
      end
    end)

    it("keeps the data when a handler closes the socket: " .. title,
       function()
      local a, b = sockets.unix()
      b:settimeout(timeout or nil)
      a:send "hello"
      local _ <close> = fork.interrupt("USR1", function() b:close() end)
      local err = errors.closed("recv", b.recv, b, 9, "waitall")
      assert.equal("hello", err.partial)
      a:close()
    end)
  end
end)
