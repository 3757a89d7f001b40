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

  it("is a table of a host and a port", function()
    assert.same({ host = "::1", service = "80", any = false },
                endpoints.read { host = "::1", port = 80 })
    assert.same({ service = "http", any = true },
                endpoints.read { host = "*", port = "http" })
    local address = sockeye.unix "/tmp/s"
    assert.equal(address, endpoints.read({ address = address }).address)
  end)

  it("has a name, as the script wrote it", function()
    for _, text in ipairs { "localhost:http", "[::1]:80", "*:0" } do
      assert.equal(text, endpoints.name(endpoints.read(text)))
    end
    assert.is_nil(endpoints.name(endpoints.read "unix:/tmp/s"))
  end)

  local wrong = {
    { "localhost: 80", "^not a port or a service's name: ' 80'$" },
    { "localhost:80\n", "^not a port" },
    { "localhost:+80", "^not a port" },
    { "localhost:-1", "^port out of range" },
    { "mailto:somebody@example.com", "^not a port" },
    { "local host:80", "^host contains white space: 'local host'$" },
    { { host = "x" }, "^endpoint without a port$" },
    { { port = 80 }, "^endpoint without a host$" },
    { { host = "", port = 80 }, "^host is empty$" },
    { { host = 5, port = 80 }, "^host: string expected, got number$" },
    { { host = "x", port = 80.5 }, "^number has no integer" },
    { { host = "x", port = 80, part = 1 }, "^unknown field 'part'" },
    { { address = "nowhere" }, "^not an address" },
    { sockeye.channel(), "^endpoint expected, got a channel$" },
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
    { "http://localhost/", "^endpoint expected: " },
    { { host = "[::1]", port = 1 }, "^host has brackets; .* mean '::1'%?$" },
    { { "localhost", 80 }, 'got a list; .*{host = "localhost", port = 80}$' },
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

  local slips = {
    { "localhost", "localhost:80" }, { ":8080", "localhost:8080" },
    { "8080", "localhost:8080" }, { 8080, "localhost:8080" },
    { "::1:80", "[::1]:80" }, { "::1", "[::1]:80" }, { "[::1]", "[::1]:80" },
    { "/run/app.sock", "unix:/run/app.sock" },
    { "./app.sock", "unix:./app.sock" }, { "example.com 81", "example.com:81" },
    { "example.com:", "example.com:80" },
  }
  for _, slip in ipairs(slips) do
    it(("is suggested for %s: %s"):format(slip[1], slip[2]), function()
      local err = errors.rejected("did you mean", endpoints.check, "connect",
                                  slip[1])
      assert.equal(slip[2], err:match 'did you mean "(.*)"%?%)$')
    end)
  end

  it("is not suggested where nothing is near", function()
    for _, text in ipairs { "", "a/b", "x:y:z", ("x"):rep(1000), "a\1b" } do
      local err = errors.rejected("endpoint expected", endpoints.check,
                                  "connect", text)
      assert.is_nil(err:find("did you mean", 1, true))
    end
  end)

  it("is no URL, of which endpoint reads the host", function()
    errors.rejected("; sockeye%.endpoint reads the host and port of an URL",
                    endpoints.check, "connect", "http://example.com:80/")
    errors.rejected("; sockeye%.endpoint reads the host and port of an URL",
                    endpoints.check, "connect", "http://localhost/")
  end)

  it("is refused as the first argument of the call", function()
    assert.equal("localhost", endpoints.check("call", "localhost:1").host)
    errors.rejected("errors%.lua:%d+: bad argument #1 to 'call' " ..
                    "%(port out of range", endpoints.check, "call", "a:65536")
  end)
end)
