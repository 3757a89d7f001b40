local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local netns = require "spec.support.netns"
local process = require "spec.support.process"

local function addresses(list)
  local texts = {}
  for i, found in ipairs(list) do texts[i] = tostring(found.address) end
  return texts
end

-- Runs a script that may open few descriptors.
local function with_few_descriptors(text)
  local result = process.lua_script(text, {
    prefix = { "sh", "-c", 'ulimit -n 24; exec "$@"', "sh" },
  })
  assert.equal("", result.stderr)
  assert.equal(0, result.status)
  return result.stdout
end

local exhaust = [[
  local sockeye = require "sockeye"
  kept = {}
  pcall(function()
    while true do kept[#kept + 1] = sockeye.socket("inet", "dgram") end
  end)
]]

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

  it("tells each type of an address without a hint", function()
    local kinds = {}
    for _, found in ipairs(sockeye.resolve("127.0.0.1", 9)) do
      kinds[found.type] = found.protocol
    end
    assert.equal("tcp", kinds.stream)
    assert.equal("udp", kinds.dgram)
  end)

  it("heeds the hints of type and protocol", function()
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

  it("tells the canonical name where that was asked for", function()
    local list = sockeye.resolve("127.0.0.1", 80, { flags = "canonname" })
    assert.equal("127.0.0.1", list[1].canonname)
  end)

  it("gives addresses that can be bound and connected to", function()
    local found = sockeye.resolve(nil, 0, { family = "inet",
                                            type = "stream" })[1]
    local l <close> = sockeye.socket(found.address.family, found.type,
                                     found.protocol)
    l:bind(found.address):listen()
    local c <close> = sockeye.socket("inet", "stream")
    c:connect(l:getsockname())
    assert.equal("ESTABLISHED", c:state())
  end)

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
      local err = errors.raised(code, "getaddrinfo", sockeye.resolve, host,
                                service, hints)
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
    it(("takes no argument #%d that is wrong: %s"):format(number, text),
       function()
      local told = errors.rejected(
        ("bad argument #%d to '[%%a.]*resolve'"):format(number),
        sockeye.resolve, table.unpack(row, 3, 5))
      assert.truthy(told:find(text, 1, true) or
                    told:find("integer representation", 1, true), told)
    end)
  end

  it("raises EMFILE, and no name's absence, without a descriptor left",
     function()
    assert.equal("EMFILE EMFILE EMFILE EMFILE\n", with_few_descriptors(
      exhaust .. [[
        local function code(f, ...)
          local ok, err = pcall(f, ...)
          return ok and "none" or err.code
        end
        print(code(sockeye.resolve, "no-such-host.invalid", 80) .. " " ..
              code(sockeye.nameinfo, "127.0.0.1:80") .. " " ..
              code(sockeye.getservbyname, "http") .. " " ..
              code(sockeye.getprotobynumber, 6))
      ]]))
  end)

  it("collects garbage before it raises EMFILE", function()
    for _, call in ipairs {
      'resolve("localhost", "http")', 'nameinfo("127.0.0.1:80")',
      'getservbyname("http")', 'getprotobyname("tcp")',
    } do
      local can, reason = databases.all_of(call)
      if not can then return pending(reason) end
      assert.equal("done\n", with_few_descriptors(exhaust .. ([[
        collectgarbage("stop")
        kept = nil
        assert(sockeye.%s)
        print("done")
      ]]):format(call)))
    end
  end)

  it("raises EAI_AGAIN where no name server can be reached #namespace",
     function()
    local can, reason = netns.available()
    if not can then return pending(reason) end
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write("nameserver 10.77.9.9\noptions timeout:1 attempts:1\n")
    file:close()
    netns.with_namespaces(function(ns)
      local result = ns.a:run({ "unshare", "-m", "sh", "-c",
        'mount --bind "$1" /etc/resolv.conf && exec "$2" -e "$3"', "sh", path,
        process.lua, [[
          local _, err = pcall(require "sockeye".resolve, "a.example", 80)
          print(err.code, err.call, err.address)
        ]] })
      assert.equal("EAI_AGAIN\tgetaddrinfo\ta.example\n", result.stdout,
                   result.stderr)
    end)
    os.remove(path)
  end)
end)

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
      if not can then return pending(reason) end
      local h, s = sockeye.nameinfo(address, flags)
      assert.equal(host or h, h)
      assert.equal(service, s)
      assert.same({ h, s },
                  { sockeye.nameinfo(sockeye.address(address), flags) })
    end)
  end

  it("raises what the resolver says, with the address", function()
    local a = sockeye.inet("127.0.0.1", 80)
    local err = errors.raised("EAI_BADFLAGS", "getnameinfo", sockeye.nameinfo,
                              a, 0x40000000)
    assert.equal(a, err.address)
    errors.raised("EAI_FAMILY", "getnameinfo", sockeye.nameinfo,
                  sockeye.unpack(string.pack("=I2", 5)))
  end)

  it("takes no wrong arguments", function()
    errors.rejected("bad argument #1", sockeye.nameinfo)
    errors.rejected("bad argument #1", sockeye.nameinfo, "localhost:80")
    errors.rejected("did you mean 'namereqd'", sockeye.nameinfo,
                    "127.0.0.1:80", "namereq")
    errors.rejected("bad argument #2", sockeye.nameinfo, "127.0.0.1:80", {})
  end)
end)
