local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

local function serve(...)
  return examples.serve("echo_udp", { ... })
end

-- A socket whose peer is the server.
local function client(address, own)
  return sockets.bound(own or (address.family == "inet6" and "[::1]:0" or
                               "127.0.0.1:0"), "dgram"):connect(address)
end

-- What comes back, as many datagrams as were sent, in order.
local function exchange(s, list)
  assert.equal(#list, s:sendmany(list))
  local back = {}
  while #back < #list do
    local data = s:recvmany(#list - #back, 65535)
    table.move(data, 1, #data, #back + 1, back)
  end
  return back
end

describe("echo_udp", function()
  descriptors.guard()

  it("returns every datagram to its sender", function()
    local server <close>, address = serve "127.0.0.1:0"
    local a, b = client(address), client(address)
    local list = {}
    for i = 1, 80 do list[i] = ("datagram %d "):format(i):rep(i % 9) end
    assert.same(list, exchange(a, list))
    assert.same({ "", "x" }, exchange(b, { "", "x" }))
    local large = examples.bytes(65507)
    assert.is_true(exchange(a, { large })[1] == large)
    sockets.close(a, b)
    server:stop()
  end)

  it("is bound to IPv6 and to a Unix socket as well", function()
    examples.with_folder(function(folder)
      local server <close>, first = serve("[::1]:0", "unix:" .. folder .. "/s")
      local second = sockeye.address((server:line()))
      local a = client(first)
      local b = client(second, ("unix:%s/c"):format(folder))
      assert.same({ "one", "two" }, exchange(a, { "one", "two" }))
      assert.same({ "one", "two" }, exchange(b, { "one", "two" }))
      sockets.close(a, b)
    end)
  end)

  it("drops a datagram it cannot send back, and continues", function()
    examples.with_folder(function(folder)
      local server <close>, address = serve("unix:" .. folder .. "/s")
      local nameless = sockeye.socket("unix", "dgram"):settimeout(20)
      local idle = client(address, ("unix:%s/idle"):format(folder))
      local a = client(address, ("unix:%s/c"):format(folder))
      nameless:connect(address)
      for _ = 1, 100 do
        nameless:send "to nobody"
        idle:send "not read"
      end
      assert.same({ "one", "two" }, exchange(a, { "one", "two" }))
      sockets.close(nameless, idle, a)
      assert.truthy(server)
    end)
  end)

  it("serves the nc of the system #integration", function()
    local can, reason = process.available("nc")
    if not can then return pending(reason) end
    local server <close>, address = serve "127.0.0.1:0"
    local result = process.run({ "nc", "-u", "-W", "1", "127.0.0.1",
                                 tostring(address.port) },
                               { stdin = "hello\r\n\0" })
    assert.equal("hello\r\n\0", result.stdout)
    assert.truthy(server)
  end)

  it("ends quietly at an interrupt", function()
    local server <close> = serve "127.0.0.1:0"
    assert.equal("", server:stop("INT").stderr)
  end)

  it("prints its usage when it is called wrongly", function()
    local result = examples.run("echo_udp")
    assert.equal(2, result.status)
    assert.matches("^usage: lua echo_udp", result.stderr)
  end)

  it("fails if the address is taken", function()
    local taken = sockets.bound("127.0.0.1:0", "dgram")
    local result = examples.run("echo_udp", { tostring(taken:getsockname()) })
    assert.equal(1, result.status)
    assert.matches("bind 127.0.0.1:%d+:.*EADDRINUSE", result.stderr)
    taken:close()
  end)
end)
