local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"

local function has_inet6()
  local ok, s = pcall(sockeye.listen, "[::1]:0")
  if ok then s:close() end
  return ok
end

-- Whether a client that calls the address is heard by the listener.
local function answers(l, address)
  local c <close> = sockeye.socket(address.family, "stream")
  c:settimeout(20):connect(address)
  local s <close> = l:settimeout(20):accept()
  return s:getpeername().family == c:getsockname().family or
    s:getpeername():is_v4mapped()
end

-- A listener on IPv6 alone; the IPv4 address with its port, and a socket that
-- is bound there and does not listen, so that nobody else does.
local function one_family_alone()
  for _ = 1, 50 do
    local only = sockeye.listen("[::]:0", { v6only = true })
    local held = sockeye.socket("inet", "stream")
    local address = sockeye.inet("127.0.0.1", only:getsockname().port)
    if pcall(held.bind, held, address) then return only, address, held end
    only:close()
    held:close()
  end
  error("no port is free on both families")
end

for _, world in ipairs {
  { "outside of a task", function(f) return f() end },
  { "in a task", function(f) return sockeye.run(f) end },
} do
  describe("listen " .. world[1], function()
    descriptors.guard()
    local within = world[2]

    it("sets TCP_NODELAY on what it accepts", function()
      within(function()
        local l <close> = sockeye.listen "127.0.0.1:0"
        local function accepted()
          local c <close> = sockeye.socket("inet", "stream")
          c:connect(l:getsockname())
          return (l:accept())
        end
        local s <close> = accepted()
        assert.is_true(s:getsockopt "TCP_NODELAY")
        s:setsockopt("TCP_NODELAY", false)
        assert.is_true(sockeye.stream(s):getsockopt "TCP_NODELAY")
        l:setsockopt("TCP_NODELAY", false)
        local other <close> = accepted()
        assert.is_false(other:getsockopt "TCP_NODELAY")
        assert.is_true(sockeye.stream(other):getsockopt "TCP_NODELAY")
      end)
    end)

    it("returns a socket that listens", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      for _, endpoint in ipairs { "127.0.0.1:0", "localhost:0",
                                  sockeye.inet("127.0.0.1", 0) } do
        within(function()
          local l <close> = sockeye.listen(endpoint)
          assert.equal("LISTEN", l:state())
          assert.is_true(l:getsockname():is_loopback())
          assert.is_true(l:getsockopt("SO_REUSEADDR"))
          assert.is_true(answers(l, l:getsockname()))
        end)
      end
    end)

    it("listens on every address of the host, of both families", function()
      within(function()
        local l <close> = sockeye.listen("*:0")
        local port = l:getsockname().port
        assert.is_true(answers(l, sockeye.inet("127.0.0.1", port)))
        if has_inet6() then
          assert.equal("inet6", l:getsockname().family)
          assert.is_true(answers(l, sockeye.inet6("::1", port)))
        end
      end)
    end)

    it("listens on one family if one is given", function()
      within(function()
        local l <close> = sockeye.listen("*:0", { family = "inet" })
        assert.equal("inet", l:getsockname().family)
        if not has_inet6() then return end
        local six <close> = sockeye.listen("*:0", { v6only = true })
        assert.is_true(six:getsockopt("IPV6_V6ONLY"))
        local listener, address, silent = one_family_alone()
        local only <close> = listener
        local _ <close> = silent
        assert.is_true(only:getsockopt("IPV6_V6ONLY"))
        local c <close> = sockeye.socket("inet", "stream")
        errors.raised("ECONNREFUSED", "connect", c.connect, c, address)
      end)
    end)

    it("listens on a Unix socket, with a file or without", function()
      examples.with_folder(function(folder)
        within(function()
          for _, endpoint in ipairs { "unix:" .. folder .. "/s",
                                      "unix:@sockeye-listen-" ..
                                      math.random(1 << 40) } do
            local l <close> = sockeye.listen(endpoint)
            assert.equal("LISTEN", l:state())
            local c <close> = sockeye.connect(endpoint)
            assert.truthy(c)
          end
        end)
      end)
    end)

    it("shares a port only with SO_REUSEPORT", function()
      within(function()
        local l <close> = sockeye.listen("127.0.0.1:0", { reuseport = true })
        local other <close> = sockeye.listen(l:getsockname(),
                                             { reuseport = true })
        assert.truthy(other)
        errors.raised("EADDRINUSE", nil, sockeye.listen, l:getsockname())
      end)
    end)
  end)
end

