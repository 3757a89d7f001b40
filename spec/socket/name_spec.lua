local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"

-- What a socket has to be, and the names of its ends that are printed; %d is
-- its number.
local cases <const> = {
  ["that is not bound"] = {
    function() return sockeye.socket("inet", "dgram") end,
    "socket(inet dgram fd %d)",
  },
  ["that is not bound, of IPv6"] = {
    function() return sockeye.socket("inet6", "dgram") end,
    "socket(inet6 dgram fd %d)",
  },
  ["without a name"] = {
    function() return (sockets.unix()) end,
    "socket(unix stream fd %d)",
  },
  ["that is bound"] = {
    function()
      return sockeye.socket("unix", "dgram")
        :bind(sockeye.unix "\0sockeye-name")
    end,
    "socket(unix dgram fd %d unix:@sockeye-name)",
  },
}

describe("the names of a socket's ends", function()
  descriptors.guard()

  for what, case in sorted(cases) do
    it("are printed where it has them: of one " .. what, function()
      local s <close> = case[1]()
      assert.equal(case[2]:format(s:fd()), tostring(s))
    end)
  end

  it("are both printed of a connection", function()
    local c <close>, s = sockets.tcp()
    local _ <close> = s
    local text = ("socket(inet stream fd %d %s -> %s)"):format(
      c:fd(), c:getsockname(), s:getsockname())
    assert.equal(text, tostring(c))
  end)

  it("are left out of what is closed behind the socket", function()
    local s = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
    sockeye.adopt(s:fd()):close()
    assert.equal(("socket(inet dgram fd %d)"):format(s:fd()), tostring(s))
    s:detach()
  end)
end)
