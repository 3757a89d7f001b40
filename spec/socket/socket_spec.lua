local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local methods = require "spec.support.methods"
local process = require "spec.support.process"

local function flags_of(fd)
  for line in io.lines("/proc/self/fdinfo/" .. fd) do
    local octal = line:match("^flags:%s*(%d+)")
    if octal then return tonumber(octal, 8) end
  end
end

local close_on_exec <const> = tonumber("2000000", 8)

describe("a socket", function()
  descriptors.guard()

  local kinds = {
    { "inet", "stream" }, { "inet", "dgram" }, { "inet6", "stream" },
    { "inet6", "dgram" }, { "unix", "stream" }, { "unix", "dgram" },
    { "unix", "seqpacket" }, { "netlink", "raw" }, { "netlink", "dgram" },
  }

  for _, kind in ipairs(kinds) do
    it(("may be %s %s, and is close-on-exec"):format(kind[1], kind[2]),
      function()
        local s <close> = sockeye.socket(kind[1], kind[2])
        assert.matches(("^socket%%(%s %s fd %d"):format(kind[1], kind[2],
                                                       s:fd()), tostring(s))
        assert.equal(close_on_exec, flags_of(s:fd()) & close_on_exec)
        assert.is_true(s:fcntl("FD_CLOEXEC"))
      end)
  end

  local failures = {
    { "ESOCKTNOSUPPORT", "inet seqpacket", "inet", "seqpacket" },
    { "EPROTONOSUPPORT", "inet stream udp", "inet", "stream", "udp" },
    { "EPROTONOSUPPORT", "inet dgram 6", "inet", "dgram", 99,
      subject = "inet dgram 99" },
    { "EPROTONOSUPPORT", "inet dgram tcp", "inet", "dgram", "tcp" },
    { "EAFNOSUPPORT", "unspec stream", "unspec", "stream" },
    { "EAFNOSUPPORT", "99 stream", 99, "stream" },
    { "EINVAL", "inet 15", "inet", 15 },
    { "ESOCKTNOSUPPORT", "unix rdm", "unix", "rdm" },
  }

  for _, case in ipairs(failures) do
    local subject = case.subject or case[2]
    it(("cannot be %s: %s"):format(subject, case[1]), function()
      local err = errors.raised(case[1], "socket", sockeye.socket,
                                table.unpack(case, 3))
      assert.equal(subject, err.subject)
    end)
  end

  it("takes flags with the number of its type", function()
    -- SOCK_NONBLOCK and SOCK_CLOEXEC.
    local number = sockeye.SOCK_STREAM | 0x800 | 0x80000
    local s <close> = sockeye.socket("inet", number)
    assert.is_true(s:fcntl("O_NONBLOCK"))
    assert.matches("^socket%(inet stream ", tostring(s))
    s:bind("127.0.0.1:0"):listen()
    assert.is_false(s:accept())
  end)

  it("is of the type sockeye.Socket, without other fields", function()
    local s <close> = sockeye.socket("inet", "stream")
    assert.equal("sockeye.Socket", getmetatable(s))
    assert.is_nil(s.no_such_method)
    assert.is_nil(s[1])
    assert.has_error(function() s.field = 1 end)
  end)
end)

describe("a closed socket", function()
  descriptors.guard()

  for _, name in ipairs(methods.names()) do
    if name ~= "close" then
      it("raises EBADF from " .. name, function()
        local s = sockeye.socket("inet", "stream")
        s:close()
        local err = errors.raised("EBADF", name, s[name], s,
                                  methods.arguments(name))
        assert.equal(9, err.errno)
      end)
    end
  end

  it("may be closed again", function()
    local s = sockeye.socket("inet", "stream")
    local fd = s:fd()
    assert.equal(0, select("#", s:close()))
    assert.equal(0, select("#", s:close()))
    local t <close> = sockeye.socket("inet", "stream")
    assert.equal(fd, t:fd())
    s:close()
    assert.equal("CLOSED", t:state())
  end)

  it("prints", function()
    local s = sockeye.socket("inet", "stream")
    s:close()
    assert.equal("socket(closed)", tostring(s))
  end)
end)

