local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local resolver = require "spec.support.resolver"
local worlds = require "spec.support.worlds"

-- A listener, and the endpoint by which it is reached.
local function listening(endpoint)
  local l = sockeye.listen(endpoint)
  return l, l:getsockname()
end

for _, world in ipairs(worlds.pollers) do
  local where, within = world[1], world[2]

  describe("connect " .. where, function()
    descriptors.guard()

    local function reaches(l, endpoint, options)
      within(function()
        local conn <close> = sockeye.connect(endpoint, options)
        local c <close>, peer = l:accept()
        assert.equal(conn:getpeername(), l:getsockname())
        if peer.port then
          assert.equal(conn:getsockname(), peer)
        end
        c:sendall("hello")
        assert.equal("hello", conn:read(5))
      end)
    end

    it("reaches an address", function()
      local l <close>, address = listening("127.0.0.1:0")
      reaches(l, "127.0.0.1:" .. address.port)
      reaches(l, address)
    end)

    it("reaches an address by its name", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      local l <close>, address = listening("127.0.0.1:0")
      reaches(l, "localhost:" .. address.port, { family = "inet" })
    end)

    it("reaches an IPv6 address", function()
      local l <close>, address = listening("[::1]:0")
      reaches(l, "[::1]:" .. address.port)
      reaches(l, address)
    end)

    it("reaches a Unix socket", function()
      examples.with_folder(function(folder)
        local l <close>, address = listening("unix:" .. folder .. "/s")
        reaches(l, "unix:" .. folder .. "/s", { timeout = 20 })
        reaches(l, address)
      end)
      local name = "unix:@sockeye-" .. math.random(1 << 40)
      local l <close>, address = listening(name)
      reaches(l, name)
      reaches(l, address)
    end)

    it("sets TCP_NODELAY, unless nodelay is false", function()
      local l <close>, address = listening("127.0.0.1:0")
      within(function()
        for _, value in ipairs { true, false } do
          local conn <close> = sockeye.connect(address, { nodelay = value })
          assert.equal(value, conn:getsockopt("TCP_NODELAY"))
        end
      end)
      assert.truthy(l)
    end)

    it("binds the local address", function()
      local l <close>, address = listening("127.0.0.1:0")
      within(function()
        local conn <close> = sockeye.connect(address, { bind = "127.0.0.9:0" })
        assert.equal("127.0.0.9", conn:getsockname().host)
        local err = errors.raised("EADDRNOTAVAIL", "bind", sockeye.connect,
                                  address, { bind = "192.0.2.1:0" })
        assert.equal(sockeye.inet("192.0.2.1"), err.address)
        assert.equal("bind", err.attempts[1].call)
        assert.equal("192.0.2.1:0", err.endpoint)
        assert.equal(sockeye.inet("192.0.2.1"), err.attempts[1].address)
      end)
      assert.truthy(l)
    end)

    it("raises the error of the address", function()
      local port = examples.free_port()
      within(function()
        local err = errors.raised("ECONNREFUSED", "connect", sockeye.connect,
                                  "127.0.0.1:" .. port)
        assert.equal(sockeye.inet("127.0.0.1", port), err.address)
        assert.equal(1, #err.attempts)
        assert.equal("ECONNREFUSED", err.attempts[1].code)
        assert.is_nil(err.timeout)
        err = errors.raised("ENOENT", "connect", sockeye.connect,
                            "unix:/no/such/path")
        assert.equal("/no/such/path", err.address.path)
      end)
    end)

    it("returns the name whose address has answered", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      local port = examples.free_port()
      within(function()
        local err = errors.raised("ECONNREFUSED", "connect", sockeye.connect,
                                  "localhost:" .. port, { family = "inet" })
        assert.equal("localhost", err.address)
        assert.equal("localhost:" .. port, err.endpoint)
        assert.matches("connect localhost:" .. port .. ": ", tostring(err))
      end)
    end)

    it("reaches what endpoint gives", function()
      local l <close>, address = listening("127.0.0.1:0")
      reaches(l, sockeye.endpoint("127.0.0.1", { port = address.port }))
      reaches(l, { host = "127.0.0.1", port = address.port })
      reaches(l, sockeye.endpoint(address), { timeout = "20" })
    end)

    it("returns a datagram socket with a peer", function()
      local l <close> = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
      local address = l:getsockname()
      within(function()
        for _, endpoint in ipairs { "127.0.0.1:" .. address.port, address } do
          local s <close> = sockeye.connect(endpoint, { type = "dgram" })
          assert.equal("sockeye.Socket", getmetatable(s))
          assert.equal(address, s:getpeername())
          s:send("question")
          local question, peer = l:recvfrom(100)
          assert.equal("question", question)
          l:sendto("answer", peer)
          assert.equal("answer", s:recv(100))
        end
      end)
    end)

    it("returns a datagram socket for a name", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      within(function()
        local s <close> = sockeye.connect("localhost:9", {
          type = "SOCK_DGRAM", family = "inet", bind = "127.0.0.9:0" })
        assert.equal(sockeye.inet("127.0.0.1", 9), s:getpeername())
        assert.equal("127.0.0.9", s:getsockname().host)
      end)
    end)

    it("returns a Unix socket of another type", function()
      examples.with_folder(function(folder)
        for _, type in ipairs { "dgram", "seqpacket" } do
          local path = "unix:" .. folder .. "/" .. type
          local l <close> = sockeye.socket("unix", type):bind(path)
          if type == "seqpacket" then l:listen() end
          within(function()
            local s <close> = sockeye.connect(path, { type = type })
            assert.equal(type, s:getsockopt "SO_TYPE")
            s:send("hello")
            local c = type == "seqpacket" and l:accept() or l
            assert.equal("hello", c:recv(100))
            c:close()
          end)
        end
        errors.raised("ENOENT", "connect", sockeye.connect,
                      "unix:" .. folder .. "/none", { type = "dgram" })
      end)
    end)

    it("says whose time ran out without any time", function()
      within(function()
        local err = errors.raised("ETIMEDOUT", "connect", sockeye.connect,
                                  "no-such-host.invalid:80", { timeout = 0 })
        assert.is_true(err.timeout)
        assert.equal("timed out after 0 s", err.message)
        assert.equal("no-such-host.invalid:80", err.endpoint)
      end)
    end)

    it("names the script's line in its errors", function()
      local port = examples.free_port()
      within(function()
        local _, err = pcall(sockeye.connect, "127.0.0.1:" .. port)
        assert.matches("^spec/lua/connect_spec.lua:%d+:$", err.where)
      end)
    end)

    it("raises the error of the resolver", function()
      within(function()
        local err = errors.raised("EAI_SERVICE", "getaddrinfo",
                                  sockeye.connect, "127.0.0.1:no-such-service")
        assert.equal("127.0.0.1", err.address)
        assert.equal("no-such-service", err.service)
        assert.matches("connect 127.0.0.1:no%-such%-service: unknown " ..
                       "service 'no%-such%-service'", tostring(err))
      end)
    end)

    it("gives up at the time-out", function()
      -- A full queue: the next connection is not answered.
      local l <close> = sockeye.listen("127.0.0.1:0", { backlog = 0 })
      local first <close> = sockeye.connect(l:getsockname())
      within(function()
        local err = errors.raised("ETIMEDOUT", "connect", sockeye.connect,
                                  l:getsockname(), { timeout = 0.01 })
        assert.is_true(err.timeout)
        assert.equal(l:getsockname(), err.address)
        assert.is_true(err.attempts[1].timeout)
        assert.equal("timed out after 0.01 s", err.message)
      end)
      assert.truthy(first)
    end)
  end)
end

describe("connect", function()
  descriptors.guard()

  local rejected = {
    { "unknown option 'tiemout'; there are attempt_delay, bind,",
      "127.0.0.1:1", { tiemout = 1 } },
    { "option 'timeout': number of seconds expected, got 'soon'",
      "127.0.0.1:1", { timeout = "soon" } },
    { "option 'attempt_delay': number of seconds expected, got %-1",
      "127.0.0.1:1", { attempt_delay = -1 } },
    { "option 'nodelay': boolean expected", "127.0.0.1:1", { nodelay = 1 } },
    { "#2 to 'connect' %(table expected, got number", "127.0.0.1:1", 5 },
    { "#1 to 'connect' %(endpoint expected", "localhost" },
    { "#1 to 'connect' %(endpoint expected", "::1:80" },
    { "#1 to 'connect' %(endpoint expected", ":80" },
    { "#1 to 'connect' %(endpoint expected", "" },
    { "#1 to 'connect' %(endpoint expected, got nil", nil },
    { "#1 to 'connect' %(endpoint expected, got table", {} },
    { "#1 to 'connect' %(port out of range", "localhost:65536" },
    { "#1 to 'connect' %(a host is expected", "*:80" },
    { "#2.*table expected, got number; did you mean \"localhost:80\"%?",
      "localhost", 80 },
    { "#2.*table expected, got string; did you mean \"%[::1%]:x\"%?",
      "::1", "x" },
    { "option 'type': \"stream\", \"dgram\" or \"seqpacket\" expected",
      "127.0.0.1:1", { type = "raw" } },
    { "option 'nodelay' is for streams only", "127.0.0.1:1",
      { type = "dgram", nodelay = true } },
    { "#1 to 'connect'", "unix:" .. ("x"):rep(200) },
    { "#1 to 'connect'", io.stdout },
  }

  for _, row in ipairs(rejected) do
    it(("rejects a wrong argument: %s"):format(row[1]), function()
      errors.rejected(row[1], sockeye.connect, row[2], row[3])
    end)
  end
end)

-- A script knows `good`, an address that answers at `port`, `silent` ones, on
-- the same port, that do not (their queue is full), and `closed` ones.
local addresses = [[
  local good, silent, closed = "127.0.0.1", {}, {}
  for i = 1, 2 do
    silent[i] = "127.0.0." .. i + 1
    closed[i] = "127.0.0." .. i + 11
  end

  local kept = {}
  local sockets = require "spec.support.sockets"
  local port = sockets.with_port(function(port)
    sockets.close(table.unpack(kept))
    kept = { sockeye.listen(good .. ":" .. port) }
    for _, host in ipairs(silent) do
      local s = sockeye.listen(host .. ":" .. port, { backlog = 0 })
      kept[#kept + 1] = s
    end
    return port
  end)
  for i = 2, #kept do
    kept[#kept + 1] = sockeye.connect(kept[i]:getsockname())
  end

  -- Connects to several addresses; how it went, and with whom.
  local function try(hosts, options)
    options = options or {}
    options.timeout = options.timeout or 20
    local ok, conn = pcall(sockeye.connect, ("[%s]:%d"):format(
      table.concat(hosts, "+"), port), options)
    if ok then
      local _ <close> = conn
      return "connected to " .. conn:getpeername().host
    end
    local hosts, codes = {}, {}
    for i, err in ipairs(conn.attempts or {}) do
      hosts[i] = err.address.host
      codes[i] = err.code .. (err.timeout and "!" or "")
    end
    return ("%s%s by %s: %s %s"):format(conn.code, conn.timeout and "!" or "",
      conn.call, table.concat(hosts, " "), table.concat(codes, " "))
  end

  -- Nothing may be left to the collector.
  collectgarbage("stop")

  local function descriptors()
    local count = 0
    local iterator, folder = require("lfs").dir("/proc/self/fd")
    for _ in iterator, folder do count = count + 1 end
    folder:close()
    return count
  end
]]

local callers = {
  { "outside of a task", nil, "main()" },
  { "in a task (epoll)", "epoll", "sockeye.run(main)" },
  { "in a task (poll)", "poll", "sockeye.run(main)" },
}

for _, caller in ipairs(callers) do
  local where, poller, call = table.unpack(caller, 1, 3)

  local function printed(main)
    local result = resolver.lua(("%s local function main() %s end %s"):format(
      addresses, main, call), poller)
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
    return result.stdout
  end

  describe("connect to several addresses " .. where, function()
    descriptors.guard()

    it("tries the next address while one is silent", function()
      assert.equal("connected to 127.0.0.1\n0\n", printed [[
        local before = descriptors()
        print(try({ silent[1], good }, { attempt_delay = 0.01 }))
        print(descriptors() - before)
      ]])
    end)

    it("gives each attempt a start on the next", function()
      assert.equal("ETIMEDOUT! by connect: 127.0.0.2 ETIMEDOUT!\n", printed [[
        print(try({ silent[1], good }, { attempt_delay = 1000,
                                         timeout = 1 }))
      ]])
    end)

    it("tries the next at once when one refuses", function()
      assert.equal("connected to 127.0.0.1\n", printed [[
        print(try({ closed[1], closed[2], good }, { attempt_delay = 1000 }))
      ]])
    end)

    it("starts another attempt when a later one refuses", function()
      assert.equal("connected to 127.0.0.1\n", printed [[
        print(try({ silent[1], closed[1], silent[2], good },
                  { attempt_delay = 0.01 }))
      ]])
    end)

    it("tries the next at once when one refuses beside a silent one", function()
      assert.equal("connected to 127.0.0.1\n", printed [[
        -- The silent one's start has passed as soon as it is waited for.
        local core = require "sockeye.core"
        local now, poll, passed = core.now, core.poll, 0
        core.now = function() return now() + passed end
        core.poll = function(wanted, seconds)
          if passed > 0 then return poll(wanted, seconds) end
          passed = seconds + 1
          return {}
        end
        print(try({ silent[1], closed[1], good }, { attempt_delay = 1000,
                                                    timeout = 10 }))
      ]])
    end)

    it("returns the first connection that succeeds", function()
      assert.equal("connected to 127.0.0.1\n", printed [[
        print(try({ good, silent[1] }, { attempt_delay = 1000 }))
      ]])
    end)

    it("lists the error of each, the families taking turns", function()
      assert.equal("ECONNREFUSED by connect: 127.0.0.12 ::1 127.0.0.13 " ..
                   "ECONNREFUSED ECONNREFUSED ECONNREFUSED\n", printed [[
        print(try { closed[1], closed[2], "::1" })
      ]])
    end)

    it("lists silent addresses, too, when the time-out comes", function()
      assert.equal("ETIMEDOUT! by connect: 127.0.0.12 127.0.0.2 127.0.0.3 " ..
                   "ECONNREFUSED ETIMEDOUT! ETIMEDOUT!\n", printed [[
        print(try({ silent[1], closed[1], silent[2] },
                  { attempt_delay = 0.01, timeout = 2 }))
      ]])
    end)

    it("says bind of the local address if that fails at each", function()
      assert.equal("EADDRNOTAVAIL by bind: 192.0.2.1 192.0.2.1 " ..
                   "EADDRNOTAVAIL EADDRNOTAVAIL\n", printed [[
        print(try({ closed[1], closed[2] }, { bind = "192.0.2.1:0" }))
      ]])
    end)

    it("counts the resolution of the name as part of its time", function()
      assert.equal("ETIMEDOUT getaddrinfo gate-105-107 true\n", printed [[
        -- Long enough to ask.
        print(code(sockeye.connect, name .. ":80", { timeout = 0.5 }))
        open()
      ]])
    end)

    it("binds the local address of each attempt", function()
      assert.equal("connected to 127.0.0.1\n", printed [[
        print(try({ silent[1], good }, { attempt_delay = 0.01,
                                         bind = "127.0.0.9:" .. port }))
      ]])
    end)
  end)
end

describe("connect in a task", function()
  descriptors.guard()

  it("is cancelled in the midst of a race", function()
    local result = resolver.lua(addresses .. [[
      local before = descriptors()
      sockeye.run(function()
        local task = sockeye.spawn(sockeye.connect,
          ("[%s+%s]:%d"):format(silent[1], silent[2], port),
          { attempt_delay = 0 })
        sockeye.sleep(0.01)
        task:cancel()
        print(code(task.join, task), task:status())
      end)
      print(descriptors() - before)
    ]])
    assert.matches("^ECANCELED.*\tcancelled\n0\n$", result.stdout,
                   result.stderr)
  end)

  it("names the call that the script made when a race is cancelled", function()
    local result = resolver.lua(addresses .. [[
      sockeye.run(function()
        local endpoint = ("[%s+%s]:%d"):format(silent[1], silent[2], port)
        local _, task, err
        local core = require "sockeye.core"
        local poll = core.poll
        core.poll = function(...)
          task:cancel()
          return poll(...)
        end
        task = sockeye.spawn(function()
          _, err = pcall(sockeye.connect, endpoint, { attempt_delay = 0 })
        end)
        pcall(task.join, task)
        print(err.call, err.endpoint == endpoint:gsub("[%]%[]", ""),
              err.canceled)
      end)
    ]])
    assert.equal("connect\ttrue\ttrue\n", result.stdout, result.stderr)
  end)

  it("lets other tasks run", function()
    local result = resolver.lua(addresses .. [[
      sockeye.run(function()
        local order = {}
        local task = sockeye.spawn(function()
          local result = try({ silent[1], good }, { attempt_delay = 0.05 })
          order[#order + 1] = result
        end)
        sockeye.sleep(0)
        order[#order + 1] = "something else"
        task:join()
        print(table.concat(order, ", "))
      end)
    ]])
    assert.equal("something else, connected to 127.0.0.1\n", result.stdout,
                 result.stderr)
  end)
end)

describe("connect over a wire", function()
  -- Of a host with two addresses one is reached while the other is a black
  -- hole: whichever the resolver puts first.
  for _, hole in ipairs { "address", "address6" } do
    it(("reaches a host whose %s is a black hole #namespace"):format(hole),
       function()
      netns.with_namespaces(function(ns)
        ns.b:must(("ip route add blackhole %s/%d"):format(
          ns.a[hole], hole == "address" and 32 or 128))
        local server = ns.b:start_lua [[
          local sockeye = require "sockeye"
          local l = sockeye.listen("*:4057")
          io.stdout:setvbuf("line")
          print("listens")
          while true do l:accept():sendall("hello") end
        ]]
        server:line("listens")
        local path = os.tmpname()
        local file <close> = assert(io.open(path, "w"))
        file:write(ns.b.address, " both.test\n", ns.b.address6,
                   " both.test\n")
        file:close()
        local result = ns.a:run({ "unshare", "-m", "sh", "-c",
          'mount --bind "$1" /etc/hosts && exec "$2" -e "$3"', "sh", path,
          process.lua, [[
            local sockeye = require "sockeye"
            local function main()
              local conn <close> = sockeye.connect("both.test:4057",
                                                   { timeout = 20 })
              print(conn:getpeername().host, conn:read(5))
            end
            main()
            sockeye.run(main)
          ]] })
        os.remove(path)
        local other = hole == "address" and ns.b.address6 or ns.b.address
        assert.equal((other .. "\thello\n"):rep(2), result.stdout,
                     result.stderr)
      end)
    end)
  end
end)
