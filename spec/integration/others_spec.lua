-- Sockeye beside other libraries: its sockets in their loops, its loop stepped
-- by theirs, their descriptors waited for in its tasks.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"

-- Descriptors of its own luv keeps to the end.
pcall(require, "luv")

-- Calls f with the library, or leaves the spec pending.
local function with(name, f)
  return function()
    local ok, library = pcall(require, name)
    if not ok then return pending(name .. " is not installed") end
    f(library)
  end
end

-- A main function of tasks that wait for each other, for time and for sockets;
-- it returns 5050.
local function work()
  local a, b = sockeye.socketpair()
  local _ <close> = a
  local _ <close> = b
  sockeye.spawn(function()
    for i = 1, 100 do
      if i % 25 == 0 then sockeye.sleep(0.001) end
      a:sendall(("%3d"):format(i))
    end
    a:shutdown "wr"
  end)
  local sum = 0
  for data in function() return b:recv(3, "waitall") end do
    sum = sum + tonumber(data)
  end
  return sum
end

describe("a socket", function()
  local a, b
  descriptors.guard(function() a, b = sockets.unix() end, function()
    sockets.close(a, b)
  end)

  it("is what cqueues polls", with("cqueues", function(cqueues)
    local loop = cqueues.new()
    local order = {}
    loop:wrap(function()
      assert.equal(a, cqueues.poll(a))
      table.insert(order, a:recv(5))
    end)
    loop:wrap(function()
      cqueues.sleep(0.002)
      table.insert(order, "sent")
      b:send "hello"
    end)
    assert(loop:loop(10))
    loop:close()
    assert.same({ "sent", "hello" }, order)
  end))

  it("gives cqueues its time-out", with("cqueues", function(cqueues)
    local loop = cqueues.new()
    local start = sockeye.now()
    loop:wrap(function()
      a:settimeout(0.005)
      cqueues.poll(a)
    end)
    assert(loop:loop(10))
    loop:close()
    assert.is_true(sockeye.now() - start < 5)
  end))

  it("is what LuaSocket's select takes", with("socket", function(socket)
    local ready = socket.select({ a }, nil, 0)
    assert.same({}, { table.unpack(ready) })
    b:send "hello"
    ready = socket.select({ a, b }, nil, 10)
    assert.equal(a, ready[1])
    assert.is_nil(ready[2])
    local _, writable = socket.select(nil, { a }, 10)
    assert.equal(a, writable[1])
    assert.is_false(a:dirty())
  end))

  it("is what luv polls by its number", with("luv", function(luv)
    local poll = luv.new_poll(a:fd())
    local got
    poll:start("r", function(err, events)
      assert(not err, err)
      assert.equal("r", events)
      got = a:recv(5)
      poll:close()
    end)
    b:send "hello"
    luv.run()
    assert.equal("hello", got)
  end))
end)

describe("a loop", function()
  it("can be stepped by a cqueues loop", with("cqueues", function(cqueues)
    local other = cqueues.new()
    local sum
    local ticks = 0
    local loop = sockeye.loop({ poller = "epoll" }, work)
    other:wrap(function()
      while true do
        local more, result = loop:step()
        if not more then
          sum = result
          return
        end
        cqueues.poll(loop)
      end
    end)
    other:wrap(function()
      while not sum do
        cqueues.sleep(0.0005)
        ticks = ticks + 1
      end
    end)
    assert(other:loop(20))
    other:close()
    assert.equal(5050, sum)
    assert.is_true(ticks > 0)
  end))

  it("can be stepped by a luv loop", with("luv", function(luv)
    local has_epoll, reason = loops.has_epoll()
    if not has_epoll then return pending(reason) end
    local loop = sockeye.loop({ poller = "epoll" }, work)
    local poll, timer = luv.new_poll(loop:pollfd()), luv.new_timer()
    local sum
    local function step()
      local more, result = loop:step()
      if not more then
        sum = result
        poll:close()
        timer:close()
        return
      end
      timer:stop()
      local seconds = loop:timeout()
      if seconds then timer:start(math.ceil(seconds * 1000), 0, step) end
    end
    poll:start("r", step)
    step()
    luv.run()
    assert.equal(5050, sum)
  end))

  it("can be waited for, by its descriptor, in a task of another", function()
    assert.equal(5050, sockeye.run(function()
      local loop = sockeye.loop({ poller = "epoll" }, work)
      while true do
        local more, result = loop:step()
        if not more then return result end
        pcall(sockeye.wait, loop:pollfd(), "r", loop:timeout())
      end
    end))
  end)
end)

describe("a task", function()
  descriptors.guard()

  it("waits for a cqueues loop", with("cqueues", function(cqueues)
    local other = cqueues.new()
    local done
    other:wrap(function()
      for _ = 1, 5 do cqueues.sleep(0.001) end
      done = true
    end)
    local beside = 0
    sockeye.run(function()
      sockeye.spawn(function()
        while not done do
          sockeye.sleep(0.0005)
          beside = beside + 1
        end
      end)
      while not other:empty() do
        assert(other:step(0))
        if not other:empty() then
          pcall(sockeye.wait, other:pollfd(), "r", other:timeout())
        end
      end
    end)
    other:close()
    assert.is_true(done)
    assert.is_true(beside > 0)
  end))

  it("waits for a luv loop", with("luv", function(luv)
    local timer = luv.new_timer()
    local count = 0
    timer:start(1, 1, function()
      count = count + 1
      if count == 5 then timer:close() end
    end)
    sockeye.run(function()
      while luv.loop_alive() do
        luv.run "nowait"
        if luv.loop_alive() then
          luv.update_time()
          local left = luv.backend_timeout()
          pcall(sockeye.wait, luv.backend_fd(), "r",
                left >= 0 and left / 1000 or nil)
        end
      end
    end)
    assert.equal(5, count)
  end))

  it("waits for a socket of LuaSocket", with("socket", function(socket)
    local l = assert(socket.bind("127.0.0.1", 0))
    local _, port = l:getsockname()
    local got
    sockeye.run(function()
      sockeye.spawn(function()
        local c <close> = sockeye.socket("inet", "stream")
        c:connect("127.0.0.1:" .. port)
        sockeye.sleep(0.001)
        c:sendall "hello\n"
      end)
      assert.equal("r", sockeye.wait(l:getfd(), "r", 10))
      local c = l:accept()
      assert.equal("r", sockeye.wait(c:getfd(), "r", 10))
      got = c:receive "*l"
      c:close()
    end)
    l:close()
    assert.equal("hello", got)
  end))
end)