describe("a method of a socket", function()
  descriptors.guard()

  local others = { nil, 1, "text", true, {}, print, io.stdout,
                   sockeye.inet(), sockeye, coroutine.create(print) }

  for name, method in pairs(methods.all()) do
    it(("rejects other values as its socket: %s"):format(name), function()
      for i = 1, 10 do
        errors.rejected("bad argument #1.*sockeye.Socket expected", method,
                        others[i], methods.arguments(name))
      end
      errors.rejected("bad argument #1", method)
    end)
  end

  -- Calls a method of 200 sockets, which are then collected; `release` gets
  -- each of them before. Returns a table with the addresses where they stood.
  local function collected(release)
    local addresses = {}
    for _ = 1, 100 do
      for _, s in ipairs { sockeye.socketpair() } do
        assert.is_false(s:recv(1, "dontwait"))
        addresses[("%p"):format(s)] = true
        release(s)
      end
    end
    collectgarbage()
    collectgarbage()
    return addresses
  end

  -- Rejects each of the objects that stands where a socket was. Makes no socket
  -- meanwhile. Returns how many there are.
  local send <const>, recv <const> = methods.all().send, methods.all().recv
  local kept = {}
  local function reject_successors(addresses, most)
    local successors = 0
    for port = 1, most do
      local other <const> = sockeye.inet("127.0.0.1", port)
      kept[#kept + 1] = other
      if addresses[("%p"):format(other)] then
        successors = successors + 1
        errors.rejected("bad argument #1.*sockeye.Socket expected",
                        send, other, "x")
        errors.rejected("bad argument #1.*sockeye.Socket expected",
                        recv, other, 1)
      end
    end
    return successors
  end

  local function must_be_some(successors)
    kept = {}
    if successors == 0 then pending "no memory is used again here" end
    assert.is_true(successors > 0)
  end

  it("rejects what takes the place of a collected socket", function()
    must_be_some(reject_successors(collected(function() end), 20000))
  end)

  it("rejects what takes the place of a socket that came back", function()
    local back = {}
    local addresses = collected(function(s)
      setmetatable({}, { s = s, __gc = function(t)
        back[#back + 1] = getmetatable(t).s
      end })
    end)
    assert.equal(200, #back)
    for _, s in ipairs(back) do
      errors.raised("EBADF", "recv", s.recv, s, 1)
      errors.raised("EBADF", "send", s.send, s, "x")
    end
    back = {}
    collectgarbage()
    collectgarbage()
    must_be_some(reject_successors(addresses, 20000))
  end)

  it("rejects what takes the place of a socket without a finalizer", function()
    local result = process.run { process.lua, "spec/support/successors.lua" }
    local successors, accepted = result.stdout:match "^(%d+)\t(%d+)\t"
    assert.equal("0", accepted, result.stderr)
    must_be_some(tonumber(successors))
  end)

  it("is rejected for metamethods, too", function()
    local s <close> = sockeye.socket("inet", "stream")
    local meta = debug.getmetatable(s)
    for _, name in ipairs { "__close", "__gc", "__tostring" } do
      errors.rejected("bad argument #1.*sockeye.Socket", meta[name], {})
      errors.rejected("bad argument #1.*sockeye.Socket", meta[name],
                      io.stdout)
      errors.rejected("bad argument #1.*sockeye.Socket", meta[name])
    end
  end)
end)

describe("the descriptor of a socket", function()
  it("is closed by close", function()
    descriptors.unchanged(function()
      sockeye.socket("inet", "stream"):close()
    end)
  end)

  it("is closed at the end of a scope", function()
    local before = descriptors.count()
    do
      local s <close> = sockeye.socket("inet", "stream")
      assert.equal(before + 1, descriptors.count())
      assert.is_number(s:fd())
    end
    assert.equal(before, descriptors.count())
  end)

  it("is closed at the end of a scope that an error ends", function()
    local before = descriptors.count()
    local kept
    local _, err = pcall(function()
      local s <close> = sockeye.socket("inet", "stream")
      kept = s
      error("stop", 0)
    end)
    assert.equal("stop", err)
    assert.equal(before, descriptors.count())
    errors.raised("EBADF", "fd", kept.fd, kept)
  end)

  it("is closed by the collector", function()
    collectgarbage()
    local before = descriptors.count()
    for _ = 1, 10 do sockeye.socket("inet", "stream") end
    collectgarbage()
    collectgarbage()
    assert.equal(before, descriptors.count())
  end)

  it("is closed once: a new owner of its number stays open", function()
    local fd
    do
      local s <close> = sockeye.socket("inet", "stream")
      fd = s:fd()
    end
    local t <close> = sockeye.socket("inet", "dgram")
    assert.equal(fd, t:fd())
    collectgarbage()
    collectgarbage()
    assert.equal("0.0.0.0:0", tostring(t:getsockname()))
  end)

  it("may have been closed by somebody else", function()
    local s = sockeye.socket("inet", "stream")
    local t = sockeye.adopt(s:fd())
    t:close()
    errors.raised("EBADF", "close", s.close, s)
    s:close()
    s = sockeye.socket("inet", "stream")
    t = sockeye.adopt(s:fd())
    t:close()
    errors.raised("EBADF", "close", function()
      local _ <close> = s
    end)
    s = sockeye.socket("inet", "stream")
    t = sockeye.adopt(s:fd())
    t:close()
    -- An error on its way goes before that of the close.
    local _, err = pcall(function()
      local _ <close> = s
      error("first", 0)
    end)
    assert.equal("first", err)
  end)
end)

describe("detach", function()
  descriptors.guard()

  it("closes the socket and leaves the descriptor open", function()
    local s = sockeye.socket("inet", "dgram")
    s:bind("127.0.0.1:0")
    local name = s:getsockname()
    local number = s:fd()
    local fd = s:detach()
    assert.equal(number, fd)
    assert.equal("socket(closed)", tostring(s))
    s:close()
    errors.raised("EBADF", "fd", s.fd, s)
    collectgarbage()
    local t <close> = sockeye.adopt(fd)
    assert.equal(name, t:getsockname())
  end)
end)

describe("the time-out of a socket", function()
  descriptors.guard()

  local accepted = {
    { nil, nil }, { 0, 0.0 }, { 0.0, 0.0 }, { -0.0, 0.0 }, { 1, 1.0 },
    { 0.25, 0.25 }, { 1e-9, 1e-9 }, { 1e-12, 1e-9 }, { 5e-324, 1e-9 },
    { 1e9, 1e9 }, { 9223372035, 9223372035.0 }, { 9223372036, nil },
    { 1e300, nil }, { math.huge, nil }, { math.maxinteger, nil },
    { "2", 2.0 },
  }

  for i = 1, #accepted do
    local case = accepted[i]
    it(("may be %s, and is then %s"):format(case[1], case[2]), function()
      local s <close> = sockeye.socket("inet", "stream")
      assert.is_true(rawequal(s, s:settimeout(case[1])))
      assert.equal(case[2], s:gettimeout())
    end)
  end

  it("is absent at first", function()
    local s <close> = sockeye.socket("inet", "stream")
    assert.is_nil(s:gettimeout())
    assert.equal(1, select("#", s:gettimeout()))
    s:settimeout(1):settimeout()
    assert.is_nil(s:gettimeout())
  end)

  local rejected = { -1, -1e-300, -math.huge, math.mininteger, 0 / 0,
                     -(0 / 0), "x", "", true, false, {}, print }

  for _, value in ipairs(rejected) do
    it("cannot be " .. tostring(value):gsub(":.*", ""), function()
      local s <close> = sockeye.socket("inet", "stream")
      s:settimeout(3)
      errors.rejected("bad argument #2", s.settimeout, s, value)
      assert.equal(3.0, s:gettimeout())
    end)
  end
end)

describe("a printed socket", function()
  descriptors.guard()

  it("has its own address and its peer's", function()
    local l <close> = sockeye.socket("inet", "stream")
    local c <close> = sockeye.socket("inet", "stream")
    assert.equal(("socket(inet stream fd %d)"):format(l:fd()), tostring(l))
    l:bind("127.0.0.1:0"):listen()
    assert.equal(("socket(inet stream fd %d %s)"):format(
      l:fd(), l:getsockname()), tostring(l))
    c:connect(l:getsockname())
    local a <close>, peer = l:accept()
    assert.equal(("socket(inet stream fd %d %s -> %s)"):format(
      a:fd(), l:getsockname(), peer), tostring(a))
    assert.equal(("socket(inet stream fd %d %s -> %s)"):format(
      c:fd(), peer, l:getsockname()), tostring(c))
  end)

  it("leaves out unix names that are empty", function()
    local a, b = sockeye.socketpair("unix", "seqpacket")
    assert.equal(("socket(unix seqpacket fd %d)"):format(a:fd()), tostring(a))
    a:close()
    b:close()
  end)

  it("prints an abstract name whole", function()
    local s <close> = sockeye.socket("unix", "stream")
    s:bind(sockeye.unix()):listen()
    assert.equal(("socket(unix stream fd %d %s)"):format(
      s:fd(), s:getsockname()), tostring(s))
  end)
end)
