-- Endpoints: how the strings that name them are read.

local endpoints = require "sockeye.endpoint"
local sockeye = require "sockeye"

local errors = require "spec.support.errors"

describe("an endpoint", function()
  local names = {
    ["example.com:80"] = { "example.com", "80" },
    ["example.com:http"] = { "example.com", "http" },
    ["localhost:0"] = { "localhost", "0" },
    ["localhost:65535"] = { "localhost", "65535" },
    ["127.0.0.1:00080"] = { "127.0.0.1", "00080" },
    ["[::1]:80"] = { "::1", "80" },
    ["[fe80::1%lo]:http"] = { "fe80::1%lo", "http" },
  }
  for text, parts in pairs(names) do
    it("names a host and a service: " .. text, function()
      assert.same({ host = parts[1], service = parts[2], any = false },
                  endpoints.read(text))
    end)
  end

  it("names every address of this host by a star", function()
    assert.same({ service = "80", any = true }, endpoints.read "*:80")
    assert.same({ service = "http", any = true }, endpoints.read "*:http")
  end)

  it("is an address where it is a Unix path or an Address", function()
    assert.equal(sockeye.unix "/tmp/s", endpoints.read("unix:/tmp/s").address)
    assert.equal(sockeye.unix "\0s", endpoints.read("unix:@s").address)
    local address = sockeye.inet("127.0.0.1", 80)
    assert.equal(address, endpoints.read(address).address)
  end)

  local wrong = {
    { nil, "^endpoint expected, got nil$" },
    { 80, "^endpoint expected, got number$" },
    { {}, "^endpoint expected, got table$" },
    { "", "^endpoint expected: " },
    { "localhost", "^endpoint expected: " },
    { ":80", "^endpoint expected: " },
    { "localhost:", "^endpoint expected: " },
    { "::1:80", "^endpoint expected: " },
    { "[::1]", "^endpoint expected: " },
    { "[::1:80", "^endpoint expected: " },
    { "[]:80", "^endpoint expected: " },
    { "local\0host:80", "^endpoint contains a zero$" },
    { "localhost:80\0", "^endpoint contains a zero$" },
    { "localhost:65536", "^port out of range" },
    { "localhost:000080", "^port out of range" },
    { "localhost:" .. ("9"):rep(30), "^port out of range" },
    { "unix:/a\0b", "zero" },
    { "unix:" .. ("x"):rep(109), "^path too long" },
    { io.stdout, "^sockeye.Address or string expected, got userdata$" },
  }
  for i, case in ipairs(wrong) do
    it(("is refused with the reason, %d: %s"):format(i, case[2]), function()
      local place, problem = endpoints.read(case[1])
      assert.is_nil(place)
      assert.matches(case[2], problem)
    end)
  end

  it("is refused as the first argument of the call", function()
    assert.equal("localhost", endpoints.check("call", "localhost:1").host)
    errors.rejected("errors%.lua:%d+: bad argument #1 to 'call' " ..
                    "%(port out of range", endpoints.check, "call", "a:65536")
  end)
end)
