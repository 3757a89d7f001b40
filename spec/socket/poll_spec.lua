local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"
local worlds = require "spec.support.worlds"

describe("what is ready", function()
  descriptors.guard()

  for kind, make in pairs { tcp = sockets.tcp, unix = sockets.unix,
                            udp = sockets.udp } do
    it("is reported in the letters that were asked for: " .. kind, function()
      local a, b = make()
      assert.same({}, sockeye.poll({ [b] = "r" }, 0))
      assert.same({ [b] = "w" }, sockeye.poll { [b] = "rw" })
      a:send "x"
      for asked, reported in pairs { r = "r", w = "w", rw = "rw", wr = "rw",
                                 rwp = "rw", pw = "w", rrr = "r" } do
        assert.same({ [b] = reported }, sockeye.poll { [b] = asked })
      end
      assert.same({}, sockeye.poll({ [b] = "p" }, 0))
      b:recv(1)
      assert.same({}, sockeye.poll({ [b] = "r" }, 0))
      sockets.close(a, b)
    end)
  end

  it("can be urgent data", function()
    local a, b = sockets.tcp()
    a:send("!", "oob")
    assert.same({ [b] = "p" }, sockeye.poll { [b] = "p" })
    assert.same({ [b] = "wp" }, sockeye.poll { [b] = "wp" })
    sockets.close(a, b)
  end)

  it("can be a connection to accept, or one made or refused",
     function()
    local l <close> = sockets.listener()
    assert.same({}, sockeye.poll({ [l] = "r" }, 0))
    local c <close> = sockets.client(l:getsockname())
    assert.same({ [l] = "r", [c] = "w" }, sockeye.poll { [l] = "r",
                                                         [c] = "rw" })
    l:accept():close()
    local nobody, holder = sockets.refusing()
    local s <close> = sockeye.socket("inet", "stream"):settimeout(0)
    pcall(s.connect, s, nobody)
    assert.same({ [s] = "rw" }, sockeye.poll({ [s] = "rw" }, 20))
    holder:close()
  end)

  it("is everything asked for after the peer hung up", function()
    for _, asked in ipairs { "r", "w", "p", "rwp" } do
      local a, b = sockets.unix()
      a:close()
      assert.same({ [b] = asked }, sockeye.poll { [b] = asked })
      b:close()
    end
    local r, w = sockeye.pipe()
    w:close()
    assert.same({ [r] = "r" }, sockeye.poll { [r] = "r" })
    r:close()
    r, w = sockeye.pipe()
    r:close()
    assert.same({ [w] = "w" }, sockeye.poll { [w] = "w" })
    w:close()
  end)

  it("can be the end after a half-close", function()
    local a, b = sockets.tcp()
    a:shutdown "wr"
    assert.same({ [b] = "r" }, sockeye.poll { [b] = "r" })
    assert.is_nil(b:recv(1))
    sockets.close(a, b)
  end)

  it("has numbers, files and sockets as keys, as they were given", function()
    local r, w = sockeye.pipe()
    local file <close> = io.open "/dev/null"
    w:write "x"
    local wanted = { [r] = "r", [r:fd()] = "r", [w] = "w", [file] = "rw",
                     [w:fd() + 0.0] = "w" }
    assert.same({ [r] = "r", [r:fd()] = "r", [w] = "w", [file] = "rw",
                  [w:fd()] = "w" }, sockeye.poll(wanted))
    sockets.close(r, w)
  end)

  it("does not include others", function()
    local a, b = sockets.unix()
    local c, d = sockets.unix()
    a:send "x"
    assert.same({ [b] = "r" }, sockeye.poll { [b] = "r", [d] = "r" })
    sockets.close(a, b, c, d)
  end)
end)

