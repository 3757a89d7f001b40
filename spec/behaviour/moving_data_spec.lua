local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local hash = require "spec.support.hash"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local every_byte = {}
for i = 0, 255 do every_byte[i + 1] = string.char(i) end
every_byte = table.concat(every_byte)

-- What connects two ends of a stream.
local streams = { TCP = sockets.tcp, unix = sockets.unix }

describe("a stream", function()
  descriptors.guard()

  for kind, make in pairs(streams) do
    for _, names in ipairs { { "send", "recv" }, { "write", "read" },
                             { "sendall", "recv" }, { "send", "read" } } do
      local put, get = table.unpack(names)

      it(("io-1: passes every byte: %s, %s, %s"):format(kind, put, get),
         function()
        local a, b = make()
        assert.equal(256, a[put](a, every_byte))
        assert.equal(every_byte, b[get](b, 1000))
        assert.equal(2, b[put](b, "\r\n"))
        assert.equal("\r\n", a[get](a, 1000))
        sockets.close(a, b)
      end)
    end

    it("io-1: returns what is there, at most the size asked for: " .. kind,
       function()
      local a, b = make()
      a:send "hello"
      assert.equal("he", b:recv(2))
      assert.equal("llo", b:recv(100))
      a:send "one "
      a:send "two"
      assert.equal("one two", b:recv(7, "waitall"))
      sockets.close(a, b)
    end)

    it("io-1: sends a part if there is no room for all: " .. kind,
       function()
      local a, b = make()
      a:settimeout(0)
      local large = ("x"):rep(1 << 24)
      local taken = a:send(large)
      assert.is_true(taken > 0 and taken < #large)
      sockets.fill(a, #large)
      assert.is_false(a:send(large))
      sockets.close(a, b)
    end)

    for _, get in ipairs { "recv", "read" } do
      it(("io-1: returns nil at the end, each time: %s, %s"):format(kind, get),
         function()
        local a, b = make()
        a:send "last"
        a:close()
        assert.equal("last", b[get](b, 9))
        assert.is_nil(b[get](b, 9))
        assert.is_nil(b[get](b, 9))
        b:close()
      end)
    end
  end
end)

-- How many segments with data have come to it.
local function segments(s)
  return s:getsockopt("TCP_INFO").data_segs_in
end

describe("a flag", function()
  descriptors.guard()

  it("io-2: MSG_PEEK leaves the data there", function()
    for _, make in ipairs { sockets.tcp, sockets.unix, sockets.udp } do
      local a, b = make()
      a:send "hello"
      assert.equal("hel", (b:recv(3, "peek")))
      assert.equal("hello", b:recv(9, "peek"))
      assert.equal("hello", (b:recvfrom(9, "MSG_PEEK")))
      assert.equal("hello", b:recv(9, sockeye.MSG_PEEK))
      assert.equal("hello", b:recv(9))
      assert.is_false(b:recv(9, "dontwait"))
      sockets.close(a, b)
    end
  end)

  it("io-2: MSG_DONTWAIT keeps this call alone from waiting", function()
    for _, make in ipairs { sockets.tcp, sockets.unix, sockets.udp } do
      local a, b = make()
      a:settimeout(nil)
      b:settimeout(nil)
      assert.is_false(b:recv(9, "dontwait"))
      assert.is_false(b:recv(9, "peek dontwait"))
      assert.is_false(b:fcntl "O_NONBLOCK")
      a:send "x"
      assert.equal("x", b:recv(9, "dontwait"))
      sockets.close(a, b)
    end
    local a, b = sockets.tcp()
    local block = ("x"):rep(65536)
    repeat until not a:send(block, "dontwait")
    assert.is_false(a:fcntl "O_NONBLOCK")
    sockets.close(a, b)
  end)

  for kind, make in pairs(streams) do
    it("io-2: MSG_WAITALL waits for all of it: " .. kind, function()
      local a, b = make()
      b:settimeout(nil)
      a:send "one "
      local pid = fork.child(function()
        local parent = sockeye.getppid()
        for _, part in ipairs { "two ", "three ", "four" } do
          fork.await(parent, "S")
          a:send(part)
        end
      end)
      assert.equal("one two three ", b:recv(14, "waitall"))
      assert.equal("four", b:recv(4, "waitall"))
      fork.reap(pid)
      sockets.close(a, b)
    end)

    it("io-2: MSG_WAITALL gets less at the end: " .. kind, function()
      local a, b = make()
      a:send "all"
      a:close()
      assert.equal("all", b:recv(10, "waitall"))
      assert.is_nil(b:recv(10, "waitall"))
      b:close()
    end)
  end

  it("io-2: MSG_WAITALL gets one datagram, as without", function()
    local a, b = sockets.udp()
    a:send "one"
    a:send "two"
    assert.equal("one", b:recv(6, "waitall"))
    sockets.close(a, b)
  end)

  it("io-2: MSG_OOB sends a byte past the others", function()
    local c, a = sockets.tcp()
    c:send "abc"
    c:send("!", "oob")
    c:send "def"
    sockets.arrived(a, 7)
    assert.equal("!", a:recv(9, "oob"))
    assert.equal("abc", a:recv(9))
    assert.equal("def", a:recv(9))
    sockets.close(c, a)
  end)

  it("io-2: MSG_OOB makes the last byte alone urgent", function()
    local c, a = sockets.tcp()
    c:send("xyz", "oob")
    sockets.arrived(a, 3)
    assert.equal("z", a:recv(9, "oob"))
    assert.equal("xy", a:recv(9))
    sockets.close(c, a)
  end)

  it("io-2: MSG_OOB receives urgent data, if there is some, once",
     function()
    local c, a = sockets.tcp()
    c:send "abc"
    sockets.arrived(a, 3)
    errors.raised("EINVAL", "recv", a.recv, a, 1, "oob")
    c:send("!", "oob")
    sockets.arrived(a, 4)
    assert.equal("!", a:recv(1, "oob"))
    errors.raised("EINVAL", "recv", a.recv, a, 1, "oob")
    sockets.close(c, a)
  end)

  it("io-2: MSG_OOB again makes the former byte an ordinary one", function()
    local c, a = sockets.tcp()
    c:send "abc"
    c:send("1", "oob")
    c:send "def"
    c:send("2", "oob")
    sockets.arrived(a, 8)
    assert.equal("2", a:recv(1, "oob"))
    assert.equal("abc1def", a:recv(99))
    sockets.close(c, a)
  end)

  it("io-2: sockatmark returns whether the urgent byte is next", function()
    local c, a = sockets.tcp()
    c:send "abc"
    c:send("!", "oob")
    c:send "def"
    sockets.arrived(a, 7)
    assert.is_false(a:sockatmark())
    assert.equal("ab", a:recv(2))
    assert.is_false(a:sockatmark())
    -- It reads up to the mark, whatever was asked for.
    assert.equal("c", a:recv(9))
    assert.is_true(a:sockatmark())
    assert.equal("def", a:recv(9))
    assert.is_false(a:sockatmark())
    sockets.close(c, a)
  end)

  it("io-2: SO_OOBINLINE leaves the urgent byte in its place", function()
    local c, a = sockets.tcp()
    a:setsockopt("SO_OOBINLINE", true)
    c:send "abc"
    c:send("!", "oob")
    c:send "def"
    sockets.arrived(a, 7)
    errors.raised("EINVAL", "recv", a.recv, a, 1, "oob")
    assert.equal("abc", a:recv(9))
    assert.is_true(a:sockatmark())
    assert.equal("!def", a:recv(9))
    sockets.close(c, a)
  end)

  for _, flags in ipairs { "nosignal", "" } do
    it(("io-2: MSG_NOSIGNAL, %s, leaves the process alive"):format(
       flags == "" and "not asked for" or "asked for"), function()
      local a, b = sockets.unix()
      b:close()
      local pid = fork.child(function()
        sockeye.signal("SIGPIPE", "default")
        local ok, err = pcall(a.send, a, "x", flags)
        assert(not ok and err.code == "EPIPE")
      end)
      fork.reap(pid)
      a:close()
    end)
  end

  it("io-2: MSG_MORE makes several calls one segment", function()
    local c, a = sockets.tcp()
    c:setsockopt("TCP_NODELAY", true)
    local before = segments(a)
    c:send("one ", "more")
    c:send("two ", "more")
    c:send "three"
    assert.equal("one two three", a:recv(13, "waitall"))
    assert.equal(1, segments(a) - before)
    before = segments(a)
    for _, part in ipairs { "one ", "two ", "three" } do c:send(part) end
    assert.equal("one two three", a:recv(13, "waitall"))
    assert.equal(3, segments(a) - before)
    sockets.close(c, a)
  end)

  it("io-2: MSG_MORE makes several calls one datagram", function()
    local a, b = sockets.udp()
    a:send("one ", "more")
    a:sendto("two ", nil, "more")
    assert.is_false(b:recv(99, "dontwait"))
    a:send "three"
    assert.equal("one two three", b:recv(99))
    assert.is_false(b:recv(99, "dontwait"))
    sockets.close(a, b)
  end)

  it("io-2: MSG_TRUNC returns the length of the whole datagram", function()
    for _, make in ipairs { sockets.udp,
                            function() return sockets.unix "dgram" end } do
      local a, b = make()
      for _ = 1, 3 do a:send "hello" end
      assert.same({ "he", 5 }, { b:recv(2, "trunc") })
      assert.same({ "hello", 5 }, { b:recv(9, "trunc peek") })
      local data, from, length = b:recvfrom(0, "trunc")
      assert.same({ "", 5 }, { data, length })
      assert.equal(a:getsockname().path, from and from.path)
      assert.equal("hello", b:recv(9))
      sockets.close(a, b)
    end
  end)

  it("io-2: MSG_TRUNC discards from TCP on Linux", function()
    local c, a = sockets.tcp()
    c:send "hello"
    sockets.arrived(a, 5)
    assert.same({ "", 2 }, { a:recv(2, "trunc") })
    assert.equal("llo", a:recv(9))
    sockets.close(c, a)
  end)
end)

describe("sendto and recvfrom", function()
  descriptors.guard()

  local function udp()
    return sockets.bound("127.0.0.1:0", "dgram")
  end

  it("io-3: name the peer on UDP", function()
    local s <close> = udp()
    local one <close> = udp()
    local other <close> = udp()
    for _, c in ipairs { one, other } do
      assert.equal(5, c:sendto("hello", s:getsockname()))
      local data, from = s:recvfrom(99)
      assert.same({ "hello", c:getsockname() }, { data, from })
      s:sendto("back", from)
      assert.same({ "back", s:getsockname() }, { c:recvfrom(99) })
    end
  end)

  it("io-3: need no address on connected UDP, and still return it", function()
    local a, b = sockets.udp()
    assert.equal(5, a:sendto("hello", nil))
    assert.same({ "hello", a:getsockname() }, { b:recvfrom(99) })
    sockets.close(a, b)
  end)

  it("io-3: need a peer on UDP", function()
    local s <close> = udp()
    errors.raised("EDESTADDRREQ", "sendto", s.sendto, s, "x", nil)
  end)

  it("io-3: bind a socket that has no name yet", function()
    local s <close> = udp()
    local c <close> = sockeye.socket("inet", "dgram")
    assert.equal(0, c:getsockname().port)
    c:sendto("x", s:getsockname())
    local _, from = s:recvfrom(1)
    assert.is_true(c:getsockname().port > 0)
    assert.equal(c:getsockname().port, from.port)
  end)

  it("io-3: go without an address on TCP", function()
    local c, a = sockets.tcp()
    assert.equal(5, c:sendto("hello", nil))
    assert.same({ "hello", n = 2 }, table.pack(a:recvfrom(99)))
    c:close()
    assert.same({ n = 2 }, table.pack(a:recvfrom(99)))
    a:close()
  end)

  -- POSIX has EISCONN, as BSD has.
  it("io-3: ignore the address on connected TCP, on Linux", function()
    local c, a = sockets.tcp()
    c:sendto("hello", "192.0.2.1:9")
    assert.equal("hello", (a:recvfrom(99)))
    sockets.close(c, a)
  end)

  -- POSIX has ENOTCONN.
  it("io-3: are EPIPE and ENOTCONN on TCP without a peer, on Linux",
     function()
    local l <close> = sockets.listener()
    local s <close> = sockeye.socket("inet", "stream")
    errors.raised("EPIPE", "sendto", s.sendto, s, "x", l:getsockname())
    errors.raised("EPIPE", "sendto", s.sendto, s, "x", nil)
    errors.raised("ENOTCONN", "recvfrom", s.recvfrom, s, 1)
  end)
end)

describe("sendmsg and recvmsg", function()
  descriptors.guard()

  it("io-4: carry name, buffers, control data and flags over UDP", function()
    local a = sockets.bound("127.0.0.1:0", "dgram")
    local b = sockets.bound("127.0.0.1:0", "dgram"):setsockopt("IP_RECVTTL",
                                                               true)
    assert.equal(10, a:sendmsg {
      iov = { "one", "two", "four" }, name = b:getsockname(),
      control = { ttl = 33 }, flags = "dontwait",
    })
    assert.same({
      data = "onetwofo", iov = { "onet", "", "wofo" }, length = 10,
      from = a:getsockname(), control = { ttl = 33 }, flags = { trunc = true },
    }, b:recvmsg { iov = { 4, 0, 4 }, control = true })
    assert.is_false(b:recvmsg { iov = 9, flags = "dontwait" })
    sockets.close(a, b)
  end)

  it("io-4: need no name on TCP, which has a peer, and ignore one", function()
    local c, a = sockets.tcp()
    a:setsockopt("IP_RECVTTL", true)
    for _, name in ipairs { false, "192.0.2.1:9" } do
      assert.equal(6, c:sendmsg { iov = { "one", "two" }, name = name or nil })
      assert.same({ data = "onetwo", iov = { "onet", "wo" }, flags = {},
                    control = {} },
                  a:recvmsg { iov = { 4, 4, 4 }, control = true })
    end
    c:close()
    assert.is_nil(a:recvmsg { iov = { 4 }, control = true })
    a:close()
  end)

  it("io-4: report urgent data by their flags", function()
    local c, a = sockets.tcp()
    c:sendmsg { iov = { "a", "!" }, flags = "oob" }
    assert.is_truthy(sockeye.poll({ [a] = "p" }, 20)[a])
    assert.same({ data = "!", flags = { oob = true } },
                a:recvmsg { iov = 9, flags = "oob" })
    assert.equal("a", a:recvmsg({ iov = 9, flags = "peek" }).data)
    sockets.close(c, a)
  end)
end)

-- Two ends of each kind that keeps the bounds of messages.
local messages = {
  UDP = sockets.udp,
  ["unix dgram"] = function() return sockets.unix "dgram" end,
  ["unix seqpacket"] = function() return sockets.unix "seqpacket" end,
}

describe("a datagram", function()
  descriptors.guard()

  for kind, make in pairs(messages) do
    it("io-5: is marked when truncated, and the rest is lost: " .. kind,
       function()
      local a, b = make()
      for _ = 1, 2 do a:send "hello" end
      a:send "fits"
      assert.same({ "he", 5, n = 2 }, table.pack(b:recv(2)))
      local data, _, length = b:recvfrom(4)
      assert.same({ "hell", 5 }, { data, length })
      assert.same({ "fits", n = 1 }, table.pack(b:recv(4)))
      sockets.close(a, b)
    end)
  end

  for _, kind in ipairs { "UDP", "unix dgram" } do
    it("io-5: is delivered when empty, and not the end: " .. kind, function()
      local a, b = messages[kind]()
      assert.equal(0, a:send "")
      a:send "next"
      a:send ""
      assert.equal("", b:recv(9))
      assert.equal("next", b:recv(9))
      assert.equal("", (b:recvfrom(9)))
      assert.is_false(b:recv(9, "dontwait"))
      sockets.close(a, b)
    end)
  end

  it("io-5: is cut to nothing by a size of 0", function()
    local a, b = sockets.udp()
    a:send "hello"
    assert.same({ "", 5 }, { b:recv(0) })
    sockets.close(a, b)
  end)

  it("io-5: of 65,507 bytes arrives whole, a larger one is not sent",
     function()
    local a, b = sockets.udp()
    local data = examples.bytes(65507)
    assert.equal(65507, a:send(data))
    local got, length = b:recv(70000)
    assert.is_true(got == data)
    assert.is_nil(length)
    errors.raised("EMSGSIZE", "send", a.send, a, data .. "x")
    sockets.close(a, b)
  end)
end)

local block_size <const> = 1 << 20
local blocks <const> = 64

-- Calls f with each of the blocks, no two of them alike.
local function each_block(f)
  local block = examples.bytes(block_size - 8)
  for i = 1, blocks do f(string.pack("<I8", i) .. block) end
end

local function echo(s)
  for data in function() return s:read(65536) end do s:sendall(data) end
  s:shutdown "wr"
end

describe("bulk data #slow", function()
  descriptors.guard()

  for kind, make in pairs(streams) do
    it("io-1: of 64 MiB goes there and back unchanged: " .. kind, function()
      local a, b = make()
      local server = fork.child(function()
        a:close()
        echo(b)
      end)
      b:close()
      local writer = fork.child(function()
        each_block(function(block) a:sendall(block) end)
        a:shutdown "wr"
      end)
      local got, expected = hash.new(), hash.new()
      for data in function() return a:recv(100000) end do got:add(data) end
      fork.reap(writer)
      fork.reap(server)
      each_block(function(block) expected:add(block) end)
      assert.equal(expected:result(), got:result())
      assert.equal(block_size * blocks, got.count)
      a:close()
    end)
  end

  it("io-1: asked for does not take memory for what does not come",
     function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local function peak()
        local file <close> = io.open "/proc/self/status"
        return tonumber(file:read("a"):match "VmHWM:%s*(%d+)")
      end
      local a, b = sockeye.socketpair()
      local before, count = peak(), collectgarbage "count"
      for _, flags in ipairs { "", "peek", "dontwait" } do
        a:send "hello"
        assert(b:recv(1 << 30, flags):find "^hello")
      end
      a:send "hello"
      assert(b:read(1 << 30):find "^hello")
      a:send "hello"
      a:shutdown "wr"
      assert(b:recv(1 << 30, "waitall") == "hello")
      print(peak() - before < 1 << 16, collectgarbage "count" - count < 1 << 16)
    ]]
    assert.equal("true\ttrue\n", result.stdout .. result.stderr)
  end)
end)
