local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local libc = require "spec.support.libc"
local netns = require "spec.support.netns"
local process = require "spec.support.process"

describe("a service", function()
  descriptors.guard()

  it("is found by its name, its alias and its port", function()
    local can, reason = databases.services()
    if can then can, reason = libc.is_glibc "has no aliases" end
    if not can then return pending(reason) end
    local wanted = { name = "http", aliases = { "www" }, port = 80,
                     protocol = "tcp" }
    assert.same(wanted, sockeye.getservbyname("http"))
    assert.same(wanted, sockeye.getservbyname("http", "tcp"))
    assert.same(wanted, sockeye.getservbyname("www"))
    assert.same(wanted, sockeye.getservbyport(80))
    assert.same(wanted, sockeye.getservbyport(80, "tcp"))
  end)

  it("differs by protocol", function()
    local can, reason = databases.services()
    if not can then return pending(reason) end
    assert.equal("shell", sockeye.getservbyport(514, "tcp").name)
    assert.equal("syslog", sockeye.getservbyport(514, "udp").name)
  end)

  it("is nil if there is none", function()
    assert.is_nil(sockeye.getservbyname("no-such-service"))
    assert.is_nil(sockeye.getservbyname("http", "no-such-protocol"))
    assert.is_nil(sockeye.getservbyport(0))
  end)

  it("rejects wrong arguments", function()
    local names, ports = sockeye.getservbyname, sockeye.getservbyport
    errors.rejected("bad argument #1", names)
    errors.rejected("contains a zero", names, "http\0")
    errors.rejected("bad argument #2.*contains a zero", names, "http", "tcp\0")
    errors.rejected("bad argument #1.*out of range", ports, 65536)
    errors.rejected("bad argument #1.*out of range", ports, -1)
    errors.rejected("bad argument #1", ports, "http")
  end)
end)

describe("a service with many aliases", function()
  it("has all of them #namespace", function()
    local can, reason = netns.available()
    if can then can, reason = databases.services() end
    if can then can, reason = libc.is_glibc "has no aliases" end
    if not can then return pending(reason) end
    local aliases = {}
    for i = 1, 100 do aliases[i] = "alias-number-" .. i end
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write("many 4321/tcp ", table.concat(aliases, " "), "\n")
    file:close()
    local result = process.run({ "unshare", "-m", "sh", "-c",
      'mount --bind "$1" /etc/services && exec "$2" -e "$3"', "sh", path,
      process.lua, [[
        local found = require "sockeye".getservbyname("alias-number-77")
        print(found.name, found.port, found.protocol,
              table.concat(found.aliases, " "))
      ]] })
    os.remove(path)
    assert.equal("many\t4321\ttcp\t" .. table.concat(aliases, " ") .. "\n",
                 result.stdout, result.stderr)
  end)
end)

describe("a protocol", function()
  descriptors.guard()

  it("is found by its name, its alias and its number", function()
    local can, reason = databases.services()
    if can then can, reason = libc.is_glibc "has no aliases" end
    if not can then return pending(reason) end
    local wanted = { name = "tcp", aliases = { "TCP" }, number = 6 }
    assert.same(wanted, sockeye.getprotobyname("tcp"))
    assert.same(wanted, sockeye.getprotobyname("TCP"))
    assert.same(wanted, sockeye.getprotobynumber(6))
    assert.equal("ipv6-icmp", sockeye.getprotobynumber(58).name)
  end)

  it("is nil if there is none", function()
    assert.is_nil(sockeye.getprotobyname("no-such-protocol"))
    assert.is_nil(sockeye.getprotobynumber(0x7fffffff))
  end)

  it("rejects wrong arguments", function()
    errors.rejected("bad argument #1", sockeye.getprotobyname)
    errors.rejected("contains a zero", sockeye.getprotobyname, "tcp\0")
    errors.rejected("out of range", sockeye.getprotobynumber, -1)
    errors.rejected("out of range", sockeye.getprotobynumber, 1 << 31)
  end)
end)

describe("an answer of the databases", function()
  local thread = require "spec.support.threads"

  -- Asks often, for names that other threads do not ask for.
  local script <const> = [[
    local sockeye = require "sockeye"
    for _ = 1, 2000 do
      assert(sockeye.getprotobyname("%s").number == %d)
      assert(sockeye.getprotobynumber(%d).name == "%s")
      assert(sockeye.getservbyport(%d, "tcp").name == "%s")
    end
  ]]

  it("is not another thread's", function()
    local joins = {}
    for _, names in ipairs { { "tcp", 6, 6, "tcp", 80, "http" },
                             { "udp", 17, 17, "udp", 22, "ssh" } } do
      joins[#joins + 1] = thread.start(script:format(table.unpack(names)))
    end
    for _, join in ipairs(joins) do assert.is_nil(join()) end
  end)

  it("comes in a child that is forked while another thread asks #forks",
     function()
    local join = thread.start(script:format("tcp", 6, 6, "tcp", 80, "http"))
    for _ = 1, 20 do
      local pid = fork.child(function()
        assert(sockeye.getprotobyname "udp".number == 17)
      end)
      local ok, _, how, status = pcall(sockeye.timeout, 20, sockeye.waitpid,
                                       pid)
      if not ok then sockeye.kill(pid, "KILL") end
      assert.same({ true, "exit", 0 }, { ok, how, status })
    end
    assert.is_nil(join())
  end)
end)