describe("a table for poll", function()
  descriptors.guard()

  it("may be empty, and then poll waits the time given", function()
    local start = sockeye.now()
    assert.same({}, sockeye.poll({}, 0))
    assert.same({}, sockeye.poll({}, 0.02))
    assert.is_true(sockeye.now() - start >= 0.02)
    local _ <close> = fork.interrupt("USR1", function() error("enough", 0) end)
    local ok, err = pcall(sockeye.poll, {})
    assert.same({ false, "enough" }, { ok, err })
  end)

  it("is not changed, and is not the one returned", function()
    local a, b = sockets.unix()
    local wanted = { [a] = "w", [b] = "rw" }
    assert.are_not.equal(wanted, sockeye.poll(wanted))
    assert.same({ [a] = "w", [b] = "rw" }, wanted)
    sockets.close(a, b)
  end)

  it("rejects other keys", function()
    for _, key in ipairs { "x", 1.5, true, {}, print, -1, 1 << 40,
                           coroutine.create(print), sockeye.inet() } do
      errors.rejected("bad argument #1 .*keys", sockeye.poll,
                      { [key] = "r" }, 0)
    end
  end)

  it("rejects other values", function()
    local a, b = sockets.unix()
    for _, value in ipairs { "", "x", "rx", "R", "r w", "r\0", 1, true, {} } do
      errors.rejected("bad argument #1 .*poll'", sockeye.poll,
                      { [a] = value }, 0)
    end
    for _, value in ipairs { "r", 5, false } do
      errors.rejected("bad argument #1 .*poll'", sockeye.poll, value, 0)
    end
    errors.rejected("bad argument #1 .*poll'", sockeye.poll)
    sockets.close(a, b)
  end)

  it("comes with a time that is rejected", function()
    for _, seconds in ipairs { -1, -0.001, 0 / 0, "x", {}, false } do
      errors.rejected("bad argument #2 .*poll'", sockeye.poll, {}, seconds)
    end
  end)

  it("rejects closed sockets", function()
    local a, b = sockets.unix()
    local number = b:fd()
    sockets.close(a, b)
    errors.raised("EBADF", "poll", sockeye.poll, { [a] = "r" }, 0)
    errors.raised("EBADF", "poll", sockeye.poll, { [number] = "r" }, 0)
    local file = io.open "/dev/null"
    file:close()
    errors.raised("EBADF", "poll", sockeye.poll, { [file] = "r" }, 0)
  end)

  it("may be as long as there are descriptors, and longer than 1,024",
     function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local wanted, readers, writers, high = {}, {}, {}, 0
      for i = 1, 1000 do
        readers[i], writers[i] = sockeye.pipe()
        wanted[readers[i] ], wanted[writers[i] ] = "r", "rw"
        high = math.max(high, writers[i]:fd())
      end
      writers[1000]:write "x"
      local ready = sockeye.poll(wanted, 20)
      local count = 0
      for _ in pairs(ready) do count = count + 1 end
      print(count, high > 1024, ready[readers[1000] ], ready[writers[1] ])
      local last = readers[1000]
      print(sockeye.poll({ [last:fd()] = "r", [readers[1] ] = "r" })[last:fd()])
    ]], { prefix = { "sh", "-c", 'ulimit -n 4096 || exit 125; exec "$@"',
                     "sh" } })
    if result.status == 125 then return pending "too few descriptors" end
    assert.equal("1001\ttrue\tr\tw\nr\n", result.stdout .. result.stderr)
  end)
end)

describe("a descriptor for wait", function()
  descriptors.guard()

  it("is rejected with wrong arguments", function()
    local a <close>, b = sockeye.socketpair()
    b:close()
    for _, what in ipairs { "x", 1.5, {}, false } do
      errors.rejected("bad argument #1 .*wait'", sockeye.wait, what, "r", 0)
    end
    for _, events in ipairs { "", "x", "rx", 1, true, {} } do
      errors.rejected("bad argument #2 .*wait'", sockeye.wait, a, events, 0)
    end
    for _, seconds in ipairs { -1, 0 / 0, "x", {}, false } do
      errors.rejected("bad argument #3 .*wait'", sockeye.wait, a, "r", seconds)
    end
  end)
end)

describe("a signal handler during poll", function()
  descriptors.guard()

  -- Two pairs, polled while the handler runs once.
  local function interrupted(handler)
    local a, b = sockets.unix()
    local c, d = sockets.unix()
    local wanted = { [b] = "r", [d] = "r" }
    local _ <close> = fork.interrupt("USR1", function()
      handler(wanted, a, b, c, d)
    end)
    local results = table.pack(pcall(sockeye.poll, wanted, 20))
    sockets.close(a, b, c, d)
    if not results[1] then error(results[2], 0) end
    return results[2], a, b, c, d
  end

  it("may close a polled socket, and poll raises EBADF", function()
    errors.closed("poll", interrupted, function(_, _, b)
      b:close()
    end)
  end)

  it("may close a polled socket and take it out of the table", function()
    local ready, _, b, _, d = interrupted(function(wanted, _, b, c)
      b:close()
      wanted[b] = nil
      c:send "x"
    end)
    assert.is_nil(ready[b])
    assert.same({ [d] = "r" }, ready)
  end)

  it("may take a socket out, which is reported all the same", function()
    local ready, _, b, _, d = interrupted(function(wanted, a, b, c)
      wanted[b] = nil
      a:send "x"
      c:send "x"
    end)
    assert.same({ [b] = "r", [d] = "r" }, ready)
  end)

  it("may change the events, which this call ignores", function()
    local ready, _, _, _, d = interrupted(function(wanted, _, b, c)
      wanted[b] = "w"
      c:send "x"
    end)
    assert.same({ [d] = "r" }, ready)
  end)

  it("may add a socket, which this call ignores", function()
    local ready, _, _, _, d = interrupted(function(wanted, a, _, c)
      wanted[a] = "w"
      c:send "x"
    end)
    assert.same({ [d] = "r" }, ready)
  end)

  it("may put other values there, which this call ignores", function()
    local ready, _, _, _, d = interrupted(function(wanted, _, b, c)
      wanted[b] = "x"
      c:send "x"
    end)
    assert.same({ [d] = "r" }, ready)
  end)
end)

