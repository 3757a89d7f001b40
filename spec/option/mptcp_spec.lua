-- Multipath TCP: its sockets, and what they report about their connections.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"

-- Runs f with both ends of a connection, the listener's protocol being the
-- second; a reason where the kernel has no Multipath TCP.
local function with_pair(ours, theirs, f)
  local ok, l = pcall(sockeye.socket, "inet", "stream", theirs)
  if not ok then
    assert.is_true(sockeye.is_error(l))
    return pending("this kernel does not have MPTCP: " .. l.code)
  end
  local _ <close> = l
  l:settimeout(20):bind("127.0.0.1:0"):listen()
  local c <close> = sockeye.socket("inet", "stream", ours):settimeout(20)
  c:connect(l:getsockname())
  local s <close> = l:accept():settimeout(20)
  f(c, s)
end

describe("Multipath TCP", function()
  descriptors.guard()

  it("is a stream like any other", function()
    with_pair("mptcp", "mptcp", function(c, s)
      for _, size in ipairs { 1, 1000, 30000 } do
        local data = ("m"):rep(size)
        c:sendall(data)
        assert.equal(data, s:recv(size, "waitall"))
        s:sendall(data)
        assert.equal(data, c:recv(size, "waitall"))
      end
      assert.equal("mptcp", c:getsockopt("SO_PROTOCOL"))
      assert.equal("ESTABLISHED", c:state())
      assert.equal(c:getsockname(), s:getpeername())
      c:shutdown("wr")
      assert.is_nil(s:recv(1))
    end)
  end)

  it("is reported by TCP_IS_MPTCP", function()
    with_pair("mptcp", "mptcp", function(c, s)
      assert.is_true(c:getsockopt("TCP_IS_MPTCP"))
      assert.is_true(s:getsockopt("TCP_IS_MPTCP"))
      assert.is_false(c:getsockopt("MPTCP_INFO").fallback)
    end)
  end)

  it("is plain TCP with a peer that lacks it", function()
    with_pair("mptcp", "tcp", function(c, s)
      c:sendall("plain")
      assert.equal("plain", s:recv(9))
      assert.is_false(c:getsockopt("TCP_IS_MPTCP"))
      assert.is_false(s:getsockopt("TCP_IS_MPTCP"))
      errors.raised("EOPNOTSUPP", "getsockopt", s.getsockopt, s, "MPTCP_INFO")
    end)
    with_pair("tcp", "mptcp", function(c, s)
      assert.is_false(c:getsockopt("TCP_IS_MPTCP"))
      assert.is_false(s:getsockopt("TCP_IS_MPTCP"))
    end)
  end)

  it("reports its one subflow", function()
    with_pair("mptcp", "mptcp", function(c, s)
      c:sendall("12345")
      assert.equal("12345", s:recv(9))
      local info = s:getsockopt("MPTCP_INFO")
      assert.is_true(info.remote_key_received)
      assert.equal("integer", math.type(info.rcv_nxt))
      local ends = c:getsockopt("MPTCP_SUBFLOW_ADDRS")
      assert.equal(1, #ends)
      assert.equal(c:getsockname(), ends[1]["local"])
      assert.equal(c:getpeername(), ends[1].remote)
      local flows = s:getsockopt("MPTCP_TCPINFO")
      assert.equal(1, #flows)
      assert.equal("ESTABLISHED", flows[1].state)
      assert.equal(5, flows[1].bytes_received)
    end)
  end)

  it("is read without a table", function()
    with_pair("mptcp", "mptcp", function(c)
      for _, name in ipairs { "MPTCP_SUBFLOW_ADDRS", "MPTCP_TCPINFO",
                              "MPTCP_INFO" } do
        errors.rejected("takes no argument", c.getsockopt, c, name,
                        {})
      end
    end)
  end)
end)

-- More subflows than one: the server offers further addresses, and the client
-- is allowed to use them.
local server_script = [[
local sockeye = require "sockeye"
local l = sockeye.socket("inet", "stream", "mptcp"):bind("*:0")
print(arg[1] .. ":" .. l:listen():getsockname().port)
io.stdout:flush()
local s = l:settimeout(20):accept()
while true do
  local data = s:recv(9)
  if not data then break end
  s:sendall(data)
end
]]

local client_script = [[
local sockeye = require "sockeye"
local c = sockeye.socket("inet", "stream", "mptcp"):settimeout(20)
c:connect(arg[1])
local wanted = math.tointeger(arg[2])
local deadline = sockeye.now() + 20
local list
repeat
  c:sendall("x")
  c:recv(1)
  list = c:getsockopt("MPTCP_SUBFLOW_ADDRS")
until #list >= wanted or sockeye.now() > deadline
assert(#c:getsockopt("MPTCP_TCPINFO") == #list)
for _, flow in ipairs(list) do print(flow.remote.host) end
]]

describe("Multipath TCP between hosts", function()
  descriptors.guard()

  it("reports every subflow #namespace", function()
    netns.with_namespaces(function(ns)
      local has = ns.a:run { "ip", "mptcp", "limits", "set", "subflow", "4",
                             "add_addr_accepted", "4" }
      if has.status ~= 0 then return pending "no MPTCP here" end
      ns.b:must "ip mptcp limits set subflow 4 add_addr_accepted 4"
      local wanted = { ns.b.address }
      for i = 1, 3 do
        wanted[i + 1] = "10.77.0.2" .. i
        ns.b:must(("ip addr add %s/24 dev %s && " ..
                   "ip mptcp endpoint add %s dev %s signal"):format(
          wanted[i + 1], ns.b.interface, wanted[i + 1], ns.b.interface))
      end
      local server <close> = ns.b:start_lua(server_script,
                                            { args = { ns.b.address } })
      local result = ns.a:lua(client_script, { args = { server:line(), 4 } })
      assert.equal("", result.stderr)
      local found = {}
      for line in result.stdout:gmatch "[^\n]+" do
        table.insert(found, line)
      end
      table.sort(found)
      assert.same(wanted, found)
    end)
  end)
end)
