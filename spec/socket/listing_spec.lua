local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"
local threads = require "spec.support.threads"
local worlds = require "spec.support.worlds"

-- The entry of a descriptor, or nil.
local function entry(fd)
  for _, found in ipairs((sockeye.sockets())) do
    if found.fd == fd then return found end
  end
end

local function counters()
  local _, counts = sockeye.sockets()
  return counts
end

-- What f(...) has changed of the counters.
local function change(f, ...)
  collectgarbage()
  collectgarbage()
  local before = counters()
  f(...)
  local after = counters()
  for name, count in pairs(after) do after[name] = count - before[name] end
  return after
end

describe("sockets", function()
  descriptors.guard()

  worlds.it("lists what is open, with its names and its state", function()
    local l <close> = sockets.listener()
    local c <close> = sockets.client(l:getsockname())
    local s <close> = l:accept()
    assert.same({ fd = l:fd(), family = "inet", type = "stream",
                  state = "LISTEN" },
      { fd = entry(l:fd()).fd, family = entry(l:fd()).family,
        type = entry(l:fd()).type, state = entry(l:fd()).state })
    assert.equal(l:getsockname(), entry(l:fd()).address)
    assert.is_nil(entry(l:fd()).peer)
    for one, other in pairs { [c] = s, [s] = c } do
      local found = entry(one:fd())
      assert.equal("ESTABLISHED", found.state)
      assert.equal(one:getsockname(), found.address)
      assert.equal(other:getsockname(), found.peer)
    end
  end)

  worlds.it("lists no more what is closed", function()
    local s = sockeye.socket("unix", "dgram")
    local fd = s:fd()
    assert.equal("unix", entry(fd).family)
    s:close()
    assert.is_nil(entry(fd))
  end)

  it("has them in the order of their descriptors", function()
    local made <close> = sockets.unix()
    local other <close> = sockeye.socket("inet6", "dgram")
    local last = -1
    for _, found in ipairs((sockeye.sockets())) do
      assert.is_true(found.fd > last)
      last = found.fd
    end
    assert.is_true(last >= math.max(made:fd(), other:fd()))
  end)

  it("leaves out the names that a socket does not have", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.same({ fd = s:fd(), family = "inet", type = "dgram",
                  state = "CLOSED" }, entry(s:fd()))
  end)

  it("lists what is no socket, without a family and a type", function()
    local r <close>, w = sockeye.pipe()
    local _ <close> = w
    for _, s in ipairs { r, w } do
      assert.same({ fd = s:fd() }, entry(s:fd()))
    end
  end)

  it("lists the socket of a stream, of a file and of a process", function()
    local a, b <close> = sockets.unix()
    local conn <close> = sockeye.stream(a)
    assert.equal("unix", entry(conn:fd()).family)
    b:close()
    local file <close> = assert(io.open "/dev/null")
    local lines <close> = sockeye.stream(file)
    assert.is_truthy(entry(lines:fd()))
    local process <close> = sockeye.process { "cat", stdin = "pipe" }
    assert.is_truthy(entry(process.stdin:fd()))
  end)

  it("lists what has been received, and what is adopted", function()
    local a <close>, b = sockets.unix()
    local _ <close> = b
    local sent <close> = sockeye.socket("inet", "dgram")
    a:sendmsg { iov = "x", control = { rights = { sent } } }
    local received <close> = b:recvmsg { iov = 1, control = 64 }
      .control.rights[1]
    assert.equal("dgram", entry(received:fd()).type)
    local adopted <close> = sockeye.adopt(received:detach())
    assert.equal("dgram", entry(adopted:fd()).type)
  end)

  it("leaves out what is given away", function()
    local s = sockeye.socket("inet", "dgram")
    local fd = s:detach()
    assert.is_nil(entry(fd))
    sockeye.adopt(fd):close()
    assert.is_nil(entry(fd))
  end)

  it("leaves out what the library opens for itself", function()
    worlds.in_task(function()
      local a <close>, b = sockets.unix()
      local _ <close> = b
      local count = #sockeye.sockets()
      local waits = sockeye.spawn(sockeye.poll, { [a] = "r" })
      local selects = sockeye.spawn(sockeye.select, { { b, "r" } })
      local process <close> = sockeye.process { "sleep", "60" }
      local ends = sockeye.spawn(process.wait, process)
      sockeye.sleep(0)
      assert.equal(count, #sockeye.sockets())
      process:kill "KILL"
      ends:join()
      a:send "x"
      b:send "x"
      waits:join()
      selects:join()
    end)
  end)

  worlds.it("counts what is opened and closed", function()
    local kept, given
    assert.same({ opened = 3, closed = 2, open = 1 }, change(function()
      local closed
      kept, closed = sockeye.socketpair()
      closed:close()
      given = sockeye.socket("inet", "dgram"):detach()
    end))
    sockeye.adopt(given):close()
    assert.same({ opened = 0, closed = 1, open = -1 }, change(kept.close, kept))
  end)

  it("counts as closed what is collected", function()
    assert.same({ opened = 10, closed = 10, open = 0 }, change(function()
      for _ = 1, 10 do sockeye.socket("inet", "dgram") end
      collectgarbage()
    end))
  end)

  it("does not count what could not be opened", function()
    assert.same({ opened = 2, closed = 2, open = 0 }, change(function()
      errors.raised("EBADF", "adopt", sockeye.adopt, 1 << 20)
      errors.raised("ENOTSOCK", nil, function()
        local r <close>, w = sockeye.pipe()
        local _ <close> = w
        w:close()
        r:accept()
      end)
    end))
  end)

  it("takes one that another closes as closed", function()
    local s = sockeye.socket("inet", "dgram")
    sockeye.adopt(s:fd()):close()
    assert.is_nil(entry(s:fd()))
    s:detach()
  end)

  it("lists in a child what it has inherited and what it opens", function()
    local s <close> = sockeye.socket("inet", "dgram")
    fork.reap(fork.child(function()
      local own <close> = sockeye.socket("inet", "stream")
      assert(entry(s:fd()).type == "dgram")
      assert(entry(own:fd()).type == "stream")
      local fd = s:fd()
      s:close()
      assert(not entry(fd))
    end))
    assert.equal("dgram", entry(s:fd()).type)
  end)

  it("lists the sockets of its own Lua state, in whichever thread", function()
    local mine <close> = sockeye.socket("inet", "dgram")
    local fd = mine:fd()
    local script = ([[
      local sockeye = require "sockeye"
      if not one then
        assert(#sockeye.sockets() == 0)
        one, other = sockeye.socketpair()
        assert(#sockeye.sockets() == 2)
        other:close()
      end
      local list, counts = sockeye.sockets()
      assert(#list == 1 and list[1].fd == one:fd() and one:fd() ~= %d)
      assert(counts.opened == 2 and counts.closed == 1)
    ]]):format(fd)
    local state = threads.state()
    for _ = 1, 3 do assert.is_nil(state:start(script)()) end
    assert.equal(fd, entry(fd).fd)
    state:close()
    local again = threads.state()
    assert.is_nil(again:run(script))
    again:close()
  end)
end)

describe("trace_sockets", function()
  descriptors.guard()

  after_each(function() sockeye.trace_sockets(false) end)

  local here <const> = debug.getinfo(1, "S").short_src

  local function line() return debug.getinfo(2, "l").currentline end

  worlds.it("has the lines listed that open sockets", function()
    local before <close> = sockeye.socket("inet", "dgram")
    assert.is_false(sockeye.trace_sockets(true))
    local s <close> = sockeye.socket("inet", "dgram")
    local there <const> = ("%s:%d"):format(here, line() - 1)
    assert.equal(there, entry(s:fd()).where)
    assert.is_nil(entry(before:fd()).where)
    assert.is_true(sockeye.trace_sockets(false))
    assert.equal(there, entry(s:fd()).where)
  end)

  worlds.it("has those that accept, and make streams", function()
    sockeye.trace_sockets(true)
    local l <close> = sockeye.listen "127.0.0.1:0"
    local listening = line() - 1
    local c <close> = sockeye.connect(l:getsockname())
    local connecting = line() - 1
    local s <close> = l:accept()
    local accepting = line() - 1
    for fd, number in pairs {
      [l:fd()] = listening, [c:fd()] = connecting, [s:fd()] = accepting,
    } do
      assert.equal(("%s:%d"):format(here, number), entry(fd).where)
    end
  end)

  it("does not give the line of one socket to the next", function()
    sockeye.trace_sockets(true)
    local s = sockeye.socket("inet", "dgram")
    local fd = s:fd()
    s:close()
    sockeye.trace_sockets(false)
    local next <close> = sockeye.socket("inet", "dgram")
    assert.equal(fd, next:fd())
    assert.is_nil(entry(fd).where)
  end)

  it("takes a boolean", function()
    errors.rejected("boolean expected", sockeye.trace_sockets)
    errors.rejected("boolean expected", sockeye.trace_sockets, "on")
  end)
end)
