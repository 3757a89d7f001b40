local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local unprivileged = require "spec.support.unprivileged"

describe("a new socket", function()
  descriptors.guard()

  local kinds = {
    { "inet", "stream", protocol = "tcp" },
    { "inet", "dgram", protocol = "udp" },
    { "inet", "raw", "icmp", protocol = "icmp" },
    { "inet6", "stream", protocol = "tcp" },
    { "inet6", "dgram", protocol = "udp" },
    { "inet6", "raw", "icmpv6", protocol = "icmpv6" },
    { "unix", "stream" },
    { "unix", "dgram" },
    { "unix", "seqpacket" },
  }

  for _, kind in ipairs(kinds) do
    local words = table.concat(kind, " ")
    it("socket-1: is of a sensible kind: " .. words, function()
      local ok, s = pcall(sockeye.socket, table.unpack(kind))
      if not ok and kind[2] == "raw" and sockeye.is_error(s, "EPERM") then
        pending "raw sockets need a privilege"
        return
      end
      assert.is_true(ok, tostring(s))
      assert.equal(kind[1], s:getsockopt "SO_DOMAIN")
      assert.equal(kind[2], s:getsockopt "SO_TYPE")
      if kind.protocol then
        assert.equal(kind.protocol, s:getsockopt "SO_PROTOCOL")
      end
      assert.matches("^socket%(" .. kind[1] .. " " .. kind[2], tostring(s))
      s:close()
    end)
  end

  local senseless = {
    { "ESOCKTNOSUPPORT", "inet", "rdm" },
    { "ESOCKTNOSUPPORT", "inet6", "rdm" },
    { "ESOCKTNOSUPPORT", "unix", "rdm" },
    { "EPROTONOSUPPORT", "inet", "stream", "udp" },
    { "EPROTONOSUPPORT", "inet", "dgram", "tcp" },
    { "EPROTONOSUPPORT", "inet6", "stream", "udp" },
    { "EPROTONOSUPPORT", "inet", "raw" },
    { "EPROTONOSUPPORT", "unix", "stream", "tcp" },
    { "EAFNOSUPPORT", 99, "stream" },
  }

  for _, case in ipairs(senseless) do
    local words = table.concat(case, " ", 2)
    it("socket-1: cannot be of a senseless kind: " .. words, function()
      local err = errors.raised(case[1], "socket", sockeye.socket,
                                table.unpack(case, 2))
      for i = 2, #case do
        assert.truthy(tostring(err):find(case[i], 1, true))
      end
    end)
  end

  -- On other systems there is no such kind.
  it("socket-1: of unix and raw is one of datagrams on Linux", function()
    local s <close> = sockeye.socket("unix", "raw")
    assert.equal("dgram", s:getsockopt "SO_TYPE")
  end)

  it("socket-1: of type raw needs a privilege", function()
    local result, reason = unprivileged.lua [[
      local sockeye = require "sockeye"
      local _, err = pcall(sockeye.socket, "inet", "raw", "icmp")
      print(err.code, err.call)
    ]]
    if not result then pending(reason) return end
    assert.equal("EPERM\tsocket\n", result.stdout)
  end)

  it("socket-2: is of AF_UNIX by the name of AF_LOCAL, too", function()
    assert.equal(sockeye.AF_UNIX, sockeye.AF_LOCAL)
    for _, family in ipairs { "local", "AF_LOCAL", "PF_LOCAL", "AF_UNIX",
                              sockeye.AF_LOCAL, sockeye.PF_LOCAL } do
      local s <close> = sockeye.socket(family, "stream")
      assert.equal("unix", s:getsockopt "SO_DOMAIN")
    end
  end)

  it("socket-2: takes PF_ names beside those of AF_", function()
    for _, name in ipairs { "INET", "INET6", "UNIX" } do
      assert.equal(sockeye["AF_" .. name], sockeye["PF_" .. name])
      for _, family in ipairs { name:lower(), "AF_" .. name, "PF_" .. name,
                                sockeye["AF_" .. name],
                                sockeye["PF_" .. name] } do
        local s <close> = sockeye.socket(family, "dgram")
        assert.equal(name:lower(), s:getsockopt "SO_DOMAIN")
      end
    end
  end)

  it("socket-3: is active, and passive after listen", function()
    local s <close> = sockets.bound "127.0.0.1:0"
    assert.equal("CLOSED", s:state())
    assert.is_false(s:getsockopt "SO_ACCEPTCONN")
    errors.raised("EINVAL", "accept", s.accept, s)
    s:listen()
    assert.equal("LISTEN", s:state())
    assert.is_true(s:getsockopt "SO_ACCEPTCONN")
    errors.raised("EISCONN", "connect", s.connect, s, s:getsockname())
  end)

  it("socket-3: can connect as long as it is active", function()
    local l <close> = sockets.listener()
    local s <close> = sockets.bound "127.0.0.1:0"
    s:connect(l:getsockname())
    assert.is_false(s:getsockopt "SO_ACCEPTCONN")
    errors.raised("EINVAL", "listen", s.listen, s)
  end)
end)
