local sockeye = require "sockeye"

local batches = require "spec.support.batches"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"

local families, receive = batches.families, batches.receive
local strings, send_until_full = batches.strings, batches.send_until_full

describe("many messages that cannot be sent", function()
  descriptors.guard()

  it("raise an error with the number that were sent", function()
    local a, b = families.inet()
    local to = b:getsockname()
    for _, place in ipairs { 1, 2, 5 } do
      local list = strings(5)
      list[place] = ("x"):rep(70000)
      local err = errors.raised("EMSGSIZE", "sendmany", a.sendmany, a, list, to)
      assert.equal(place - 1, err.sent)
      assert.equal(to, err.address)
      if place > 1 then
        assert.equal(place - 1, #receive(b, place - 1, 9, 100))
      end
      assert.is_false(b:recvmany(9, 9, "dontwait"))
    end
    sockets.close(a, b)
  end)

  it("raise an error with the address concerned", function()
    local a, b = families.inet()
    local there, other = b:getsockname(), sockeye.inet("127.0.0.1", 9)
    local long = ("x"):rep(70000)
    for _, case in ipairs {
      { { "", long }, { other, there } },
      { { "", { iov = long } }, { tostring(other), there } },
      { { "", { iov = long, name = there } }, other },
      { { "", { iov = long, name = tostring(there) } } },
    } do
      local list, to = table.unpack(case)
      if not to then list[1] = { name = there } end
      local err = errors.raised("EMSGSIZE", "sendmany", a.sendmany, a, list, to)
      assert.equal(there, err.address)
      assert.equal(1, err.sent)
    end
    errors.raised("EDESTADDRREQ", "sendmany", a.sendmany, a, { "" }, { false })
    sockets.close(a, b)
  end)

  it("raise the error that an earlier one caused", function()
    local refusing <const> = sockets.bound("127.0.0.1:0", "dgram")
    local s = sockeye.socket("inet", "dgram"):settimeout(20)
    s:connect(refusing:getsockname())
    refusing:close()
    s:sendmany { "one" }
    assert.is_truthy(sockeye.poll({ [s] = "r" }, 20)[s])
    local err = errors.raised("ECONNREFUSED", "sendmany", s.sendmany, s,
                              { "two", "three" })
    assert.equal(0, err.sent)
    s:sendmany { "one" }
    assert.is_truthy(sockeye.poll({ [s] = "r" }, 20)[s])
    errors.raised("ECONNREFUSED", "recvmany", s.recvmany, s, 9, 9)
    s:close()
  end)

  for family, connected in pairs { connected = true, addressed = false } do
    it("are those beyond a full queue: " .. family, function()
      local a, b = families.unix()
      local to
      if connected then a:connect(b:getsockname()) else to = b:getsockname() end
      assert.is_true(send_until_full(a, to) <= 1)
      assert.same({ false, 0 },
                  { a:sendmany({ "one", "two" }, to, "dontwait") })
      while b:recvmany(9, 9, "dontwait") do end
      a:settimeout(0)
      local ok, sent = a:sendmany(strings(500), to)
      assert.is_false(ok)
      assert.is_true(sent > 0 and sent < 500)
      assert.equal(sent, #receive(b, sent, 64, 100))
      a:settimeout(0.02)
      local err = errors.raised("ETIMEDOUT", "sendmany", a.sendmany, a,
                                strings(500), to)
      assert.is_true(err.timeout)
      assert.equal(err.sent, #receive(b, err.sent, 64, 100))
      sockets.close(a, b)
    end)
  end

  it("wait also for a queue that another socket filled", function()
    local a, b = families.unix()
    local to = b:getsockname()
    local c, d = families.unix()
    send_until_full(c, to)
    local pid = fork.child(function()
      sockeye.sleep(0.01)
      b:settimeout(20)
      local last
      repeat
        local data = b:recvmany(64, 100)
        last = data[#data]
      until last == "mine"
    end)
    assert.equal(1, a:sendto("first", to) and a:sendmany({ "mine" }, to))
    fork.reap(pid)
    sockets.close(a, b, c, d)
  end)
end)

local function in_task(f)
  if os.getenv "SPEC_WORLD" then f() else sockeye.run(f) end
end

describe("a batch in a task", function()
  descriptors.guard()

  it("lets the others run", function()
    in_task(function()
      local a, b = sockets.udp()
      local turns, done = 0, false
      local other = sockeye.spawn(function()
        while not done do
          turns = turns + 1
          sockeye.yield()
        end
      end)
      a:sendmany(strings(20000))
      assert.is_true(turns >= 2)
      local before = turns
      for _ = 1, 30 do
        a:sendmany(strings(100))
        b:recvmany(1024, 10)
      end
      assert.is_true(turns > before)
      done = true
      other:join()
      sockets.close(a, b)
    end)
  end)

  it("sends the rest once there is room again", function()
    in_task(function()
      for _, kind in ipairs { "unix dgram", "tcp" } do
        local a, b = messages.all[kind]()
        local list = {}
        for i = 1, 3000 do list[i] = ("%05d"):format(i):rep(60) end
        local sender = sockeye.spawn(function() return a:sendmany(list) end)
        local parts, count = {}, 0
        while count < 3000 * 300 do
          local data = b:recvmany(7, 300)
          for _, part in ipairs(data) do count = count + #part end
          table.move(data, 1, #data, #parts + 1, parts)
        end
        assert.equal(3000, sender:join())
        assert.is_true(table.concat(parts) == table.concat(list))
        sockets.close(a, b)
      end
    end)
  end)

  it("keeps its time-out over its turns", function()
    in_task(function()
      local a, b = sockets.unix "dgram"
      a:settimeout(0.5)
      local reader = sockeye.spawn(function()
        while b:recvmany(2, 10) do sockeye.sleep(0.002) end
      end)
      local err = errors.raised("ETIMEDOUT", "sendmany", a.sendmany, a,
                                strings(20000))
      assert.is_true(err.sent > 0)
      reader:cancel()
      pcall(reader.join, reader)
      sockets.close(a, b)
    end)
  end)
end)
