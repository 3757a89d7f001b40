-- The function endpoint: tables of a host and a port, of what users write.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("endpoint", function()
  descriptors.guard()

  -- What is written; the host; the port; the text of the table.
  local read = {
    { "host", "host", 53, "host:53" },
    { "host:81", "host", 81, "host:81" },
    { "host:00081", "host", 81, "host:81" },
    { "host:http", "host", "http", "host:http" },
    { "127.0.0.1", "127.0.0.1", 53, "127.0.0.1:53" },
    { "*:80", "*", 80, "*:80" },
    { "[::1]:81", "::1", 81, "[::1]:81" },
    { "[::1]", "::1", 53, "[::1]:53" },
    { "::1", "::1", 53, "[::1]:53" },
    { "fe80::1%lo", "fe80::1%lo", 53, "[fe80::1%lo]:53" },
    { "2001:db8::5:80", "2001:db8::5:80", 53, "[2001:db8::5:80]:53" },
    { "http://user@host:81/path", "host", 81, "host:81" },
    { "http://user:p@ss@host:81/a:b@c?d=e:f#g:h", "host", 81, "host:81" },
    { "https://host/", "host", 53, "host:53" },
    { "https://host", "host", 53, "host:53" },
    { "https://host:/", "host", 53, "host:53" },
    { "https://host?query", "host", 53, "host:53" },
    { "svn+ssh://host:1", "host", 1, "host:1" },
    { "http://[::1]:81/", "::1", 81, "[::1]:81" },
    { "http://[fe80::1%25lo]/", "fe80::1%lo", 53, "[fe80::1%lo]:53" },
    { "http://a%2Db/", "a-b", 53, "a-b:53" },
    { sockeye.inet("127.0.0.1", 81), "127.0.0.1", 81, "127.0.0.1:81" },
    { sockeye.inet6("::1", 81), "::1", 81, "[::1]:81" },
    { { host = "host" }, "host", 53, "host:53" },
    { { host = "host", port = 81 }, "host", 81, "host:81" },
    { { host = "::1", port = "81" }, "::1", 81, "[::1]:81" },
  }
  for _, row in ipairs(read) do
    it(("reads %s as %s"):format(row[1], row[4]), function()
      local where = sockeye.endpoint(row[1], { port = 53 })
      assert.equal("sockeye.Endpoint", getmetatable(where))
      assert.equal(row[2], where.host)
      assert.equal(row[3], where.port)
      assert.equal(row[4], tostring(where))
      assert.equal("at " .. row[4] .. "!", "at " .. where .. "!")
      assert.equal(row[4], tostring(sockeye.endpoint(where)))
    end)
  end

  it("reads the paths and names of Unix sockets", function()
    for _, text in ipairs { "unix:/run/s", "unix:@name" } do
      local where = sockeye.endpoint(text)
      assert.equal(sockeye.address(text), where.address)
      assert.is_nil(where.host)
      assert.equal(text, tostring(where))
      assert.equal(where.address, sockeye.endpoint(where.address).address)
    end
  end)

  it("takes a service's name as the default port", function()
    assert.equal("host:domain",
                 tostring(sockeye.endpoint("host", { port = "domain" })))
  end)

  local refused = {
    { "#1.*'host' has no port; {port = 80}", "host" },
    { "#1.*'::1' has no port", "::1" },
    { "#1.*'host' has no port", "http://host/" },
    { "#1.*'host' has no port", { host = "host" } },
    { "#1.*no host in the URL 'file:///etc/hosts'", "file:///etc/hosts" },
    { "#1.*not a host and port: ''", "" },
    { "#1.*not a host and port: 'host:'", "host:" },
    { "#1.*not a host and port: ':80'", ":80" },
    { "#1.*not a host and port: 'a:b:c'", "a:b:c" },
    { "#1.*not a host and port", "[::1]80" },
    { "#1.*not a host and port", "[::1]:" },
    { "#1.*not a host and port", "::1]" },
    { "#1.*not a host and port", "[::1" },
    { "#1.*not a host and port", "::1x" },
    { "#1.*not a host and port", "[x]:5" },
    { "#1.*not a host and port", "http://h\\x/" },
    { "#1.*brackets; did you mean '::1'", { host = "[::1]", port = 1 } },
    { "#1.*not a host and port", "a/b:80" },
    { "#1.*not a port or a service's name", "mailto:a@b" },
    { "#1.*not a port or a service's name", "http://host: 80/" },
    { "#1.*port out of range", "host:65536" },
    { "#1.*white space", "a b:80" },
    { "#1.*white space", "http://a%20b:80" },
    { "#1.*contains a zero", "a\0b:80" },
    { "#1.*contains a zero", "http://a%00b:80" },
    { "#1.*endpoint expected, got nil", nil },
    { "#1.*endpoint expected, got table", {} },
    { "#1.*endpoint expected, got a channel", sockeye.channel() },
    { "#1.*sockeye.Address or string expected, got userdata", io.stdout },
    { "#1.*path too long", "unix:" .. ("x"):rep(200) },
    { "#2.*expected, got number; did you mean {port = 53}%?", "host", 53 },
    { "#2.*did you mean {port = \"domain\"}%?", "host", "domain" },
    { "#2.*option 'port': port out of range", "host", { port = -1 } },
    { "#2.*option 'port': not a port", "host", { port = " 80" } },
    { "#2.*unknown option 'prot'; there are port", "host", { prot = 80 } },
  }
  for _, row in ipairs(refused) do
    it("refuses another text: " .. row[1], function()
      errors.rejected("to 'endpoint'", sockeye.endpoint, row[2], row[3])
      errors.rejected(row[1], sockeye.endpoint, row[2], row[3])
    end)
  end

  it("gives connect, listen and serve where to go", function()
    local l <close> = sockeye.listen(sockeye.endpoint("127.0.0.1",
                                                      { port = 0 }))
    local s <close> = sockeye.connect(sockeye.endpoint(l:getsockname()))
    local c <close> = l:accept()
    s:write("hello"):flush()
    assert.equal("hello", c:recv(5, "waitall"))
    local stop = sockeye.channel(1)
    stop:close()
    assert.equal("stop", sockeye.serve(sockeye.endpoint "127.0.0.1:0", print,
                                       { stop = stop, signals = false }))
    assert.equal("stop", sockeye.serve({ { host = "*", port = 0 },
                                         sockeye.endpoint "127.0.0.1:0" },
                                       print, { stop = stop, signals = false }))
  end)
end)
