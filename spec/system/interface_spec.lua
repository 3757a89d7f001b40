local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"
local netns = require "spec.support.netns"
local process = require "spec.support.process"

local loopback = sockeye.inet("127.0.0.1")

local function entry_of(list, address)
  for _, entry in ipairs(list) do
    if entry.address == address then return entry end
  end
end

local function exhausted(text)
  local result = process.lua_script([[
    local sockeye = require "sockeye"
    local kept = {}
    pcall(function()
      while true do kept[#kept + 1] = sockeye.socket("inet", "dgram") end
    end)
    local function code(f, ...)
      local ok, err = pcall(f, ...)
      return ok and "none" or err.code
    end
  ]] .. text, { prefix = { "sh", "-c", 'ulimit -n 24; exec "$@"', "sh" } })
  assert.equal("", result.stderr)
  return result.stdout
end

-- What `print(expression)` prints on host a, set up by lines of shell.
local function on_host(lines, expression)
  return netns.with_namespaces(function(ns)
    for _, line in ipairs(lines) do ns.a:must(line) end
    local result = ns.a:lua([[
      local sockeye = require "sockeye"
      local function entry(name)
        local found
        for _, i in ipairs(sockeye.interfaces()) do
          if i.name == name and not (i.address and
                                     i.address.family == "inet6") then
            assert(not found, "listed twice")
            found = i
          end
        end
        return found
      end
    ]] .. expression)
    assert.equal("", result.stderr)
    return result.stdout
  end)
end

describe("the interfaces", function()
  descriptors.guard()

  it("have the addresses of the system", function()
    local lo = entry_of(sockeye.interfaces(), loopback)
    assert.equal(sockeye.if_nametoindex(lo.name), lo.index)
    assert.equal("255.0.0.0", lo.netmask.host)
    assert.equal(8, lo.prefix)
    assert.is_true(lo.flags.up)
    assert.is_true(lo.flags.loopback)
    assert.is_nil(lo.flags.broadcast)
    assert.is_nil(lo.broadcast)
    assert.is_nil(lo.destination)
  end)

  it("have each a name, an index and flags", function()
    for _, entry in ipairs(sockeye.interfaces()) do
      assert.equal(entry.name, sockeye.if_indextoname(entry.index))
      assert.is_table(entry.flags)
    end
  end)

  it("have local addresses, to which a socket can be bound", function()
    for _, entry in ipairs(sockeye.interfaces()) do
      if entry.address and entry.address.family == "inet" then
        local s <close> = sockeye.socket("inet", "dgram")
        s:bind(entry.address)
        assert.equal(entry.address.host, s:getsockname().host)
      end
    end
  end)

  it("have broadcast, prefix and hardware address #namespace", function()
    local output = on_host({
      "ip link set wire1 address 02:00:00:00:be:ef",
      "ip addr flush dev wire1",
      "ip addr add 10.77.0.1/20 brd 10.77.15.255 dev wire1",
    }, [[
      local e = entry "wire1"
      print(e.address, e.netmask, e.prefix, e.broadcast, e.destination,
            e.hardware, e.flags.broadcast)
    ]])
    assert.equal("10.77.0.1:0\t255.255.240.0:0\t20\t10.77.15.255:0\tnil\t" ..
                 "02:00:00:00:be:ef\ttrue\n", output)
  end)

  it("have the other end of a point-to-point link #namespace", function()
    local output = on_host({
      "ip tuntap add ptp0 mode tun",
      "ip addr add 10.88.0.1 peer 10.88.0.2 dev ptp0",
    }, [[
      local e = entry "ptp0"
      print(e.address, e.destination, e.broadcast, e.hardware,
            e.flags.pointopoint)
    ]])
    assert.equal("10.88.0.1:0\t10.88.0.2:0\tnil\tnil\ttrue\n", output)
  end)

  it("are listed once if they have no address #namespace", function()
    local output = on_host({
      "ip link set wire1 address 02:00:00:00:be:ef",
      "ip addr flush dev wire1",
      "ip link set wire1 down",
    }, [[
      local e = entry "wire1"
      print(e.address, e.netmask, e.prefix, e.hardware, e.index > 0,
            e.flags.up)
    ]])
    assert.equal("nil\tnil\tnil\t02:00:00:00:be:ef\ttrue\tnil\n", output)
  end)

  it("have the scope of a link-local address #namespace", function()
    local output = on_host({}, [[
      for _, i in ipairs(sockeye.interfaces()) do
        if i.name == "wire1" and i.address and i.address:is_link_local() then
          print(i.address.scope_id == i.index, i.prefix, i.netmask.host)
        end
      end
    ]])
    assert.equal("true\t64\tffff:ffff:ffff:ffff::\n", output)
  end)

  it("raise EMFILE without a descriptor left", function()
    -- musl reports any failure of if_nameindex as ENOBUFS.
    local wanted = libc.is_musl() and "EMFILE ENOBUFS EMFILE EMFILE\n" or
      "EMFILE EMFILE EMFILE EMFILE\n"
    assert.equal(wanted, exhausted [[
      print(code(sockeye.interfaces) .. " " .. code(sockeye.if_nameindex) ..
            " " .. code(sockeye.if_nametoindex, "lo") .. " " ..
            code(sockeye.if_indextoname, 1))
    ]])
  end)

  it("collect garbage before they raise EMFILE", function()
    assert.equal("none none none none\n", exhausted [[
      local function collected(f, ...)
        collectgarbage("stop")
        kept = nil
        local output = code(f, ...)
        kept = {}
        pcall(function()
          while true do kept[#kept + 1] = sockeye.socket("inet", "dgram") end
        end)
        return output
      end
      print(collected(sockeye.interfaces) .. " " ..
            collected(sockeye.if_nameindex) .. " " ..
            collected(sockeye.if_nametoindex, "lo") .. " " ..
            collected(sockeye.if_indextoname, 1))
    ]])
  end)
end)

describe("an interface", function()
  descriptors.guard()

  it("has one name and one number", function()
    local list = sockeye.if_nameindex()
    assert.is_true(#list >= 1)
    for _, i in ipairs(list) do
      assert.equal(i.index, sockeye.if_nametoindex(i.name))
      assert.equal(i.name, sockeye.if_indextoname(i.index))
    end
  end)

  it("that does not exist is an error that names it", function()
    local err = errors.raised("ENODEV", "if_nametoindex",
                              sockeye.if_nametoindex, "no-such-if")
    assert.equal("no-such-if", err.subject)
    errors.raised("ENODEV", nil, sockeye.if_nametoindex, ("x"):rep(100))
    errors.raised("ENODEV", nil, sockeye.if_nametoindex, "")
    err = errors.raised("ENXIO", "if_indextoname", sockeye.if_indextoname,
                        0x7ffffffe)
    assert.equal(0x7ffffffe, err.subject)
    errors.raised("ENXIO", nil, sockeye.if_indextoname, 0)
  end)

  it("rejects wrong arguments", function()
    errors.rejected("bad argument #1", sockeye.if_nametoindex)
    errors.rejected("contains a zero", sockeye.if_nametoindex, "lo\0")
    errors.rejected("bad argument #1", sockeye.if_indextoname, "lo")
    errors.rejected("out of range", sockeye.if_indextoname, -1)
    errors.rejected("out of range", sockeye.if_indextoname, 1 << 32)
  end)
end)
