local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"

local function addresses(list)
  local texts = {}
  for i, found in ipairs(list) do texts[i] = tostring(found.address) end
  return texts
end

describe("resolve", function()
  descriptors.guard()

  local numeric = {
    { "127.0.0.1", 80, {}, { "127.0.0.1:80" } },
    { "127.0.0.1", "80", {}, { "127.0.0.1:80" } },
    { "127.0.0.1", "http", {}, { "127.0.0.1:80" } },
    { "127.0.0.1", "www", {}, { "127.0.0.1:80" } },
    { "127.0.0.1", nil, {}, { "127.0.0.1:0" } },
    { "127.0.0.1", 65535, {}, { "127.0.0.1:65535" } },
    { "::1", 80, {}, { "[::1]:80" } },
    { "fe80::1%lo", 80, {}, { "[fe80::1%lo]:80" } },
    { nil, 80, { family = "inet" }, { "127.0.0.1:80" } },
    { nil, 80, { family = "inet6" }, { "[::1]:80" } },
    { nil, 80, { family = "inet", flags = "passive" }, { "0.0.0.0:80" } },
    { nil, 80, { family = "inet6", flags = "passive" }, { "[::]:80" } },
    { "127.0.0.1", 80, { family = "inet6", flags = "v4mapped" },
      { "[::ffff:127.0.0.1]:80" } },
    { "127.0.0.1", 80, { flags = "numerichost numericserv" },
      { "127.0.0.1:80" } },
    { "127.0.0.1", 80, { flags = sockeye.AI_NUMERICHOST },
      { "127.0.0.1:80" } },
    { "127.0.0.1", 80, { flags = "AI_PASSIVE|AI_NUMERICHOST" },
      { "127.0.0.1:80" } },
    { "127.0.0.1", 80, { family = sockeye.AF_INET }, { "127.0.0.1:80" } },
  }

  for _, row in ipairs(numeric) do
    local host, service, hints, wanted = table.unpack(row, 1, 4)
    local flags = hints.flags and " with " .. hints.flags or ""
    it(("finds %s for %s and %s%s"):format(wanted[1], host, service, flags),
       function()
      if type(service) == "string" and service:find "%a" then
        local can, reason = databases.services()
        if not can then return pending(reason) end
      end
      local copy = { type = "stream" }
      for key, value in pairs(hints) do copy[key] = value end
      local list = sockeye.resolve(host, service, copy)
      assert.same(wanted, addresses(list))
      assert.equal("stream", list[1].type)
      assert.equal("tcp", list[1].protocol)
      assert.is_nil(list[1].canonname)
    end)
  end

  it("returns each type of an address without a hint", function()
    local kinds = {}
    for _, found in ipairs(sockeye.resolve("127.0.0.1", 9)) do
      kinds[found.type] = found.protocol
    end
    assert.equal("tcp", kinds.stream)
    assert.equal("udp", kinds.dgram)
  end)

  it("follows the hints of type and protocol", function()
    for hint, wanted in pairs { dgram = "udp", SOCK_STREAM = "tcp" } do
      local list = sockeye.resolve("127.0.0.1", 9, { type = hint })
      assert.equal(1, #list)
      assert.equal(wanted, list[1].protocol)
    end
    local list = sockeye.resolve("127.0.0.1", 9, { protocol = "udp" })
    assert.equal(1, #list)
    assert.equal("dgram", list[1].type)
  end)

  it("finds localhost by its name", function()
    local can, reason = databases.localhost()
    if not can then return pending(reason) end
    local list = sockeye.resolve("localhost", 80, { type = "stream" })
    assert.is_true(#list >= 1)
    for _, found in ipairs(list) do
      assert.is_true(found.address:is_loopback())
    end
  end)

  it("returns the canonical name if asked for", function()
    local list = sockeye.resolve("127.0.0.1", 80, { flags = "canonname" })
    assert.equal("127.0.0.1", list[1].canonname)
  end)

  it("returns addresses that can be bound and connected to", function()
    local found = sockeye.resolve(nil, 0, { family = "inet",
                                            type = "stream" })[1]
    local l <close> = sockeye.socket(found.address.family, found.type,
                                     found.protocol)
    l:bind(found.address):listen()
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
  end)

  -- musl has one code for several reasons.
  local by_musl = libc.is_musl() and {
    EAI_SOCKTYPE = "EAI_SERVICE", EAI_ADDRFAMILY = "EAI_NODATA",
  } or {}

  local failures = {
    { "EAI_NONAME", "no-such-host.invalid", 80, { flags = "numerichost" } },
    { "EAI_NONAME", "127.0.0.1", "http", { flags = "numericserv" } },
    { "EAI_NONAME", "", 80 },
    { "EAI_NONAME", nil, nil },
    { "EAI_SERVICE", "127.0.0.1", "no-such-service" },
    { "EAI_FAMILY", "127.0.0.1", 80, { family = "unix" } },
    { "EAI_SOCKTYPE", "127.0.0.1", 80, { type = "stream", protocol = "udp" } },
    { "EAI_ADDRFAMILY", "::1", 80, { family = "inet" } },
    { "EAI_BADFLAGS", "127.0.0.1", 80, { flags = 0x40000000 } },
    { "EAI_BADFLAGS", nil, 80, { flags = "canonname" } },
  }

  for _, row in ipairs(failures) do
    local code, host, service, hints = table.unpack(row, 1, 4)
    it(("raises %s for %q and %s"):format(code, tostring(host), service),
       function()
      if hints and hints.flags == "canonname" then
        local can, reason = libc.is_glibc "ignores canonname without a host"
        if not can then return pending(reason) end
      end
      local err = errors.raised(by_musl[code] or code, "getaddrinfo",
                                sockeye.resolve, host, service, hints)
      assert.equal(host, err.address)
      assert.is_nil(err.errno)
      assert.is_string(err.message)
    end)
  end

  local rejected = {
    { 1, "contains a zero", "local\0host" },
    { 1, "string expected", {} },
    { 1, "string expected", true },
    { 2, "contains a zero", "localhost", "http\0" },
    { 2, "string expected", "localhost", false },
    { 2, "out of range", "localhost", 65536 },
    { 2, "out of range", "localhost", -1 },
    { 2, "out of range", "localhost", "65536" },
    { 2, "out of range", "localhost", "-1" },
    { 2, "not a port or a service's name: ' 80'", "localhost", " 80" },
    { 2, "not a port", "localhost", " 65616" },
    { 2, "not a port", "localhost", "\t4294967376" },
    { 2, "not a port", "localhost", "80 " },
    { 2, "not a port", "localhost", "80\n" },
    { 2, "not a port", "localhost", "+80" },
    { 2, "not a port", "localhost", "80.5" },
    { 2, "not a port", "localhost", "" },
    { 2, "not a port", "localhost", "ht tp" },
    { 2, "no integer", "localhost", 80.5 },
    { 2, "no integer", "localhost", 80.5 },
    { 3, "table expected", "localhost", 80, "inet" },
    { 3, "'famly', did you mean 'family'", "localhost", 80,
      { famly = "inet" } },
    { 3, "unknown hint '1'", "localhost", 80, { "inet" } },
    { 3, "did you mean 'inet'", "localhost", 80, { family = "inett" } },
    { 3, "did you mean 'stream'", "localhost", 80, { type = "steam" } },
    { 3, "did you mean 'tcp'", "localhost", 80, { protocol = "tcpp" } },
    { 3, "did you mean 'passive'", "localhost", 80, { flags = "pasive" } },
    { 3, "contains a zero", "localhost", 80, { flags = "passive\0" } },
    { 3, "string expected", "localhost", 80, { flags = {} } },
  }

  for _, row in ipairs(rejected) do
    local number, text = row[1], row[2]
    it(("rejects a wrong argument #%d: %s"):format(number, text),
       function()
      local problem = errors.rejected(
        ("bad argument #%d to '[%%a.]*resolve'"):format(number),
        sockeye.resolve, table.unpack(row, 3, 5))
      assert.truthy(problem:find(text, 1, true) or
                    problem:find("integer representation", 1, true), problem)
    end)
  end
end)
