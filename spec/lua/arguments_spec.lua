-- Arguments of the functions that are written in Lua: what is refused, what the
-- error says, and whose line it names.

local arguments = require "sockeye.arguments"
local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("a value of a kind", function()
  local function fn() end

  local kinds = {
    boolean = { { true, false }, { 1, "true", {} } },
    channel = { { sockeye.channel() }, { true, {}, { get = fn }, io.stdout } },
    backlog = { { -1, 0, "5", 5.0, 0x7fffffff, -0x80000000 },
                { 1 << 31, 1.5, "x", {} } },
    count = { { 1, 1 << 40, math.huge, "1" }, { 0, -1, 1.5, 0 / 0, true } },
    ["function"] = { { fn, print }, { "print", {}, true } },
    integer = { { 0, 1, 0x7fffffff, 1.0, "1" }, { -1, 1 << 31, 1.5, "x", {} } },
    mode = { { 0, 511, 8.0, "0", "660", "0660", "000777" },
             { -1, 512, 1.5, "8", "1000", "", "0x1f", "rw", {}, true } },
    number = { { 0, 0.5, math.huge, "1.5" }, { -1, -0.5, 0 / 0, "-1", {} } },
    seconds = { { 0, 0.5, math.huge, "5" }, { -1, 0 / 0, "soon", {} } },
    table = { { {}, { 1 } }, { 1, "x", print } },
    address = { { "127.0.0.1:0", "unix:", sockeye.inet() },
                { "localhost:80", 80, {}, io.stdout } },
    family = { { "inet", "AF_INET6", sockeye.AF_UNIX }, { "inet9", -1, {} } },
    signal = { { "SIGTERM", "term", sockeye.SIGUSR1 },
               { "SIGTREM", "SEGV", 0, 1 << 20, "a\0", {} } },
    any = { { 1, "x", {}, print }, {} },
  }

  for kind, values in pairs(kinds) do
    it("is taken, and any other is not: " .. kind, function()
      for _, value in ipairs(values[1]) do
        assert.is_nil(arguments.problem(value, kind))
      end
      for _, value in ipairs(values[2]) do
        assert.is_string(arguments.problem(value, kind), tostring(value))
      end
      if kind ~= "any" then
        assert.is_string(arguments.problem(nil, kind))
      end
    end)
  end

  it("is named with its value where it is out of a range", function()
    assert.equal("number of seconds expected, got -1",
                 arguments.problem(-1, "seconds"))
    assert.equal("number of seconds expected, got 'soon'",
                 arguments.problem("soon", "seconds"))
    assert.equal("positive integer expected, got table",
                 arguments.problem({}, "count"))
  end)

  it("is named by its type where it has a wrong one", function()
    assert.equal("function expected, got nil",
                 arguments.problem(nil, "function"))
    assert.equal("table expected, got number", arguments.problem(5, "table"))
  end)

  it("can be judged by a function", function()
    local function odd(value) return value % 2 == 0 and "even" or nil end
    assert.is_nil(arguments.problem(3, odd))
    assert.equal("even", arguments.problem(4, odd))
  end)
end)

describe("a table of options", function()
  local known = { delay = "seconds", inner = { on = "boolean" } }

  it("is empty where there is none", function()
    assert.same({}, arguments.options("f", 1, nil, known))
  end)

  it("is copied where all of it is right", function()
    local options = { delay = 1, inner = { on = true } }
    local copy = arguments.options("f", 1, options, known)
    assert.same(options, copy)
    assert.not_equal(options, copy)
  end)

  it("has numbers where numbers were given as text", function()
    local counted = { delay = "seconds", backlog = "backlog", most = "count" }
    local options = arguments.options("f", 1, {
      delay = "0.5", backlog = "7", most = "3.0" }, counted)
    assert.same({ delay = 0.5, backlog = 7, most = 3 }, options)
    assert.equal("integer", math.type(options.most))
  end)

  it("is refused with the name of the option", function()
    assert.equal("unknown option 'dealy'; there are delay, inner",
                 arguments.problem({ dealy = 1 }, known))
    assert.equal("unknown option '1'; there are delay, inner",
                 arguments.problem({ "delay" }, known))
    assert.equal("option 'delay': number of seconds expected, got -1",
                 arguments.problem({ delay = -1 }, known))
    assert.equal("option 'inner': option 'on': boolean expected, got number",
                 arguments.problem({ inner = { on = 1 } }, known))
    assert.equal("table expected, got string", arguments.problem("", known))
  end)
end)

