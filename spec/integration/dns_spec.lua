local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"
local sockeye = require "sockeye"

local records = {
  "--address=/wild.test/192.0.2.7",
  "--host-record=host.test,192.0.2.8,2001:db8::8",
  "--cname=alias.test,host.test",
  "--mx-host=host.test,mail.test,10",
  "--txt-record=host.test,one text,another",
  "--srv-host=_http._tcp.test,host.test,8080,5,7",
  "--ptr-record=8.2.0.192.in-addr.arpa,host.test",
}
for i = 1, 100 do
  records[#records + 1] = "--host-record=many.test,192.0.2." .. i
end

local function start_server()
  return examples.start_on_free_port("dgram", function(port)
    return {
      "sh", "-c", 'exec "$@" 2>&1', "sh", "dnsmasq", "--no-daemon",
      "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file",
      "--user=", "--listen-address=127.0.0.1", "--bind-interfaces",
      "--port=" .. port, table.unpack(records),
    }
  end, "started, version")
end

local can, reason = process.available("dnsmasq")

describe("dns asks dnsmasq", function()
  local server, address
  local open

  setup(function()
    open = descriptors.count()
    if can then server, address = start_server() end
  end)

  teardown(function()
    if server then server:stop() end
    server = nil
    collectgarbage()
    assert.equal(open, descriptors.count())
  end)

  local questions = {
    { "wild.test", "A", "wild.test %d+ A 192.0.2.7" },
    { "deep.wild.test", "a", "deep.wild.test %d+ A 192.0.2.7" },
    { "host.test", nil, "host.test %d+ A 192.0.2.8" },
    { "HOST.test.", "A", "HOST.test %d+ A 192.0.2.8" },
    { "host.test", "AAAA", "host.test %d+ AAAA 2001:db8::8" },
    { "alias.test", "A",
      "alias.test %d+ CNAME host.test\nhost.test %d+ A 192.0.2.8" },
    { "alias.test", "CNAME", "alias.test %d+ CNAME host.test" },
    { "host.test", "MX", "host.test %d+ MX 10 mail.test" },
    { "host.test", "TXT", 'host.test %d+ TXT "one text" "another"' },
    { "_http._tcp.test", "SRV", "_http._tcp.test %d+ SRV 5 7 8080 host.test" },
    { "8.2.0.192.in-addr.arpa", "PTR",
      "8.2.0.192.in%-addr.arpa %d+ PTR host.test" },
  }

  for _, row in ipairs(questions) do
    local name, type, wanted = table.unpack(row, 1, 3)
    it(("prints the %s records of %s #integration"):format(type or "A", name),
       function()
      if not can then return pending(reason) end
      local result = examples.run("dns", { address, name, type })
      assert.equal("", result.stderr)
      local text = result.stdout:gsub("\t", " ")
      assert.matches("^" .. wanted .. "\n$", text)
      assert.equal(0, result.status)
    end)
  end

  it("asks again over TCP if the answer is long #integration", function()
    if not can then return pending(reason) end
    local result = examples.run("dns", { address, "many.test" })
    assert.equal("", result.stderr)
    local _, count = result.stdout:gsub("\n", "")
    assert.equal(100, count)
  end)

  it("reports a name that does not exist #integration", function()
    if not can then return pending(reason) end
    local result = examples.run("dns", { address, "host.test", "NS" })
    assert.equal(1, result.status)
    assert.matches("^host.test: ", result.stderr)
    assert.equal("", result.stdout)
  end)
end)

describe("dns", function()
  descriptors.guard()

  -- Answers a query by what `answer` makes of it, twice.
  local function against(answer, ...)
    local s <close> = sockeye.socket("inet", "dgram"):settimeout(20)
    s:bind("127.0.0.1:0")
    local dns = examples.open("dns", s:getsockname(), ...)
    local query, from = s:recvfrom(512)
    for _, reply in ipairs { answer(query) } do s:sendto(reply, from) end
    local output = examples.read_all(dns.output)
    return output, examples.finish(dns)
  end

  local function reply(query, flags, count, rest)
    return query:sub(1, 2) .. string.pack(">I2I2I2I2I2", flags, 1, count, 0, 0)
      .. query:sub(13) .. rest
  end

  local record = "\xc0\x0c" .. string.pack(">I2I2I4I2", 1, 1, 60, 4) ..
    "\192\0\2\1"

  it("ignores an answer to another question", function()
    local output, status, said = against(function(query)
      local other = string.pack(">I2", ~query:byte(1) & 0xff) .. query:sub(3)
      return reply(other, 0x8180, 1, record), "", "nonsense",
             reply(query, 0x8180, 1, record)
    end, "a.test")
    assert.equal("a.test\t60\tA\t192.0.2.1\n", output)
    assert.equal("", said)
    assert.equal(0, status)
  end)

  it("refuses a name whose pointers form a circle", function()
    local output, status, said = against(function(query)
      local at = string.pack(">I2", 0xc000 | #query)
      return reply(query, 0x8180, 1, at .. record:sub(3))
    end, "a.test")
    assert.equal("", output)
    assert.matches("points forward", said)
    assert.equal(1, status)
  end)

  it("fails if no server is there", function()
    local port = examples.free_port("dgram")
    local result = examples.run("dns", { "127.0.0.1:" .. port, "a.test" })
    assert.equal(1, result.status)
    assert.matches("ECONNREFUSED", result.stderr)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, arguments in ipairs {
      {}, { "127.0.0.1:53" }, { "127.0.0.1:53", "a.test", "XYZ" },
    } do
      local result = examples.run("dns", arguments)
      assert.equal(2, result.status)
      assert.matches("^usage: lua dns", result.stderr)
    end
  end)
end)
