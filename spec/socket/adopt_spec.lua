local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local family = require "spec.support.family"

local function flags_of(fd)
  for line in io.lines("/proc/self/fdinfo/" .. fd) do
    local octal = line:match("^flags:%s*(%d+)")
    if octal then return tonumber(octal, 8) end
  end
end

local close_on_exec <const> = tonumber("2000000", 8)

describe("adopt", function()
  descriptors.guard()

  local kinds = {
    { "inet", "stream" }, { "inet6", "dgram" }, { "unix", "seqpacket" },
    { "netlink", "raw" },
  }

  for _, kind in ipairs(kinds) do
    it(("finds out that a descriptor is %s %s"):format(kind[1], kind[2]),
      function()
        local fd = sockeye.socket(kind[1], kind[2]):detach()
        local s <close> = sockeye.adopt(fd)
        assert.equal(fd, s:fd())
        assert.matches(("^socket%%(%s %s fd %d"):format(kind[1], kind[2], fd),
                       tostring(s))
      end)
  end

  it("makes it close-on-exec", function()
    local s = sockeye.socket("inet", "stream")
    s:fcntl("FD_CLOEXEC", false)
    assert.equal(0, flags_of(s:fd()) & close_on_exec)
    local t <close> = sockeye.adopt(s:detach())
    assert.is_true(t:fcntl("FD_CLOEXEC"))
  end)

  it("leaves the standard three as they are", function()
    local before = flags_of(2)
    local s = sockeye.adopt(2)
    local after = flags_of(2)
    s:detach()
    assert.equal(before, after)
  end)

  it("takes a descriptor that is no socket", function()
    local before = descriptors.list()
    local file = assert(io.open("/dev/null"))
    local fd
    for number in pairs(descriptors.list()) do
      if not before[number] then fd = number end
    end
    local s = sockeye.adopt(fd)
    assert.equal(("socket(descriptor fd %d)"):format(fd), tostring(s))
    errors.raised("ENOTSOCK", "getsockname", s.getsockname, s)
    errors.raised("ENOTSOCK", "listen", s.listen, s)
    errors.raised("ENOTSOCK", "state", s.state, s)
    errors.raised("ENOTSOCK", "accept", s.accept, s)
    s:detach()
    file:close()
  end)

  it("raises EBADF if nothing is open", function()
    errors.raised("EBADF", "adopt", sockeye.adopt, 1 << 20)
    errors.raised("EBADF", "adopt", sockeye.adopt, 0x7fffffff)
  end)

  local rejected = { -1, 1 << 31, math.mininteger, 1.5, 0 / 0, "x", true, {},
                     print, io.stdout }

  for _, value in ipairs(rejected) do
    it(("rejects %s"):format(tostring(value):gsub("[:(].*", "")),
      function()
        errors.rejected("bad argument #1", sockeye.adopt, value)
      end)
  end

  it("learns the family of a socket without a name", function()
    assert.equal("alg\tEOPNOTSUPP\n", family.printed([[
      local sockeye = require "sockeye"
      local s = sockeye.adopt(sockeye.socketpair():detach())
      print(s:getsockopt "SO_DOMAIN",
            select(2, pcall(s.getsockname, s)).code)
    ]], { family = 38, nameless = true }))
  end)
end)
