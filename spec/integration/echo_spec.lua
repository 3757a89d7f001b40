local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"

local connect = examples.connect

-- What comes back when all of `data` is sent and then the end.
local function exchange(address, data)
  local s <close> = connect(address)
  s:sendall(data)
  s:shutdown("wr")
  return examples.read_all(s)
end

local function children(pid)
  local path = ("/proc/%d/task/%d/children"):format(pid, pid)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local all = { "echo_iterative", "echo_fork", "echo_poll", "echo_serve" }

for _, name in ipairs(all) do
  describe(name, function()
    descriptors.guard()

    it("gives every byte back", function()
      local server <close>, address = examples.serve(name, { "127.0.0.1:0" })
      local data = examples.bytes(100000)
      assert.is_true(exchange(address, data) == data)
      assert.equal("", exchange(address, ""))
      assert.truthy(server)
    end)

    it("answers before the client has sent all", function()
      local server <close>, address = examples.serve(name, { "127.0.0.1:0" })
      local s <close> = connect(address)
      for _, line in ipairs { "one\n", "two\n", "three\n" } do
        s:sendall(line)
        assert.equal(line, s:recv(#line, "waitall"))
      end
      assert.truthy(server)
    end)

    it("listens on IPv6 and on a Unix socket", function()
      examples.with_folder(function(folder)
        for _, endpoint in ipairs { "[::1]:0", "unix:" .. folder .. "/s" } do
          local server <close>, address = examples.serve(name, { endpoint })
          assert.equal("hello", exchange(address, "hello"))
          assert.truthy(server)
        end
      end)
    end)

    it("outlives a client that aborts", function()
      local server <close>, address = examples.serve(name, { "127.0.0.1:0" })
      local s <close> = connect(address)
      s:sendall("hello")
      assert.equal("hello", s:recv(5, "waitall"))
      s:setsockopt("SO_LINGER", 0):close()
      assert.equal("hello", exchange(address, "hello"))
      server:stop()
    end)

    it("serves the nc of the system #integration", function()
      local can, reason = process.available("nc")
      if not can then return pending(reason) end
      local server <close>, address = examples.serve(name, { "127.0.0.1:0" })
      local result = process.run({ "nc", "-N", "127.0.0.1",
                                   tostring(address.port) },
                                 { stdin = "hello\r\n\0" })
      assert.equal("hello\r\n\0", result.stdout)
      assert.truthy(server)
    end)

    it("ends quietly at an interrupt", function()
      local server <close> = examples.serve(name, { "127.0.0.1:0" })
      local result = server:stop("INT")
      assert.equal("", result.stderr)
    end)

    it("prints its usage when it is called wrongly", function()
      local result = examples.run(name)
      assert.equal(2, result.status)
      assert.matches("^usage: lua " .. name, result.stderr)
    end)

    it("fails if the address is taken", function()
      local taken <close>, port = examples.listen()
      local result = examples.run(name, { "127.0.0.1:" .. port })
      assert.equal(1, result.status)
      assert.matches("bind 127.0.0.1:%d+:.*EADDRINUSE", result.stderr)
      assert.truthy(taken)
    end)
  end)
end

for _, name in ipairs { "echo_fork", "echo_poll", "echo_serve" } do
  describe(name, function()
    descriptors.guard()

    it("serves a hundred clients at once", function()
      local server <close>, address = examples.serve(name, { "127.0.0.1:0" })
      local clients = {}
      for i = 1, 100 do clients[i] = connect(address) end
      for i = 100, 1, -1 do clients[i]:sendall("client " .. i) end
      for i, client in ipairs(clients) do
        local wanted = "client " .. i
        assert.equal(wanted, client:recv(#wanted, "waitall"))
      end
      for _, client in ipairs(clients) do client:close() end
      assert.truthy(server)
    end)

    it("serves others while one client does not read", function()
      local server <close>, address = examples.serve(name, { "127.0.0.1:0" })
      local slow <close> = connect(address)
      local sent = {}
      local chunk = examples.bytes(65536)
      slow:settimeout(0)
      -- Until both directions are full.
      repeat
        local n = slow:send(chunk) or nil
        sent[#sent + 1] = n and chunk:sub(1, n)
        local more = next(sockeye.poll({ [slow] = "w" }, 0.2))
      until not more
      assert.equal("hello", exchange(address, "hello"))

      local wanted = table.concat(sent)
      slow:settimeout(20):shutdown("wr")
      assert.is_true(examples.read_all(slow) == wanted)
      assert.truthy(server)
    end)
  end)
end

describe("echo_fork", function()
  descriptors.guard()

  it("serves each client in a child, and leaves no zombie", function()
    local server <close>, address = examples.serve("echo_fork",
                                                   { "127.0.0.1:0" })
    local clients = {}
    for i = 1, 100 do
      clients[i] = connect(address)
      clients[i]:sendall("x")
    end
    for _, client in ipairs(clients) do assert.equal("x", client:recv(1)) end
    local _, count = children(server.pid):gsub("%d+", "")
    assert.equal(100, count)
    for _, client in ipairs(clients) do client:close() end
    assert.is_true(examples.eventually(function()
      return children(server.pid) == ""
    end))
  end)
end)

for _, name in ipairs { "echo_poll", "echo_serve" } do
  describe(name, function()
    descriptors.guard()

    it("leaves clients in the queue while it has no descriptor", function()
      local server <close>, address = examples.serve(name,
        { "127.0.0.1:0" }, { prefix = { "sh", "-c", 'ulimit -n 16; exec "$@"',
                                        "sh" } })
      local clients = {}
      for i = 1, 30 do
        clients[i] = connect(address)
        clients[i]:sendall("hello")
      end
      for _, client in ipairs(clients) do
        assert.equal("hello", client:recv(5, "waitall"))
        client:close()
      end
      assert.truthy(server)
    end)
  end)
end
