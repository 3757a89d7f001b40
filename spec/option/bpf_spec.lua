-- Filters of classic BPF.

local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local options = require "spec.support.options"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

-- The filter "arp", as tcpdump has it for Ethernet.
local arp <const> = {
  { 0x28, 0, 0, 12 }, { 0x15, 0, 1, 0x806 }, { 6, 0, 0, 262144 },
  { 6, 0, 0, 0 },
}
local arp_ddd <const> = "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"
local arp_dd <const> = [[
{ 0x28, 0, 0, 0x0000000c },
{ 0x15, 0, 1, 0x00000806 },
{ 0x6, 0, 0, 0x00040000 },
{ 0x6, 0, 0, 0x00000000 },
]]

local function bytes_of(list)
  local parts = {}
  for i, one in ipairs(list) do
    parts[i] = string.pack("=I2BBI4", table.unpack(one))
  end
  return table.concat(parts)
end

-- What the kernel has when it was given that.
local function attached(filter)
  local s <close> = sockeye.socket("inet", "dgram")
  s:setsockopt("SO_ATTACH_FILTER", filter)
  return s:getsockopt("SO_ATTACH_FILTER")
end

describe("filter", function()
  descriptors.guard()

  local forms = {
    { "a list", arp }, { "what tcpdump -ddd prints", arp_ddd },
    { "what tcpdump -dd prints", arp_dd }, { "bytes", bytes_of(arp) },
    { "a text without its end", arp_ddd:sub(1, -2) },
    { "a text without its count", (arp_ddd:gsub("^4\n", "")) },
    { "a text with blank lines", "\n\n" .. arp_ddd:gsub("\n", "\r\n \t\n") },
    { "instructions without a comma", (arp_dd:gsub("},", "}")) },
    { "hexadecimal numbers", "0x28 0x0 0 0xC\n0X15 0 1 0x0806\n" ..
      "6 0 0 0x40000\n6 0 0 0" },
  }

  for _, case in ipairs(forms) do
    it("is " .. case[1], function()
      assert.same(arp, attached(case[2]))
    end)
  end

  it("is what tcpdump makes of an expression", function()
    local available, reason = process.available "tcpdump"
    if not available then return pending(reason) end
    local expression = "tcp port 80 and not host 10.1.2.3 or ip6"
    for _, form in ipairs { "-ddd", "-dd" } do
      local dump = process.run { "tcpdump", "-y", "EN10MB", form, expression }
      local count = select(2, dump.stdout:gsub("\n", "")) -
        (form == "-ddd" and 1 or 0)
      assert.is_true(count > 10, dump.stderr)
      local list = attached(dump.stdout)
      assert.equal(count, #list)
      assert.same(list, attached(list))
    end
  end)

  it("has up to 4096 instructions", function()
    local list = {}
    for i = 1, 4096 do list[i] = { 6, 0, 0, i } end
    local s <close> = sockeye.socket("inet", "dgram")
    local ok, err = pcall(s.setsockopt, s, "SO_ATTACH_FILTER", list)
    -- The kernel counts it to the memory of options, which has a limit.
    if not ok and sockeye.is_error(err, "ENOMEM") then
      return pending("net.core.optmem_max is too small")
    end
    assert(ok, err)
    assert.same(list, s:getsockopt("SO_ATTACH_FILTER"))
    assert.same(list, s:getsockopt("SO_GET_FILTER"))
  end)

  it("is empty if none was attached, or after a detach", function()
    local s <close> = sockeye.socket("inet", "dgram")
    assert.same({}, s:getsockopt("SO_ATTACH_FILTER"))
    s:setsockopt("SO_ATTACH_FILTER", arp)
    s:setsockopt("SO_DETACH_FILTER", 0)
    assert.same({}, s:getsockopt("SO_ATTACH_FILTER"))
  end)

  local malformed = {
    { "no instruction", {} }, { "no instruction", "" },
    { "no instruction", "\n \n" }, { "no instruction", "0\n" },
    { "instruction 1: list of four", { 1 } },
    { "instruction 2: list of four", { { 6, 0, 0, 0 }, { 6, 0, 0 } } },
    { "instruction 1: list of four", { { 6, 0, 0, 0, 0 } } },
    { "instruction 1: list of four", { { 6, 0, "x", 0 } } },
    { "instruction 1: list of four", { { 6, 0, 1.5, 0 } } },
    { "instruction 1: code out of range %(0 to 65535%)",
      { { 65536, 0, 0, 0 } } },
    { "instruction 1: jt out of range %(0 to 255%)", { { 6, -1, 0, 0 } } },
    { "instruction 1: jf out of range %(0 to 255%)", { { 6, 0, 256, 0 } } },
    { "instruction 1: k out of range %(0 to 4294967295%)",
      { { 6, 0, 0, 1 << 32 } } },
    { "line 3: jt out of range", "2\n6 0 0 0\n6 256 0 0\n" },
    { "line 1: k out of range", "6 0 0 4294967296" },
    { "line 1: k out of range", "6 0 0 00000000006" },
    { "line 1: number expected, got '%-1'", "6 0 0 -1" },
    { "line 2: number expected, got 'return'", "6 0 0 0\nreturn" },
    { "line 1: number expected, got '%(000%)'", "(000) ldh [12]" },
    { "line 1: number expected, got '6x'", "6x 0 0 0" },
    { "line 1: number expected, got '0x'", "0x 0 0 0" },
    { "line 1: number expected, got 'x+%.%.%.'", ("x"):rep(999) },
    { "line 1: four numbers expected", "6 0 0" },
    { "line 2: four numbers expected", "6 0 0 0\n6 0" },
    { "line 1: more than four numbers", "6 0 0 0 0" },
    { "line 1: ',' expected", "{ 6, 0, 0 }" },
    { "line 1: four numbers expected", "{ 6, 0, 0, }" },
    { "line 1: ',' expected", "{ 6 0 0 0 }" },
    { "line 1: '}' expected", "{ 6, 0, 0, 0" },
    { "3 instructions announced, 2 found", "3\n6 0 0 0\n6 0 0 0\n" },
    { "1 instructions announced, 2 found", "1\n6 0 0 0\n6 0 0 0\n" },
    { "line 1: count out of range %(0 to 4096%)", "4097\n6 0 0 0" },
    { "too long", ("6 0 0 0\n"):rep(4097) },
    { "too long", ("\6\0\0\0\0\0\0\0"):rep(4097) },
    { "instructions of 8 bytes", "\6\0\0\0\0\0\0" },
    { "table or string expected", true }, { "table or string expected", 6 },
  }

  for i, case in ipairs(malformed) do
    it(("is rejected: %s, case %d"):format(case[1], i), function()
      local s <close> = sockeye.socket("inet", "dgram")
      errors.rejected("bad argument.*" .. case[1], s.setsockopt, s,
                      "SO_ATTACH_FILTER", case[2])
    end)
  end

  it("is rejected by every option of its type", function()
    options.refuse_all { filter = { "", {}, { { 6, 0, 0 } }, "x", true } }
  end)

  it("is checked by the kernel", function()
    local s <close> = sockeye.socket("inet", "dgram")
    local wrong = {
      { { 0xffff, 0, 0, 0 } },                -- no such instruction
      { { 0x28, 0, 0, 12 } },                 -- no return at its end
      { { 0x15, 1, 0, 0 }, { 6, 0, 0, 0 } },  -- a jump past its end
      { { 0x60, 0, 0, 16 }, { 6, 0, 0, 0 } }, -- no such scratch memory
    }
    for _, filter in ipairs(wrong) do
      local err = errors.raised("EINVAL", "setsockopt", s.setsockopt, s,
                                "SO_ATTACH_FILTER", filter)
      assert.equal("SO_ATTACH_FILTER", err.subject)
    end
    s:setsockopt("SO_ATTACH_FILTER", arp)
    s:setsockopt("SO_LOCK_FILTER", true)
    errors.raised("EPERM", "setsockopt", s.setsockopt, s, "SO_ATTACH_FILTER",
                  arp)
  end)

  it("drops what it does not pass, and truncates the rest", function()
    local r <close> = sockets.bound("127.0.0.1:0", "dgram")
    local s <close> = sockeye.socket("inet", "dgram")
    -- The first byte after the UDP header, and four bytes of the data.
    r:setsockopt("SO_ATTACH_FILTER", {
      { 0x30, 0, 0, 8 }, { 0x15, 0, 1, ("y"):byte() }, { 6, 0, 0, 12 },
      { 6, 0, 0, 0 },
    })
    for _, text in ipairs { "no", "yes, it is", "nor this" } do
      s:sendto(text, r:getsockname())
    end
    assert.equal("yes,", r:recv(99))
    r:setsockopt("SO_DETACH_FILTER", 0)
    s:sendto("let through", r:getsockname())
    assert.equal("let through", r:recv(99))
  end)

  it("chooses among sockets that share a port: SO_ATTACH_REUSEPORT_CBPF",
    function()
      local a <close> = sockeye.socket("inet", "dgram"):settimeout(20)
      a:setsockopt("SO_REUSEPORT", true):bind("127.0.0.1:0")
      local b <close> = sockeye.socket("inet", "dgram"):settimeout(20)
      b:setsockopt("SO_REUSEPORT", true):bind(a:getsockname())
      local s <close> = sockeye.socket("inet", "dgram")
      -- Returns the lowest bit of the first byte of the data.
      a:setsockopt("SO_ATTACH_REUSEPORT_CBPF",
                   "3\n48 0 0 0\n84 0 0 1\n22 0 0 0\n")
      for i = 1, 8 do
        s:sendto(tostring(i), a:getsockname())
        local chosen = i % 2 == 0 and a or b
        assert.equal(tostring(i), chosen:recv(9))
      end
    end)
end)