describe("a table that is changed while a task polls it", function()
  descriptors.guard()

  -- What happens to the table { [b] = "r", [d] = "r" }, before b is readable.
  local changes <const> = {
    ["is emptied"] = function(wanted)
      for key in pairs(wanted) do wanted[key] = nil end
    end,
    ["has other events"] = function(wanted)
      for key in pairs(wanted) do wanted[key] = "w" end
    end,
    ["has what is no event"] = function(wanted)
      for key in pairs(wanted) do wanted[key] = 5 end
    end,
    ["has more keys"] = function(wanted, a) wanted[a], wanted.x = "w", "r" end,
  }

  for what, change in pairs(changes) do
    for _, poller in ipairs(loops.pollers) do
      it(("and %s still ends the wait, by %s"):format(what, poller), function()
        local a <const>, b <const> = sockets.unix()
        local c <const>, d <const> = sockets.unix()
        local wanted <const> = { [b] = "r", [d] = "r" }
        local ready <const> = sockeye.run({ poller = poller }, function()
          sockeye.spawn(function()
            sockeye.sleep(0)
            change(wanted, a)
            a:send "x"
          end)
          return sockeye.poll(wanted, 20)
        end)
        assert.same({ [b] = "r" }, ready)
        sockets.close(a, b, c, d)
      end)
    end
  end
end)

describe("a descriptor that several keys name", function()
  descriptors.guard()

  -- Waits in a task for "r" by one key and for "w" by the other, while neither
  -- is there, until another task calls `happens` with the peer.
  local function waited(a, b, reading, writing, happens)
    sockets.fill(a)
    return worlds.in_task(function()
      local peer <const> = sockeye.spawn(function()
        sockeye.sleep(0)
        happens(b)
      end)
      local deadline <const> = sockeye.now() + 20
      local ready <const> = sockeye.poll({ [reading] = "r", [writing] = "w" },
                                         20)
      assert.is_true(sockeye.now() < deadline, "no event has ended the wait")
      peer:join()
      return ready
    end)
  end

  local function send(b) b:send "x" end

  local function take(b)
    b:settimeout(0)
    while b:recv(65536) do end
  end

  it("is waited for in all their events", function()
    for _, other in ipairs { "fd", "adopt", "stream" } do
      local a, b = sockets.unix()
      local second = other == "fd" and a:fd() or
        other == "adopt" and sockeye.adopt(a:fd()) or sockeye.stream(a)
      assert.same({ [a] = "r" }, waited(a, b, a, second, send))
      assert.same({ [second] = "r" }, waited(a, b, second, a, send))
      a:recv(2)
      assert.same({ [second] = "w" }, waited(a, b, a, second, take))
      assert.same({ [a] = "w" }, waited(a, b, second, a, take))
      if other == "adopt" then second:detach() end
      sockets.close(a, b)
    end
  end)
end)

describe("loops that wait for each other's descriptors", function()
  descriptors.guard()

  -- A loop that steps another one, and so on, so many times.
  local function nest(depth)
    return sockeye.loop({ poller = "epoll" }, function()
      if depth == 0 then return sockeye.sleep(0.01) end
      local inner <close> = nest(depth - 1)
      while inner:step() do
        sockeye.poll({ [inner:pollfd()] = "r" }, inner:timeout())
      end
    end)
  end

  local function finish(depth)
    local loop <close> = nest(depth)
    while loop:step(0.1) do end
  end

  it("may do so once, and are told how deep the kernel lets them", function()
    local has_epoll, reason = loops.has_epoll()
    if not has_epoll then return pending(reason) end
    finish(1)
    local err <const> = errors.raised("ELOOP", "poll", finish, 6)
    assert.matches("at most 4 epoll descriptors (EP_MAX_NESTS)", err.message, 1,
                   true)
  end)
end)
