local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("a name that does not exist", function()
  descriptors.guard()

  local cases = {
    { "inet9", "stream", "#1.*unknown family 'inet9', did you mean 'inet'" },
    { "AF_INETT", "stream", "#1.*'AF_INETT', did you mean 'AF_INET'" },
    { "unixx", "stream", "#1.*did you mean 'unix'" },
    { "SOCK_STREAM", "stream", "#1.*unknown family 'SOCK_STREAM'" },
    { "inet", "raw", "nosuch", "#3.*unknown protocol 'nosuch'%)" },
    { "nothing like it", "stream", "unknown family 'nothing like it'%)" },
    { "", "stream", "#1.*unknown family ''" },
    { "AF_", "stream", "#1.*unknown family 'AF_'" },
    { ("x"):rep(100000), "stream", "#1.*unknown family 'xxx" },
    { "IPv6", "stream", "#1.*unknown family 'IPv6', did you mean 'inet6'" },
    { "ip", "stream", "#1.*unknown family 'ip', did you mean 'inet'" },
    { "inet", "tcp", "#2.*unknown socket type 'tcp', did you mean 'stream'" },
    { "inet", "UDP", "#2.*unknown socket type 'UDP', did you mean 'dgram'" },
    { "inet", "streem", "#2.*unknown socket type.*did you mean 'stream'" },
    { "inet", "DGRAMM", "#2.*did you mean 'dgram'" },
    { "inet", "stream", "tpc", "#3.*unknown protocol 'tpc', did you" },
    { "inet", "stream", "udplight", "#3.*did you mean 'udplite'" },
  }

  for _, case in ipairs(cases) do
    local pattern = table.remove(case)
    it(("is in the error, with the nearest: %.40s"):format(pattern), function()
      errors.rejected(pattern, sockeye.socket, table.unpack(case))
    end)
  end

  it("of ten million bytes is shown in part", function()
    local name <const> = ("a "):rep(5 << 20)
    local s <close> = sockeye.socket("inet", "stream")
    local _, err <const> = pcall(s.setsockopt, s, name, 1)
    assert.matches("unknown option 'a a a.*a ?%.%.%.'", err)
    assert.is_true(#err < 250)
  end)

  it("is reported for an end of a connection", function()
    local s <close> = sockeye.socket("inet", "stream")
    errors.rejected("#2.*unknown end 'rw', did you mean 'r[dw]", s.shutdown,
                    s, "rw")
    errors.rejected("#2.*unknown end 'both', did you mean 'rdwr'%?%)",
                    s.shutdown, s, "both")
    errors.rejected("#2.*unknown end 'x'; there are rd, wr, rdwr%)",
                    s.shutdown, s, "x")
  end)
end)
