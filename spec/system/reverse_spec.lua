-- The names of a host by its address.

local sockeye = require "sockeye"
local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local worlds = require "spec.support.worlds"

local ways = {
  { "under a deadline", function(f) return sockeye.timeout(20, f) end },
  table.unpack(worlds.pollers),
}

for _, world in ipairs(ways) do
  local where, within = world[1], world[2]

  describe("gethostbyaddr " .. where, function()
    descriptors.guard()

    it("returns the name, the aliases and the addresses", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      within(function()
        for _, address in ipairs { "127.0.0.1", "127.0.0.1:80",
                                   sockeye.inet("127.0.0.1", 80) } do
          local host = sockeye.gethostbyaddr(address)
          assert.equal("localhost", host.name)
          assert.equal("table", type(host.aliases))
          assert.equal(sockeye.inet("127.0.0.1"), host.addresses[1])
        end
      end)
    end)

    it("raises the resolver's error, with the address", function()
      within(function()
        -- A network for documentation (RFC 5737): it has no names.
        local ok, err = pcall(sockeye.gethostbyaddr, "192.0.2.1")
        assert.is_false(ok)
        assert.equal("gethostbyaddr", err.call)
        assert.equal("192.0.2.1", err.address)
        assert.matches("^EAI_", err.code)
        assert.matches("gethostbyaddr 192%.0%.2%.1: ", tostring(err))
      end)
    end)
  end)
end

describe("gethostbyaddr", function()
  descriptors.guard()

  it("rejects what is no address of a host", function()
    for _, value in ipairs { "localhost", "localhost:80", "127.0.0", "", "\0",
                             "unix:/a", sockeye.unix "/a", 5, {}, io.stdout,
                             false } do
      errors.rejected("bad argument #1", sockeye.gethostbyaddr, value)
    end
    errors.rejected("bad argument #1", sockeye.gethostbyaddr)
    errors.rejected("numeric address expected, got '256%.1%.1%.1'",
                    sockeye.gethostbyaddr, "256.1.1.1")
  end)

  it("takes IPv6 with a scope, which has to be there", function()
    local ok, err = pcall(sockeye.gethostbyaddr, "fe80::1%lo")
    assert.is_true(ok or err.call == "gethostbyaddr", tostring(err))
    errors.rejected("numeric address expected", sockeye.gethostbyaddr,
                    "fe80::1%nosuch0")
  end)

  it("lists all names that a file of hosts has #namespace", function()
    local can, reason = libc.is_glibc "has no aliases"
    if not can then return pending(reason) end
    netns.with_namespaces(function(ns)
      local path = os.tmpname()
      local file <close> = assert(io.open(path, "w"))
      local aliases = {}
      for i = 1, 300 do aliases[i] = ("alias-%d.test"):format(i) end
      file:write("10.1.2.3 name.test ", table.concat(aliases, " "), "\n",
                 "fd00::1 six.test other.test\n")
      file:close()
      local result = ns.a:run({ "unshare", "-m", "sh", "-c",
        'mount --bind "$1" /etc/hosts && exec "$2" -e "$3"', "sh", path,
        process.lua, [[
          local sockeye = require "sockeye"
          local function main()
            local host = sockeye.gethostbyaddr("10.1.2.3")
            print(host.name, #host.aliases, host.aliases[1],
                  host.aliases[300], #host.addresses, host.addresses[1])
            host = sockeye.gethostbyaddr("fd00::1")
            print(host.name, #host.aliases, host.aliases[1],
                  host.addresses[1])
          end
          main()
          sockeye.run(main)
        ]] })
      os.remove(path)
      assert.equal(("name.test\t300\talias-1.test\talias-300.test\t1\t" ..
                    "10.1.2.3:0\nsix.test\t1\tother.test\t[fd00::1]:0\n")
                     :rep(2), result.stdout, result.stderr)
    end)
  end)
end)