describe("a decimal number", function()
  it("is read from digits alone, up to a limit", function()
    local read = { ["0"] = 0, ["80"] = 80, ["000080"] = 80, ["255"] = 255 }
    for text, number in pairs(read) do
      assert.equal(number, arguments.decimal(text, 255))
    end
    local refused = { "", "256", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e1",
                      ("9"):rep(17), ("9"):rep(18), ("9"):rep(40), "1\0" }
    for _, text in ipairs(refused) do
      assert.is_nil(arguments.decimal(text, 255))
    end
  end)
end)

-- Each is run as the third line of a script.
local scripts = {
  { "sockeye.group()", "#1 to 'group' (function expected, got nil)" },
  { "sockeye.timeout(-1, print)", "#1 to 'timeout' (number of seconds" },
  { "sockeye.timeout(1)", "#2 to 'timeout' (function expected, got nil)" },
  { "sockeye.within(-1, print)", "#1 to 'within' (number of seconds" },
  { "sockeye.within(1)", "#2 to 'within' (function expected, got nil)" },
  { "sockeye.shield('x', print)", "#1 to 'shield' (number of seconds" },
  { "sockeye.shield(1, 2)", "#2 to 'shield' (function expected, got number)" },
  { "sockeye.pcall()", "#1 to 'pcall' (value expected)" },
  { "sockeye.xpcall()", "#2 to 'xpcall' (function expected, got no value)" },
  { "sockeye.xpcall(print)",
    "#2 to 'xpcall' (function expected, got no value)" },
  { "sockeye.xpcall(print, nil)",
    "#2 to 'xpcall' (function expected, got nil)" },
  { "sockeye.wrap(5)", "#1 to 'wrap' (function expected, got number)" },
  { "sockeye.channel(-1)", "#1 to 'channel' (number that is not negative" },
  { "sockeye.channel():put(nil)", "#1 to 'put' (value expected, got nil)" },
  { "sockeye.run(function() for _ in sockeye.signals('SIGNO') do end end)",
    "#1 to 'signals' (unknown signal 'SIGNO'" },
  { "sockeye.run(function() sockeye.signals('USR1', nil, 'USR2') end)",
    "#2 to 'signals' (string expected, got nil)" },
  { "sockeye.run(function() sockeye.signals('SEGV') end)",
    "#1 to 'signals' (a fault cannot be handled in Lua)" },
  { "sockeye.connect 'localhost'", "#1 to 'connect' (endpoint expected" },
  { "sockeye.connect '*:80'", "#1 to 'connect' (a host is expected, not '*'" },
  { "sockeye.connect 'a\\0b:80'", "#1 to 'connect' (endpoint contains a zero" },
  { "sockeye.connect('[::1]:80', { bind = '::1' })",
    "#2 to 'connect' (option 'bind': not an address: '::1'" },
  { "sockeye.connect('[::1]:80', { bind = 80 })",
    "#2 to 'connect' (option 'bind': sockeye.Address or string expected" },
  { "sockeye.connect('[::1]:80', { family = 'inte6' })",
    "#2 to 'connect' (option 'family': unknown family 'inte6', did you mean" },
  { "sockeye.listen '80'", "#1 to 'listen' (endpoint expected" },
  { "sockeye.listen '*:65536'", "#1 to 'listen' (port out of range" },
  { "sockeye.listen('unix:' .. ('x'):rep(200))",
    "#1 to 'listen' (path too long" },
  { "sockeye.listen(nil)", "#1 to 'listen' (endpoint expected, got nil)" },
  { "sockeye.listen('*:0', { backlog = 1 << 40 })",
    "#2 to 'listen' (option 'backlog': integer of 32 bits expected" },
  { "sockeye.listen('*:0', { family = {} })",
    "#2 to 'listen' (option 'family': string expected, got table)" },
  { "sockeye.listen('*:0', { mode = 512 })",
    "#2 to 'listen' (option 'mode': octal digits expected, as in \"0660\", " ..
    "got 512)" },
  { "sockeye.serve('80', print)", "#1 to 'serve' (endpoint expected" },
  { "sockeye.serve({}, print)", "#1 to 'serve' (endpoint expected)" },
  { "sockeye.serve({ '*:0', 5 }, print)",
    "#1 to 'serve' (endpoint expected, got number; did you mean \"*:5\"?)" },
  { "sockeye.endpoint('host', 53)",
    "#2 to 'endpoint' (table expected, got number; did you mean {port = 53}" },
  { "sockeye.endpoint 'host'", "#1 to 'endpoint' ('host' has no port; " },
  { "sockeye.serve '*:0'", "#2 to 'serve' (function expected, got nil)" },
  { "sockeye.serve('*:0', print, { listen = { backlogs = 1 } })",
    "#3 to 'serve' (option 'listen': unknown option 'backlogs'; there are" },
  { "sockeye.serve('*:0', print, { signals = { 'SIGNO' } })",
    "#3 to 'serve' (option 'signals': unknown signal 'SIGNO'" },
  { "sockeye.serve('*:0', print, { stop = {} })",
    "#3 to 'serve' (option 'stop': channel expected, got table)" },
  { "netlink.open 'nosuch'",
    "#1 to 'open' (unknown netlink protocol 'nosuch'" },
  { "netlink.open('route', { 'link' })",
    "#2 to 'open' (integer from 0 to 2147483647 expected, got 'link')" },
  { "netlink.open('route', 1)", "#2 to 'open' (table expected, got number)" },
  { "nl:request(5)", "#1 to 'request' (table expected, got number)" },
  { "nl:request {}",
    "#1 to 'request' (field 'type': number or name expected)" },
  { "nl:request { type = 'RTM_GETLNIK' }",
    "#1 to 'request' (field 'type': unknown: 'RTM_GETLNIK')" },
  { "nl:request { type = 1 << 16 }",
    "#1 to 'request' (field 'type': number out of range (0 to 65535))" },
  { "nl:request { type = 16, flags = -1 }",
    "#1 to 'request' (field 'flags': number out of range (0 to 65535))" },
  { "nl:request { type = 16, flags = 'dupm' }",
    "#1 to 'request' (field 'flags': unknown: 'dupm')" },
  { "nl:request { type = 16, data = 5 }",
    "#1 to 'request' (field 'data': string expected, got number)" },
  { "nl:set_link { ifname = 'a\\0b' }",
    "#1 to 'set_link' (field 'ifname': string without a zero expected)" },
  { "nl:set_link { ifindex = 1, ifalias = ('x'):rep(65531) }",
    "#1 to 'set_link' (field 'ifalias': string too long)" },
  { "nl:set_link { ifindex = 1, address = '02' .. (':02'):rep(32) }",
    "#1 to 'set_link' (field 'address': no hardware address like" },
  { "nl:add_route { dst = '10.0.0.0/' .. ('9'):rep(20) }",
    "#1 to 'add_route' (field 'dst': prefix out of range)" },
  { "nl:routes { family = 'unix' }",
    "#1 to 'routes' (option 'family': 'inet' or 'inet6' expected)" },
  { "netlink.addresses { famly = 'inet' }",
    "#1 to 'addresses' (unknown option 'famly'; there are family)" },
  { "netlink.watch { 'links' }", "#1 to 'watch' (unknown kind 'links', did" },
  { "netlink.watch 'link'", "#1 to 'watch' (table expected, got string)" },
  { "netlink.decode(('x'):rep(20))", "#1 to 'decode' (message at byte 1: " },
  { "netlink.attributes '\\1'", "#1 to 'attributes' (attribute at byte 1: " },
}