describe("listen", function()
  descriptors.guard()

  it("sets the backlog that is given", function()
    local l <close> = sockeye.listen("127.0.0.1:0", { backlog = 3 })
    assert.equal(3, l:getsockopt("TCP_INFO").sacked)
    local text <close> = sockeye.listen("127.0.0.1:0", { backlog = "3" })
    assert.equal(3, text:getsockopt("TCP_INFO").sacked)
    local negative <close> = sockeye.listen("127.0.0.1:0", { backlog = -1 })
    assert.equal(0, negative:getsockopt("TCP_INFO").sacked)
  end)

  it("takes what endpoint gives", function()
    local l <close> = sockeye.listen(sockeye.endpoint("127.0.0.1:0"))
    assert.equal("127.0.0.1", l:getsockname().host)
    local any <close> = sockeye.listen { host = "*", port = 0 }
    assert.is_true(any:getsockname():is_any())
  end)

  it("names what the script wrote where a service is unknown", function()
    local err = errors.raised("EAI_SERVICE", "getaddrinfo", sockeye.listen,
                              "*:no-such-service")
    assert.equal("listen", err.caller)
    assert.matches("listen %*:no%-such%-service: unknown", tostring(err))
  end)

  it("binds a port whose last connection is in TIME_WAIT", function()
    local l <close> = sockeye.listen("127.0.0.1:0")
    local address = l:getsockname()
    local c <close> = sockeye.socket("inet", "stream"):connect(address)
    local s <close> = l:accept()
    s:shutdown("wr")
    assert.is_nil(c:recv(1))
    c:close()
    assert.is_nil(s:recv(1))
    s:close()
    l:close()
    local again <close> = sockeye.listen(address)
    assert.equal(address, again:getsockname())
  end)

  it("raises the system's error, and closes what it opened", function()
    local err = errors.raised("EADDRNOTAVAIL", "bind", sockeye.listen,
                              "192.0.2.1:0")
    assert.equal("192.0.2.1:0", err.endpoint)
    assert.equal(sockeye.inet("192.0.2.1"), err.address)
    errors.raised("ENOENT", "bind", sockeye.listen, "unix:/no/such/folder/s")
    errors.raised("EAI_SERVICE", "getaddrinfo", sockeye.listen,
                  "127.0.0.1:no-such-service")
    errors.raised("ENOENT", "bind", sockeye.listen, "unix:/no/such/folder/s",
                  { mode = "0600" })
  end)

  local rejected = {
    { "unknown option 'backlogs'; there are backlog, family, mode", "*:0",
      { backlogs = 1 } },
    { "option 'backlog': integer of 32 bits expected", "*:0",
      { backlog = 1 << 31 } },
    { "option 'backlog'", "*:0", { backlog = 1.5 } },
    { "option 'v6only': boolean expected", "*:0", { v6only = 1 } },
    { "option 'mode': octal digits", "unix:/tmp/s", { mode = "rw" } },
    { "option 'mode': octal digits", "unix:/tmp/s", { mode = 512 } },
    { "option 'mode': octal digits", "unix:/tmp/s", { mode = "90" } },
    { "option 'mode': octal digits", "unix:/tmp/s", { mode = "0x1f" } },
    { "option 'mode': octal digits", "unix:/tmp/s", { mode = 1.5 } },
    { "option 'mode': octal digits", "unix:/tmp/s", { mode = {} } },
    { "#2 to 'listen' %(table expected", "*:0", "backlog" },
    { "#1 to 'listen' %(endpoint expected", "80" },
    { "#1 to 'listen' %(endpoint expected, got number", 80 },
    { "#1 to 'listen' %(port out of range", "*:65536" },
    { "#1 to 'listen' %(port out of range", "*:-1" },
    { "#1 to 'listen' %(not a port or a service's name", "127.0.0.1: 105616" },
    { '; did you mean "%*:8080"%?%)', ":8080" },
    { '; did you mean "%*:8080"%?%)', 8080 },
    { '; did you mean "127.0.0.1:0"%?%)', "127.0.0.1" },
    { '; did you mean "unix:/run/s"%?%)', "/run/s" },
    { "#2.*got number; did you mean \"%*:80\"%?%)", "*", 80 },
    { "endpoint expected, got a stream", sockeye.stream(sockeye.socketpair()) },
  }

  for _, row in ipairs(rejected) do
    it(("rejects a wrong argument: %s"):format(row[1]), function()
      errors.rejected(row[1], sockeye.listen, row[2], row[3])
    end)
  end
end)
