-- Ports and services, wherever a script gives them.

local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local calls = {
  { "inet", 2, function(port) return sockeye.inet("127.0.0.1", port).port end },
  { "inet6", 2, function(port) return sockeye.inet6("::1", port).port end },
  { "resolve", 2, function(port)
    return sockeye.resolve("127.0.0.1", port)[1].address.port
  end },
  { "resolve", 2, function(port)
    return sockeye.resolve(nil, port)[1].address.port
  end },
  { "endpoint", nil, function(port)
    return sockeye.endpoint({ host = "x", port = port }).port
  end },
  { "endpoint's default", nil, function(port)
    return sockeye.endpoint("x", { port = port }).port
  end },
  { "listen", nil, function(port)
    local l <close> = sockeye.listen { host = "127.0.0.1", port = port }
    return l:getsockname().port
  end, true },
}

local wrong = {
  { " 80", "not a port" }, { "80 ", "not a port" }, { "80\n", "not a port" },
  { "\t80", "not a port" }, { "8 0", "not a port" }, { "+80", "not a port" },
  { " 65616", "not a port" }, { "80.0", "not a port" }, { "", "not a port" },
  { "-", "not a port" }, { "+", "not a port" }, { "\xff", "not a port" },
  { "-1", "port out of range %(0 to 65535%), got %-1" },
  { "65536", "port out of range" },
  { "000080", "port out of range" },
  { ("9"):rep(1000), "port out of range" },
  { "80\0", "contains a zero" }, { -1, "port out of range" },
  { 65536, "port out of range" }, { 1 << 40, "port out of range" },
  { 80.5, "no integer representation" }, { 0 / 0, "no integer" },
  { math.huge, "no integer" }, { {}, "expected, got table" },
  { true, "expected, got boolean" },
}

describe("a port", function()
  for _, call in ipairs(calls) do
    local name, argument, f, opens = table.unpack(call, 1, 4)

    it("is a number or decimal digits: " .. name, function()
      for _, port in ipairs { 80, "80", "00080", 80.0, 65535, "65535" } do
        local number = math.tointeger(tonumber(port))
        if not opens then assert.equal(number, f(port)) end
      end
      if opens then assert.is_true(f("0") > 0) end
    end)

    it("is refused in any other form, before anything is done: " .. name,
       function()
      for _, row in ipairs(wrong) do
        errors.rejected((argument and "bad argument #%d.*" or "bad argument.*")
                          :format(argument) .. row[2], f, row[1])
      end
    end)
  end

  it("is read by getservbyport, too", function()
    for _, row in ipairs(wrong) do
      errors.rejected("bad argument #1.*" .. row[2], sockeye.getservbyport,
                      row[1])
    end
  end)
end)

describe("a service", function()
  it("may have a name that begins with a digit", function()
    local err = errors.raised("EAI_SERVICE", "getaddrinfo", sockeye.resolve,
                              "127.0.0.1", "0x50-no-such", { type = "stream" })
    assert.equal("0x50-no-such", err.service)
    assert.equal("unknown service '0x50-no-such'", err.message)
    assert.matches("resolve 127.0.0.1: unknown service", tostring(err))
  end)

  it("has no white space and none of the characters of an endpoint", function()
    for _, name in ipairs { "ht tp", "http\n", "a@b", "a:b", "[a]", "-http",
                            "+http" } do
      errors.rejected("#2.*not a port or a service's name", sockeye.resolve,
                      "127.0.0.1", name)
    end
  end)
end)
