local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"
local worlds = require "spec.support.worlds"

-- Both ends of a Unix stream, and a duplicate of the first.
local function doubled()
  local a, b = sockets.unix()
  return a, b, a:dup()
end

local function close(...)
  for _, s in ipairs { ... } do s:close() end
end

describe("dup", function()
  descriptors.guard()

  worlds.it("makes a socket of another descriptor on the same connection",
            function()
    local a, b, copy = doubled()
    assert.are_not.equal(a:fd(), copy:fd())
    assert.is_true(copy:fcntl "FD_CLOEXEC")
    copy:send "one"
    a:send "two"
    assert.equal("onetwo", b:recv(100))
    b:send "three"
    assert.equal("thr", a:recv(3))
    assert.equal("ee", copy:recv(100))
    close(a, b, copy)
  end)

  worlds.it("leaves the connection open until the last is closed", function()
    for first = 1, 2 do
      local a, b, copy = doubled()
      local order = first == 1 and { a, copy } or { copy, a }
      order[1]:close()
      order[2]:send "still"
      assert.equal("still", b:recv(100))
      order[2]:close()
      assert.is_nil(b:recv(100))
      b:close()
    end
  end)

  worlds.it("has shutdown end the connection of both", function()
    local a, b, copy = doubled()
    copy:shutdown "wr"
    assert.is_nil(b:recv(100))
    errors.raised("EPIPE", "send", a.send, a, "x")
    close(a, b, copy)
  end)

  it("keeps what the socket is, and its time-out", function()
    local s <close> = sockeye.socket("inet6", "dgram", "udp"):settimeout(0.25)
    local copy <close> = s:dup()
    assert.equal("socket(inet6 dgram fd " .. copy:fd() .. ")", tostring(copy))
    assert.equal(0.25, copy:gettimeout())
    copy:settimeout(3)
    assert.equal(0.25, s:gettimeout())
    assert.is_false(s:settimeout(0):dup():recv(1))
  end)

  worlds.it("keeps the mode that does not block", function()
    local a, b, copy = doubled()
    a:settimeout(nil):fcntl("O_NONBLOCK", true)
    local other <close> = a:dup()
    assert.is_true(copy:fcntl "O_NONBLOCK")
    assert.is_false(other:recv(1))
    close(a, b, copy)
  end)

  worlds.it("shares options, and the queue of what listens", function()
    local l <close> = sockets.listener()
    local copy <close> = l:dup():setsockopt("SO_KEEPALIVE", true)
    assert.is_true(l:getsockopt "SO_KEEPALIVE")
    for _, one in ipairs { l, copy, l } do
      local c <close> = sockets.client(l:getsockname())
      local s <close>, peer = one:accept()
      assert.equal(c:getsockname(), peer)
      assert.equal("stream", s:getsockopt "SO_TYPE")
    end
  end)

  it("duplicates what is no socket", function()
    local r <close>, w = sockeye.pipe()
    local copy <close> = w:dup()
    w:close()
    copy:write "data"
    assert.equal("data", r:read(100))
  end)

  it("raises EBADF of a socket that is closed", function()
    local s = sockeye.socket("inet", "dgram")
    s:close()
    errors.raised("EBADF", "dup", s.dup, s)
  end)

  it("raises EMFILE where no descriptor is left", function()
    fork.reap(fork.child(function()
      local s = sockeye.socket("inet", "dgram")
      sockeye.setrlimit("nofile", s:fd() + 1)
      local err = errors.raised("EMFILE", "dup", s.dup, s)
      assert(err.errno)
    end))
  end)

  it("is passed on and adopted like any other socket", function()
    local a, b, copy = doubled()
    local fd = copy:detach()
    local adopted <close> = sockeye.adopt(fd)
    adopted:send "adopted "
    local c <close>, d = sockets.unix()
    local again = adopted:dup()
    c:sendmsg { iov = "x", control = { rights = { again } } }
    again:close()
    local received <close> =
      d:recvmsg { iov = 1, control = 64 }.control.rights[1]
    received:send "received"
    a:close()
    adopted:close()
    assert.equal("adopted received", b:recv(100))
    received:close()
    assert.is_nil(b:recv(100))
    close(b, d)
  end)

  it("makes a stream of its own", function()
    local a, b, copy = doubled()
    local out = sockeye.stream(copy)
    out:write("line\n"):close()
    assert.equal("line\n", b:recv(100))
    b:send "more"
    assert.equal("more", a:recv(100))
    close(a, b)
  end)

  for _, poller in ipairs(loops.pollers) do
    local function run(f) sockeye.run({ poller = poller }, f) end

    it("lets two tasks wait for one connection, by " .. poller, function()
      run(function()
        local a, b, copy = doubled()
        local first = sockeye.spawn(a.recv, a, 1)
        local second = sockeye.spawn(copy.recv, copy, 1)
        sockeye.sleep(0)
        b:send "xy"
        local both = { first:join(), second:join() }
        table.sort(both)
        assert.same({ "x", "y" }, both)
        close(a, b, copy)
      end)
    end)

    it("lets one wait on while the other is closed, by " .. poller, function()
      run(function()
        local a, b, copy = doubled()
        local waits = sockeye.spawn(copy.recv, copy, 100)
        local ends = sockeye.spawn(pcall, a.recv, a, 100)
        sockeye.sleep(0)
        a:close()
        errors.closed("recv", function()
          local _, err = ends:join()
          error(err, 0)
        end)
        b:send "data"
        assert.equal("data", waits:join())
        close(b, copy)
      end)
    end)
  end
end)

