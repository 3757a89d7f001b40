local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"

local greatest <const> = 0xffffffff

describe("a vsock address", function()
  descriptors.guard()

  local cases = {
    { "any", "any", greatest, greatest, "vsock:any:any" },
    { "hypervisor", 0, 0, 0, "vsock:0:0" },
    { "local", 1, 1, 1, "vsock:1:1" },
    { "host", 1024, 2, 1024, "vsock:2:1024" },
    { "VMADDR_CID_HOST", "VMADDR_PORT_ANY", 2, greatest, "vsock:2:any" },
    { sockeye.VMADDR_CID_ANY, sockeye.VMADDR_PORT_ANY, greatest, greatest,
      "vsock:any:any" },
    { 3, greatest - 1, 3, greatest - 1, "vsock:3:4294967294" },
  }

  for _, case in ipairs(cases) do
    local cid, port = case[3], case[4]
    it(("is %s, of %s and %s"):format(case[5], case[1], case[2]), function()
      local a = sockeye.vsock(case[1], case[2])
      assert.equal("vsock", a.family)
      assert.equal(cid, a.cid)
      assert.equal(port, a.port)
      assert.equal(string.pack("=HHI4I4c4", sockeye.AF_VSOCK, 0, port, cid,
                               ""), a:pack())
      assert.equal(case[5], tostring(a))
      assert.equal(a, sockeye.address(case[5]))
    end)
  end

  it("may be given by names", function()
    assert.equal(sockeye.vsock(2, 5), sockeye.address("vsock:host:5"))
    assert.equal(sockeye.vsock(1, 5), sockeye.address("vsock:local:0x5"))
  end)

  it("rejects other arguments", function()
    for _, value in ipairs { -1, greatest + 1, 1.5, "nobody", "", "1", true,
                             {} } do
      errors.rejected("bad argument #1", sockeye.vsock, value, 1)
      errors.rejected("bad argument #2", sockeye.vsock, 1, value)
    end
    errors.rejected("bad argument #1", sockeye.vsock)
    errors.rejected("bad argument #2", sockeye.vsock, 1)
    for _, text in ipairs {
      "vsock", "vsock:", "vsock:1", "vsock::", "vsock:1:", "vsock::1",
      "vsock:1:2:3", "vsock:nobody:1", "vsock:1:nobody", "vsock:4294967296:1",
      "vsock:1:4294967296", "vsock:-1:1", "vsock: 1:1",
      "vsock:" .. ("1"):rep(1000) .. ":1",
    } do
      errors.rejected("bad argument #1.*not an address", sockeye.address,
                      text)
    end
  end)

  it("has a kind", function()
    local any, here, host = sockeye.vsock("any", 1), sockeye.vsock("local", 1),
      sockeye.vsock("host", 1)
    assert.is_true(any:is_any())
    assert.is_true(here:is_loopback())
    for _, a in ipairs { here, host } do assert.is_false(a:is_any()) end
    for _, a in ipairs { any, host } do assert.is_false(a:is_loopback()) end
    for _, a in ipairs { any, here, host } do
      assert.is_false(a:is_multicast())
      assert.is_false(a:is_private())
    end
  end)

  it("connects two sockets over the loopback", function()
    local ok, l = pcall(sockeye.socket, "vsock", "stream")
    if not ok then return pending("this kernel does not have vsock") end
    local _ <close> = l
    l:settimeout(20):bind(sockeye.vsock("any", "any")):listen()
    local to = sockeye.vsock("local", l:getsockname().port)
    local c <close> = sockeye.socket("vsock", "stream"):settimeout(20)
    local connected, err = pcall(c.connect, c, to)
    if not connected then
      assert.is_true(sockeye.is_error(err), err)
      return pending("the loopback of vsock is unavailable: " .. err.code)
    end
    local a <close>, peer = l:accept()
    assert.equal(c:getsockname(), peer)
    assert.equal(to, c:getpeername())
    c:sendall("over vsock")
    c:shutdown("wr")
    assert.equal("over vsock", sockets.read_all(a))
  end)
end)
