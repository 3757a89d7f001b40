local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"
local sockets = require "spec.support.sockets"
local unprivileged = require "spec.support.unprivileged"

local function numbers(path)
  local file <close> = io.open(path)
  if not file then return end
  return file:read("n", "n")
end

-- Binds a socket with SO_REUSEADDR on or off.
local function bind(address, reuse)
  local s = sockeye.socket("inet", "stream")
  local ok, err = pcall(function()
    s:setsockopt("SO_REUSEADDR", reuse):bind(address)
  end)
  if ok then return s end
  s:close()
  error(err, 0)
end

-- Whether the kernel keeps a connection of the local port in TIME_WAIT.
local function is_in_time_wait(port)
  local pattern = ("^%%s*%%d+: %%x+:%04X %%x+:%%x+ 06 "):format(port)
  for line in io.lines("/proc/net/tcp") do
    if line:find(pattern) then return true end
  end
  return false
end

-- How often the kernel has found its table of TIME_WAIT full, as it is after
-- many connections, and has kept none.
local function overflows()
  local names
  for line in io.lines "/proc/net/netstat" do
    local rest = line:match "^TcpExt: (.*)"
    if rest and not names then
      names = {}
      for name in rest:gmatch "%S+" do names[#names + 1] = name end
    elseif rest then
      local place = 0
      for value in rest:gmatch "%S+" do
        place = place + 1
        if names[place] == "TCPTimeWaitOverflow" then return value end
      end
    end
  end
end

-- An address on which a server has closed its connection first, and itself; nil
-- where the kernel has no room to keep that.
local function left_in_time_wait(reuse)
  local before = overflows()
  local l <close> = bind("127.0.0.1:0", reuse):listen()
  local address = l:getsockname()
  local c <close> = sockets.client(address)
  local a <close> = l:accept()
  a:close()
  assert.is_nil(c:recv(1))
  c:close()
  local kept = false
  assert.is_true(examples.eventually(function()
    kept = is_in_time_wait(address.port)
    return kept or overflows() ~= before
  end))
  if kept then return address end
  pending "the kernel's table of TIME_WAIT is full (tcp_max_tw_buckets)"
end

describe("bind", function()
  descriptors.guard()

  it("bind-1: refuses a protected port without privilege", function()
    local start = numbers "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    if start == 0 then pending "no port is protected here" return end
    local result, reason = unprivileged.lua [[
      local sockeye = require "sockeye"
      for _, address in ipairs { "127.0.0.1:1", "[::1]:1" } do
        address = sockeye.address(address)
        for _, type in ipairs { "stream", "dgram" } do
          local s = sockeye.socket(address.family, type)
          local _, err = pcall(s.bind, s, address)
          print(err.code, err.call, err.address == address)
        end
      end
    ]]
    if not result then pending(reason) return end
    assert.equal(("EACCES\tbind\ttrue\n"):rep(4), result.stdout)
  end)

  -- 1024 of old is a setting; the privilege is CAP_NET_BIND_SERVICE.
  it("bind-1: protects the ports below a setting of Linux #namespace",
     function()
    local is_there, reason = netns.available()
    if not is_there then pending(reason) return end
    local options
    options, reason = unprivileged.options()
    if not options then pending(reason) return end
    netns.with_namespaces(function(ns)
      ns.a:must "echo 5000 >/proc/sys/net/ipv4/ip_unprivileged_port_start"
      local script = [[
        local sockeye = require "sockeye"
        for _, port in ipairs { 80, 4999, 5000 } do
          local s = sockeye.socket("inet", "stream")
          local ok, err = pcall(s.bind, s, sockeye.inet("*", port))
          print(port, ok or err.code)
        end
      ]]
      assert.equal("80\ttrue\n4999\ttrue\n5000\ttrue\n",
                   ns.a:lua(script).stdout)
      assert.equal("80\tEACCES\n4999\tEACCES\n5000\ttrue\n",
                   ns.a:lua(script, options).stdout)
    end)
  end)

  it("bind-2: refuses an address in use", function()
    for _, address in ipairs { "127.0.0.1:0", "[::1]:0" } do
      for _, type in ipairs { "stream", "dgram" } do
        local s <close> = sockets.bound(address, type)
        local name = s:getsockname()
        local other <close> = sockeye.socket(name.family, type)
        local err = errors.raised("EADDRINUSE", "bind", other.bind, other,
                                  name)
        assert.equal(name, err.address)
        local any = sockeye[name.family]("*", name.port)
        errors.raised("EADDRINUSE", "bind", other.bind, other, any)
      end
    end
  end)

  it("bind-2: refuses a path that exists, served or not", function()
    examples.with_folder(function(folder)
      local address = sockeye.unix(folder .. "/socket")
      local s <close> = sockets.listener(address)
      local other <close> = sockeye.socket("unix", "stream")
      errors.raised("EADDRINUSE", "bind", other.bind, other, address)
      s:close()
      errors.raised("EADDRINUSE", "bind", other.bind, other, address)
      os.remove(address.path)
      other:bind(address)
    end)
  end)

  -- A listener that both have not become is what SO_REUSEADDR allows here.
  it("bind-2: lets two share an address until one listens, on Linux",
     function()
    local one <close> = bind("127.0.0.1:0", true)
    local other <close> = bind(one:getsockname(), true)
    one:listen()
    errors.raised("EADDRINUSE", "listen", other.listen, other)
    errors.raised("EADDRINUSE", "bind", bind, one:getsockname(), true)
  end)

  it("bind-3: refuses an address that is not local", function()
    for _, address in ipairs { "192.0.2.1:0", "[2001:db8::1]:0" } do
      address = sockeye.address(address)
      local s <close> = sockeye.socket(address.family, "stream")
      local err = errors.raised("EADDRNOTAVAIL", "bind", s.bind, s, address)
      assert.equal(address, err.address)
    end
  end)

  it("bind-3: takes it with IP_FREEBIND, on Linux", function()
    local s <close> = sockeye.socket("inet", "stream")
    s:setsockopt("IP_FREEBIND", true):bind("192.0.2.1:0")
    assert.equal("192.0.2.1", s:getsockname().host)
  end)

  it("bind-4: refuses a port in TIME_WAIT without SO_REUSEADDR", function()
    for _, reuse in ipairs { false, true } do
      local address = left_in_time_wait(reuse)
      if not address then return end
      errors.raised("EADDRINUSE", "bind", bind, address, false)
      assert.is_true(is_in_time_wait(address.port))
    end
  end)

  it("bind-4: takes a port in TIME_WAIT with SO_REUSEADDR", function()
    local address = left_in_time_wait(true)
    if not address then return end
    local s <close> = bind(address, true)
    assert.is_true(is_in_time_wait(address.port))
    local c <close> = sockets.client(s:listen():getsockname())
    local a <close> = s:accept()
    assert.equal(c:getsockname(), a:getpeername())
  end)

  -- On BSD, only the socket that binds has to have it.
  it("bind-4: needs SO_REUSEADDR on the earlier socket, too, on Linux",
     function()
    local address = left_in_time_wait(false)
    if not address then return end
    errors.raised("EADDRINUSE", "bind", bind, address, true)
  end)

  it("bind-5: lets two listeners share a port by SO_REUSEPORT", function()
    local one <close> = sockeye.socket("inet", "stream")
    one:setsockopt("SO_REUSEPORT", true):bind("127.0.0.1:0"):listen()
    local other <close> = sockeye.socket("inet", "stream")
    errors.raised("EADDRINUSE", "bind", other.bind, other, one:getsockname())
    other:setsockopt("SO_REUSEPORT", true):bind(one:getsockname()):listen()
    local counts = { [one] = 0, [other] = 0 }
    for _ = 1, 1000 do
      local c <close> = sockets.client(one:getsockname())
      local l = next(sockeye.poll({ [one] = "r", [other] = "r" }, 20))
      local a <close> = l:accept()
      assert.equal(c:getsockname(), a:getpeername())
      -- The client's port is not to be kept in TIME_WAIT.
      c:setsockopt("SO_LINGER", 0):close()
      counts[l] = counts[l] + 1
      if counts[one] > 0 and counts[other] > 0 then break end
    end
    assert.is_true(counts[one] > 0 and counts[other] > 0)
  end)

  it("bind-6: lets the kernel choose a port for 0", function()
    local low, high = numbers "/proc/sys/net/ipv4/ip_local_port_range"
    local ports = {}
    for _, address in ipairs { "127.0.0.1:0", "*:0", "[::1]:0", "[::]:0" } do
      for _, type in ipairs { "stream", "dgram" } do
        local s <close> = sockets.bound(address, type)
        ports[#ports + 1] = s:getsockname().port
      end
    end
    assert.equal(8, #ports)
    for _, port in ipairs(ports) do
      assert.is_true(port > 0)
      if low then assert.is_true(port >= low and port <= high) end
    end
  end)

  it("bind-6: chooses a port that no other socket has", function()
    local one <close> = sockets.bound "127.0.0.1:0"
    local other <close> = sockets.bound "127.0.0.1:0"
    assert.not_equal(one:getsockname().port, other:getsockname().port)
  end)

  it("bind-7: determines the source of a client", function()
    local l <close> = sockets.listener "0.0.0.0:0"
    local port = l:getsockname().port
    for _, host in ipairs { "127.0.0.1", "127.0.0.2", "127.99.88.77" } do
      local c <close> = sockets.bound(sockeye.inet(host))
      local name = c:getsockname()
      c:connect(sockeye.inet("127.0.0.1", port))
      local a <close>, peer = l:accept()
      assert.equal(name, peer)
      assert.equal(host, a:getpeername().host)
    end
  end)

  it("bind-7: determines the source of datagrams", function()
    local to <close> = sockets.bound("127.0.0.1:0", "dgram")
    local from <close> = sockets.bound("127.0.0.3:0", "dgram")
    from:sendto("x", to:getsockname())
    local _, sender = to:recvfrom(1)
    assert.equal(from:getsockname(), sender)
    assert.equal("127.0.0.3", sender.host)
  end)
end)