describe("an argument error", function()
  descriptors.guard()

  for _, row in ipairs(scripts) do
    it("names the script's line and the call: " .. row[1], function()
      local nl <close> = netlink.open()
      local script = assert(load(
        "local sockeye, netlink, nl = ...\n\n" .. row[1], "=script", "t"))
      local err = errors.rejected("^script:3: bad argument #%d to '", script,
                                  sockeye, netlink, nl)
      assert.equal("script:3: bad argument " .. row[2],
                   err:sub(1, #"script:3: bad argument " + #row[2]))
    end)
  end

  local closed = netlink.open()
  closed:close()
  for name, method in pairs(debug.getmetatable(closed).__index) do
    it("names a bad self: Netlink:" .. name, function()
      local script = assert(load("local f = ...\n\nf {}", "=script", "t"))
      errors.rejected(("^script:3: calling '%s' on bad self " ..
                       "%%(sockeye.Netlink expected, got table%%)$")
                        :format(name), script, method)
      errors.rejected("expected, got FILE%*%)$", method, io.stdout)
      errors.rejected("expected, got nil%)$", method)
    end)
  end

  it("names the line of a coroutine that calls for itself", function()
    local script = assert(load([[
      local sockeye = ...
      local co = coroutine.create(function()
        local l = sockeye.listen "80"
        return l
      end)
      local ok, err = coroutine.resume(co)
      error(err, 0)
    ]], "=script", "t"))
    errors.rejected("^script:3: bad argument #1 to 'listen'", script, sockeye)
  end)
end)
