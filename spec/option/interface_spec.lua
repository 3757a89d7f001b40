-- Interfaces and hosts as a script names them.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("interface of an option", function()
  descriptors.guard()

  local loopback = sockeye.if_nametoindex "lo"
  local names = { "lo", loopback, "127.0.0.1", sockeye.inet("127.0.0.1") }
  for _, interface in ipairs(sockeye.interfaces()) do
    if tostring(interface.address) == "[::1]:0" then
      table.move({ "::1", interface.address }, 1, 2, #names + 1, names)
    end
  end

  it("has a name, an index and addresses", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, name in ipairs(names) do
      s:setsockopt("IP_UNICAST_IF", name)
      assert.equal(loopback, s:getsockopt("IP_UNICAST_IF"))
      s:setsockopt("IP_UNICAST_IF", 0)
    end
  end)

  it("is the system's choice if it is 0 or empty", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, name in ipairs { 0, "", "*" } do
      s:setsockopt("IP_UNICAST_IF", "lo")
      s:setsockopt("IP_UNICAST_IF", name)
      assert.equal(0, s:getsockopt("IP_UNICAST_IF"))
    end
  end)

  it("may be \"*\" wherever it may be any", function()
    local s <close> = sockeye.socket("inet", "dgram")
    s:setsockopt("IP_MULTICAST_IF", "*")
    local group = { group = "239.255.77.6", interface = "*" }
    for _, option in ipairs { "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP",
                              "MCAST_JOIN_GROUP", "MCAST_LEAVE_GROUP" } do
      local ok, err = pcall(s.setsockopt, s, option, group)
      assert.is_true(ok or err.code == "ENODEV" or
                     err.code == "EADDRNOTAVAIL", tostring(err))
    end
    -- An ordinary user may bind, and not unbind.
    for _, device in ipairs { "lo", "*" } do
      local ok, err = pcall(s.setsockopt, s, "SO_BINDTODEVICE", device)
      assert.is_true(ok or err.code == "EPERM", tostring(err))
      if ok then
        assert.equal(device == "*" and "" or device,
                     s:getsockopt "SO_BINDTODEVICE")
      end
    end
    errors.rejected("bad argument", s.setsockopt, s, "IP_UNICAST_IF", "*\0")
    s:sendmsg { iov = "x", name = "127.0.0.1:9",
                control = { pktinfo = { interface = "*" } } }
  end)

  it("is passed as an IPv4 address if the system wants one", function()
    local s <close> = sockeye.socket("inet", "dgram")
    local function membership(name)
      return { group = "239.255.77.5", source = "192.0.2.1", interface = name }
    end
    -- By all of its names it is the same: nothing can be added twice.
    for _, name in ipairs(names) do
      s:setsockopt("IP_ADD_SOURCE_MEMBERSHIP", membership(name))
      errors.raised("EADDRNOTAVAIL", "setsockopt", s.setsockopt, s,
                    "IP_ADD_SOURCE_MEMBERSHIP", membership "lo")
      s:setsockopt("IP_DROP_SOURCE_MEMBERSHIP", membership(name))
    end
  end)

  local wrong = {
    { "nosuchinterface", "no interface has this name: 'nosuchinterface'" },
    { "192.0.2.254", "no interface has this address" },
    { "2001:db8::254", "no interface has this address" },
    { sockeye.inet("192.0.2.254"), "no interface has this address" },
    { "lo\0", "no interface has this name" },
    { "127.0.0.1\0", "no interface has this name" },
    { sockeye.unix(), "name, index or address expected" },
    { -1, "index out of range" },
    { 1 << 31, "index out of range" },
    { 0.5, "name, index or address expected" },
    { true, "name, index or address expected" },
    { {}, "name, index or address expected" },
  }

  it("is rejected if it does not exist", function()
    local s <close> = sockeye.socket("inet", "dgram")
    for _, row in ipairs(wrong) do
      errors.rejected(row[2], s.setsockopt, s, "IP_UNICAST_IF", row[1])
      errors.rejected("'interface': " .. row[2], s.setsockopt, s,
                      "MCAST_JOIN_GROUP",
                      { group = "239.255.77.5", interface = row[1] })
    end
  end)
end)
