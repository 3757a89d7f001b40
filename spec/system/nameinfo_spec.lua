local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"

describe("nameinfo", function()
  descriptors.guard()

  local rows = {
    { "127.0.0.1:80", "numerichost numericserv", "127.0.0.1", "80" },
    { "127.0.0.1:80", "numerichost", "127.0.0.1", "http" },
    { "[::1]:22", "NI_NUMERICHOST", "::1", "ssh" },
    { "127.0.0.1:65432", sockeye.NI_NUMERICHOST, "127.0.0.1", "65432" },
    { "127.0.0.1:514", "numerichost dgram", "127.0.0.1", "syslog" },
    { "127.0.0.1:514", "numerichost", "127.0.0.1", "shell" },
    { "127.0.0.1:80", "numericserv", "localhost", "80" },
    { "unix:/" .. ("p"):rep(106), "numericserv", nil, "/" .. ("p"):rep(106) },
  }

  for _, row in ipairs(rows) do
    local address, flags, host, service = table.unpack(row, 1, 4)
    it(("names %.20s with %s"):format(address, flags), function()
      local by_number = tonumber(service) or address:find "^unix"
      local can, reason = true, nil
      if not by_number then can, reason = databases.services() end
      if host == "localhost" then can, reason = databases.localhost() end
      if can and address:find "^unix" then
        can, reason = libc.is_glibc "names no addresses but those of inet"
      end
      if not can then return pending(reason) end
      local h, s = sockeye.nameinfo(address, flags)
      assert.equal(host or h, h)
      assert.equal(service, s)
      assert.same({ h, s },
                  { sockeye.nameinfo(sockeye.address(address), flags) })
    end)
  end

  it("keeps the names of Unix sockets whole", function()
    local can, reason = libc.is_glibc "names no addresses but those of inet"
    if not can then return pending(reason) end
    for _, path in ipairs { "/run/s", "\0name", "\0a\0b\0", "\0" } do
      local _, service = sockeye.nameinfo(sockeye.unix(path))
      assert.equal(path, service)
    end
    local _, none = sockeye.nameinfo(sockeye.unix())
    assert.equal("", none)
  end)

  it("says in its errors what the script called", function()
    local other = sockeye.unpack(string.pack("=I2", 5))
    local err = errors.raised("EAI_FAMILY", "getnameinfo", sockeye.nameinfo,
                              other)
    assert.equal("nameinfo", err.caller)
    assert.matches(": nameinfo ", tostring(err), 1, true)
  end)

  it("raises the resolver's error, with the address", function()
    local other = sockeye.unpack(string.pack("=I2", 5))
    local err = errors.raised("EAI_FAMILY", "getnameinfo", sockeye.nameinfo,
                              other)
    assert.equal(other, err.address)
  end)

  it("raises EAI_BADFLAGS for an unknown flag", function()
    local can, reason = libc.is_glibc "ignores flags that it does not know"
    if not can then return pending(reason) end
    local a = sockeye.inet("127.0.0.1", 80)
    local err = errors.raised("EAI_BADFLAGS", "getnameinfo", sockeye.nameinfo,
                              a, 0x40000000)
    assert.equal(a, err.address)
  end)

  it("rejects wrong arguments", function()
    errors.rejected("bad argument #1", sockeye.nameinfo)
    errors.rejected("bad argument #1", sockeye.nameinfo, "localhost:80")
    errors.rejected("did you mean 'namereqd'", sockeye.nameinfo,
                    "127.0.0.1:80", "namereq")
    errors.rejected("bad argument #2", sockeye.nameinfo, "127.0.0.1:80", {})
  end)
end)
