local sockeye = require "sockeye"

local errors = require "spec.support.errors"
local process = require "spec.support.process"
local worlds = require "spec.support.worlds"

describe("gethostname", function()
  worlds.it("returns what the kernel has", function()
    local file <close> = io.open "/proc/sys/kernel/hostname"
    if not file then return pending "needs /proc" end
    assert.equal(file:read "l", sockeye.gethostname())
  end)
end)

describe("sethostname", function()
  local available = process.available "unshare" and
    process.run({ "unshare", "--uts", "true" }).status == 0

  -- Runs a script where the name is that of no other process.
  local function apart(script)
    return process.lua_script(script, { prefix = { "unshare", "--uts" } })
  end

  local function it_apart(name, script)
    it(name, function()
      if not available then
        return pending "UTS namespaces need root and the unshare command"
      end
      local result = apart("local sockeye = require 'sockeye' " .. script)
      assert.equal(0, result.status, result.stderr)
      assert.equal("", result.stderr)
    end)
  end

  it_apart("gives the host another name", [[
    for _, name in ipairs { "gateway", "g", ("n"):rep(64) } do
      sockeye.sethostname(name)
      assert(sockeye.gethostname() == name)
      sockeye.run(function()
        sockeye.sethostname "other"
        assert(sockeye.gethostname() == "other")
      end)
    end
  ]])

  it_apart("raises EPERM without the privilege", [[
    sockeye.setuid(65534)
    local ok, err = pcall(sockeye.sethostname, "gateway")
    assert(not ok and err.code == "EPERM" and err.call == "sethostname")
    assert(err.subject == "gateway")
  ]])

  it("rejects what is no name, before it is set", function()
    local most = "has at most %d+ bytes"
    errors.rejected("contains a zero", sockeye.sethostname, "host\0")
    errors.rejected(most, sockeye.sethostname, ("x"):rep(65))
    errors.rejected("string expected", sockeye.sethostname)
  end)
end)