-- The descriptors that the process's epoll descriptors watch.
local function watched()
  local list = {}
  for fd, target in pairs(descriptors.list()) do
    if target:find("eventpoll", 1, true) then
      for line in io.lines("/proc/self/fdinfo/" .. fd) do
        local number = line:match "^tfd:%s*(%d+)"
        if number then list[math.tointeger(tonumber(number))] = true end
      end
    end
  end
  return list
end

-- What gives a socket's open file to others: it lives on when the socket is
-- closed. Returns what keeps it.
local ways <const> = {
  ["dup"] = function(s) return s:dup() end,
  ["dup2"] = function(s)
    local place = sockeye.socket("inet", "dgram")
    sockeye.dup2(s, place:fd())
    return place
  end,
  ["dup2 of its stream"] = function(s)
    local place = sockeye.socket("inet", "dgram")
    sockeye.dup2(sockeye.stream(s), place:fd())
    return place
  end,
  ["control data"] = function(s)
    local a, b = sockeye.socketpair()
    a:sendmsg { iov = "x", control = { rights = { s } } }
    a:close()
    return b
  end,
  ["sendmany"] = function(s)
    local a, b = sockeye.socketpair("unix", "dgram")
    a:sendmany { { iov = "x", control = { rights = { s } } } }
    a:close()
    return b
  end,
}

describe("a socket that others have by", function()
  descriptors.guard(nil, nil, descriptors.zerocopy)

  for way, give in sorted(ways) do
    it(way .. " is watched no more once it is closed", function()
      if not io.open "/proc/self/fdinfo/0" then
        return pending "needs /proc/self/fdinfo"
      end
      local has_epoll, reason = loops.has_epoll()
      if not has_epoll then return pending(reason) end
      sockeye.run({ poller = "epoll" }, function()
        local a, b = sockets.unix()
        local fd = a:fd()
        local waits = sockeye.spawn(a.recv, a, 1)
        sockeye.sleep(0)
        b:send "x"
        assert.equal("x", waits:join())
        assert.is_true(watched()[fd])
        local kept = give(a)
        a:close()
        assert.is_nil(watched()[fd])
        close(b, kept)
      end)
    end)

    it(way .. " is not shut down when it is closed, whatever the kernel has "
       .. "yet to send", function()
      local a, b = sockets.tcp()
      a:send(("z"):rep(1 << 16), "zerocopy")
      local kept = give(a)
      a:close()
      if way == "control data" or way == "sendmany" then
        local list = kept:recvmsg { iov = 1, control = 64 }.control.rights
        kept:close()
        kept = list[1]
      end
      kept:send "the end"
      local all = b:recv((1 << 16) + #"the end", "waitall")
      assert.equal("the end", all:sub(1 << 16):sub(2))
      close(b, kept)
    end)
  end

  it("dup sends without copies where it can, and with them where not",
     function()
    local a, b = sockets.tcp()
    local early <close> = a:dup()
    a:send(("1"):rep(20000), "zerocopy")
    local late <close> = a:dup()
    early:send(("2"):rep(20000), "zerocopy")
    late:send(("3"):rep(20000), "zerocopy")
    local text = b:recv(60000, "waitall")
    assert.equal(("1"):rep(20000) .. ("2"):rep(20000) .. ("3"):rep(20000), text)
    assert.is_true((a:zerocopy_wait()) <= 1)
    assert.equal(0, (early:zerocopy_wait()))
    assert.equal(0, (late:zerocopy_wait()))
    close(a, b)
  end)
end)
