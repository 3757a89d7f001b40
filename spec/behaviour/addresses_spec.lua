local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local sockets = require "spec.support.sockets"

local family_size <const> = #string.pack("=I2", 0)

describe("sockaddr_in", function()
  it("addr-1: has port and address in network order when packed", function()
    local a = sockeye.inet("192.0.2.1", 0x1234)
    assert.same({ "inet", "192.0.2.1", 0x1234 }, { a.family, a.host, a.port })
    local bytes = a:pack()
    assert.equal(16, #bytes)
    assert.equal("\x12\x34\192\0\2\1", bytes:sub(family_size + 1, 8))
    assert.equal(sockeye.AF_INET, (string.unpack("=I2", bytes)))
    assert.equal(("\0"):rep(8), bytes:sub(9))
  end)

  it("addr-1: is read from the packed structure", function()
    local bytes = string.pack("=I2>I2c4c8", sockeye.AF_INET, 8080,
                              "\10\0\0\1", "")
    local a = sockeye.unpack(bytes)
    assert.same({ "10.0.0.1", 8080 }, { a.host, a.port })
    assert.equal(sockeye.inet("10.0.0.1", 8080), a)
  end)
end)

describe("sockaddr_in6", function()
  descriptors.guard()

  it("addr-2: has a flow label and a scope id", function()
    local a = sockeye.inet6("fe80::1", 0x1234,
                            { flowinfo = 0x12345, scope = 7 })
    assert.same({ "inet6", "fe80::1", 0x1234, 0x12345, 7 },
                { a.family, a.host, a.port, a.flowinfo, a.scope_id })
    local host = "\xfe\x80" .. ("\0"):rep(13) .. "\1"
    assert.equal(string.pack("=I2>I2>I4c16=I4", sockeye.AF_INET6, 0x1234,
                             0x12345, host, 7), a:pack())
    assert.equal(a, sockeye.unpack(a:pack()))
  end)

  it("addr-2: takes the scope as the interface's name, too", function()
    local name = sockeye.interfaces()[1]
    local a = sockeye.inet6("fe80::1", 80, { scope = name.name })
    assert.equal(name.index, a.scope_id)
    assert.equal(a, sockeye.address(tostring(a)))
  end)

  it("addr-2: comes back from the kernel as it went", function()
    local s <close> = sockets.bound "[::1]:0"
    local name = s:getsockname()
    assert.same({ "::1", 0, 0 }, { name.host, name.flowinfo, name.scope_id })
  end)
end)

describe("sockaddr_un", function()
  descriptors.guard()

  it("addr-3: has 108 bytes for the path on Linux", function()
    local a = sockeye.unix("/" .. ("x"):rep(107))
    assert.equal(108, #a.path)
    assert.equal(family_size + 108, #a:pack())
    errors.rejected("108", sockeye.unix, "/" .. ("x"):rep(108))
  end)

  it("addr-3: is abstract, without a file, on Linux", function()
    local name = ("\0sockeye-addr-3-%d"):format(sockeye.getpid())
    local s <close> = sockeye.socket("unix", "stream")
    s:bind(sockeye.unix(name))
    assert.equal(name, s:getsockname().path)
    assert.equal("unix:@" .. name:sub(2), tostring(s:getsockname()))
    s:close()
    local again <close> = sockeye.socket("unix", "stream")
    again:bind(sockeye.unix(name))
  end)

  it("addr-3: is unnamed", function()
    local a = sockeye.unix()
    assert.is_nil(a.path)
    assert.equal(family_size, #a:pack())
  end)

  it("addr-3: unnamed, is an abstract name of Linux's choice in bind",
     function()
    local s <close> = sockeye.socket("unix", "dgram")
    s:bind(sockeye.unix())
    assert.matches("^\0%x%x%x%x%x$", s:getsockname().path)
  end)
end)

-- The wildcard, and what of the host reaches a socket that is bound to it.
local families = {
  inet = { any = sockeye.inet(), ["local"] = "127.0.0.1" },
  inet6 = { any = sockeye.inet6(), ["local"] = "::1" },
}

describe("bind's wildcard", function()
  descriptors.guard()

  it("addr-4: is INADDR_ANY, and in6addr_any", function()
    assert.same({ "0.0.0.0", 0 }, { sockeye.inet().host, sockeye.inet().port })
    assert.same({ "::", 0 }, { sockeye.inet6().host, sockeye.inet6().port })
    assert.is_true(sockeye.inet():is_any())
    assert.is_true(sockeye.inet6():is_any())
    assert.equal(("\0"):rep(4), sockeye.inet():pack():sub(5, 8))
    assert.equal(("\0"):rep(16), sockeye.inet6():pack():sub(9, 24))
  end)

  for family, hosts in pairs(families) do
    local function name(host, port)
      return sockeye[family](host == "any" and hosts.any.host or hosts[host],
                             port)
    end

    -- Bound to that, and reached by its port at the local address.
    local function try(host, port)
      local l <close> = sockets.listener(name(host, port))
      local bound = l:getsockname()
      assert.equal(name(host, 0).host, bound.host)
      assert.is_true(bound.port > 0)
      local c <close> = sockets.client(name("local", bound.port))
      local a <close> = l:accept()
      assert.equal(c:getpeername(), a:getsockname())
      return bound.port
    end

    for _, host in ipairs { "any", "local" } do
      it(("addr-4: %s %s address and port 0"):format(family, host), function()
        try(host, 0)
      end)

      it(("addr-4: %s %s address and a given port"):format(family, host),
         function()
        sockets.with_port(function(port)
          assert.equal(port, try(host, port))
        end)
      end)
    end
  end

  it("addr-4: is every address of the host, a local address is one",
     function()
    for host, reached in pairs { ["0.0.0.0"] = true, ["127.0.0.1"] = false } do
      local l <close> = sockets.listener(sockeye.inet(host))
      local c <close> = sockeye.socket("inet", "stream")
      local other = sockeye.inet("127.0.0.2", l:getsockname().port)
      if reached then
        c:connect(other)
      else
        errors.raised("ECONNREFUSED", "connect", c.connect, c, other)
      end
    end
  end)
end)

-- A datagram from one end to the other, and what each call returns as its name.
local function exchange(from, to)
  from:sendto("x", to:getsockname())
  local data, sender = to:recvfrom(9)
  assert.equal("x", data)
  to:connect(sender.path and sender or to:getsockname())
  return sender, to:getpeername()
end

describe("the length of an address", function()
  descriptors.guard()

  it("addr-5: shows that a unix peer has no name", function()
    local l <close> = sockets.listener(sockeye.unix())
    local c <close> = sockets.client(l:getsockname())
    local a <close>, peer = l:accept()
    assert.equal(sockeye.unix(), peer)
    assert.equal(sockeye.unix(), a:getpeername())
    assert.equal(sockeye.unix(), c:getsockname())
    assert.equal(family_size, #peer:pack())
  end)

  it("addr-5: leaves out the name of a sender that has none", function()
    local from <close> = sockeye.socket("unix", "dgram")
    local to <close> = sockeye.socket("unix", "dgram")
    to:bind(sockeye.unix())
    from:sendto("x", to:getsockname())
    local data, sender = to:recvfrom(9)
    assert.equal("x", data)
    assert.is_nil(sender and sender.path)
  end)

  local function comes_back(path)
    local from <close> = sockeye.socket("unix", "dgram")
    local to <close> = sockeye.socket("unix", "dgram")
    from:bind(sockeye.unix(path))
    to:bind(sockeye.unix()):settimeout(20)
    local sender, peer = exchange(from, to)
    assert.equal(path, from:getsockname().path)
    assert.equal(path, sender.path)
    assert.equal(path, peer.path)
  end

  it("addr-5: keeps the zeros in an abstract name", function()
    comes_back(("\0sockeye\0addr-5\0%d\0\0"):format(sockeye.getpid()))
    comes_back(("\0\0%d\0"):format(sockeye.getpid()))
  end)

  it("addr-5: keeps an abstract name of 108 bytes", function()
    local name = ("\0sockeye-addr-5-%d-"):format(sockeye.getpid())
    comes_back(name .. ("\xff"):rep(108 - #name))
  end)

  it("addr-5: keeps a path of 108 bytes, for which no zero is left",
     function()
    examples.with_folder(function(folder)
      for _, length in ipairs { 107, 108 } do
        comes_back(folder .. "/" .. ("x"):rep(length - #folder - 1))
      end
    end)
  end)
end)
