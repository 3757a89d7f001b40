-- What a server writes about the errors of its handlers to standard error.

local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"
local servers = require "spec.support.servers"

-- A script that serves with `handler` and `options`, runs `clients` with the
-- server's `address`, and stops the server. Returns its output.
local function served(handler, clients, options, before)
  local result = process.lua_script(([[
    local sockeye = require "sockeye"
    %s
    local function handler(stream, peer) %s end
    sockeye.run(function()
      local options = %s
      options.stop, options.signals = sockeye.channel(), false
      local l = sockeye.listen "127.0.0.1:0"
      local address = l:getsockname()
      local task = sockeye.spawn(sockeye.serve, l, handler, options)
      local function reset(send)
        local s = sockeye.socket("inet", "stream"):connect(address)
        s:setsockopt("SO_LINGER", 0)
        s:sendall(send or "x\n")
        s:recv(1)
        s:close()
      end
      %s
      options.stop:close()
      print(task:join())
    end)
  ]]):format(before or "", handler, options or "{}", clients),
    { timeout = servers.limit })
  return result.stdout, result.stderr, result.status
end

local ask = [[
  do
    local conn <close> = sockeye.connect(address)
    conn:write "x\n"
    pcall(conn.read, conn, 1)
  end
]]

describe("a report of a server", function()
  it("has the functions of the script alone, for what the script did",
    function()
      local _, text = served([[
        local function deep() stream:read "l" error "handler failed" end
        deep()
      ]], ask)
      assert.matches("^127%.0%.0%.1:%d+: [^\n]-: handler failed\n" ..
        "stack traceback:\n\t%[C%]: in function 'error'\n" ..
        "\t[^\n]-: in [^\n]-'deep'\n\t[^\n]-: in [^\n]-\n$", text)
      assert.is_nil(text:find("/sockeye/", 1, true), text)
    end)

  for what, handler in pairs {
    ["a function of the library itself"] = "return sockeye.sleep {}",
    ["a deadline"] = "sockeye.within(9, function() error 'late' end)",
    ["a group"] = "sockeye.group(function() error 'body' end)",
    ["a task of a group"] =
      "sockeye.group(function(g) g:spawn(error, 'task') end)",
    ["a task that it has spawned"] =
      "sockeye.spawn(error, 'task') sockeye.sleep(60)",
    ["a generator"] = "sockeye.wrap(function() error 'inside' end)()",
    ["a wrong argument of connect"] = "sockeye.connect 'nonsense'",
    ["a call of another server"] = "sockeye.serve('nonsense', print)",
  } do
    it("names no file of the library where the error is of " .. what,
      function()
        local out, text = served(handler, ask)
        assert.equal("stop\n", out)
        assert.matches("^127%.0%.0%.1:%d+: ", text)
        assert.is_nil(text:find("/sockeye/", 1, true), text)
      end)
  end

  it("is not written where nothing fails", function()
    assert.equal("", select(2, served("", ask)))
  end)

  it("is one line for what a peer did", function()
    local _, text = served([[
      stream:settimeout(0.01)
      stream:read(10)
    ]], ask)
    assert.matches("^127%.0%.0%.1:%d+: [^\n]-: read: [^\n]- %(ETIMEDOUT%)\n$",
                   text)
    _, text = served([[
      sockeye.connect "127.0.0.1:1"
    ]], ask)
    assert.matches("^127%.0%.0%.1:%d+: [^\n]- %(ECONNREFUSED%)\n$", text)
  end)

  for what, handler in pairs {
    ["while it is read"] = "stream:write 'y' stream:flush() stream:read(10)",
    ["before all is sent"] = [[
      stream:write 'y'
      stream:flush()
      local s = stream:socket()
      sockeye.wait(s, 'r')
      pcall(stream.read, stream, 100)
      while true do stream:write(('x'):rep(65536)) stream:flush() end
    ]],
    ["before it is closed"] = [[
      stream:write 'y'
      stream:flush()
      pcall(stream.read, stream, 100)
      stream:write 'z'
      stream:close()
    ]],
    ["in a task of the handler"] = [[
      stream:write 'y'
      stream:flush()
      sockeye.spawn(stream.read, stream, 10)
      sockeye.sleep(60)
    ]],
  } do
    it("is not written for a client that resets its connection " .. what,
      function()
        local out, text = served(handler, "reset()")
        assert.same({ "stop\n", "" }, { out, text })
      end)
  end

  it("is written for a reset of another connection", function()
    local _, text = served([[
      local a, b = sockeye.socketpair()
      b:close()
      a:sendall "x"
    ]], ask)
    assert.matches("^127%.0%.0%.1:%d+: [^\n]- %(EPIPE%)\n$", text)
  end)

  for what, handler in pairs {
    ["the script's own of the stream"] =
      "stream:settimeout(0.01) stream:read(9)",
    ["another stream's"] = [[
      local a, b = sockeye.socketpair()
      local other <close> = sockeye.stream(a)
      other:settimeout(0.01)
      other:read(1)
      b:close()
    ]],
    ["a deadline's"] = "sockeye.timeout(0.01, sockeye.sleep, 60)",
    ["a wait's"] = [[
      local a <close> = sockeye.socketpair()
      sockeye.wait(a, "r", 0.01)
    ]],
  } do
    it("is written beside the server's limits for a time-out that is " .. what,
      function()
        local out, text = served(handler, ask,
          "{ idle_timeout = 60, handler_timeout = 60 }")
        assert.equal("stop\n", out)
        assert.matches("^127%.0%.0%.1:%d+: [^\n]- %(ETIMEDOUT%)\n$", text)
      end)
  end

  for what, trial in pairs {
    ["a read"] = { "stream:read(9)", "{ idle_timeout = 0.01 }" },
    ["what is sent"] = { [[
      local ok, err = pcall(function()
        while true do stream:write(('x'):rep(65536)):flush() end
      end)
      DONE:close()
      error(err, 0)
    ]], "{ idle_timeout = 0.01 }", [[
      local conn <close> = sockeye.connect(address)
      DONE:get()
    ]] },
    ["a task of the handler"] = {
      "sockeye.spawn(stream.read, stream, 9) sockeye.sleep(60)",
      "{ idle_timeout = 0.01 }" },
    ["the handler"] = { "sockeye.sleep(60)", "{ handler_timeout = 0.01 }" },
  } do
    it("is not written for a limit of the server that ends " .. what,
      function()
        local out, text = served(trial[1], trial[3] or ask, trial[2],
                                 "DONE = sockeye.channel()")
        assert.same({ "stop\n", "" }, { out, text })
      end)
  end

  for what, spawn in pairs {
    ["it has spawned"] = "sockeye.spawn(culprit) sockeye.sleep(60)",
    ["of a group"] = "sockeye.group(function(g) g:spawn(culprit) end)",
  } do
    local handler = "local function culprit() error('of a task', 0) end " ..
                    spawn

    it("has the functions of the handler's task " .. what, function()
      local _, text = served(handler, ask)
      assert.matches("^127%.0%.0%.1:%d+: of a task\nstack traceback:\n" ..
                     "\t%[C%]: in function 'error'\n\t[^\n]-:%d+: in ", text)
      assert.is_nil(text:find("/sockeye/", 1, true), text)
    end)

    it("gives them to on_error, too, for the task " .. what, function()
      local out = served(handler, ask, [[{
        on_error = function(_, _, traceback) print(traceback) end,
      }]])
      assert.matches("^stack traceback:\n\t%[C%]: in function 'error'\n" ..
                     "\t[^\n]-:%d+: in ", out)
    end)
  end

  it("goes to on_error for a reset, too: that asks for all", function()
    local out, text = served("stream:write 'y' stream:flush() stream:read(10)",
      "reset()", "{ on_error = function(err) print(err.code) end }")
    assert.same({ "ECONNRESET\nstop\n", "" }, { out, text })
  end)

  it("has both errors where on_error fails", function()
    local out, text = served("error 'handler failed'", ask,
      "{ on_error = function() error 'worse' end }")
    assert.equal("stop\n", out)
    assert.matches("^127.-: handler failed\nstack.-\n" ..
                   "on_error failed: [^\n]-: worse\nstack", text)
    assert.is_nil(text:find("/sockeye/", 1, true), text)
  end)
end)

-- Each is a handler, or more, that must not end the server.
local trials = {
  ["raises nil"] = { "error(nil)" },
  ["asserts without a message"] = { "assert(tonumber 'x', nil)" },
  ["raises what cannot be printed"] = {
    "error(setmetatable({}, { __tostring = function() error 'no' end }))" },
  ["raises what prints as no text"] = {
    "error(setmetatable({}, { __tostring = function() end }))" },
  ["raises nil in a <close> variable"] = { [[
    local x <close> = setmetatable({}, { __close = function()
      error(nil)
    end })
    error 'first'
  ]] },
  ["has an on_error that raises nil"] = {
    "error 'x'", "{ on_error = function() error(nil) end }" },
  ["has an on_error that fails"] = {
    "error 'x'", "{ on_error = function() error 'y' end }" },
  ["has no io.stderr"] = { "error 'x'", nil, "io.stderr = nil" },
  ["has no standard error"] = { "error 'x'", nil, "sockeye.adopt(2):close()" },
  ["has a full standard error"] = {
    "error 'x'", nil, "sockeye.dup2(io.open('/dev/full', 'w'), 2)" },
  ["has a pipe without a reader for one"] = { "error 'x'", nil, [[
    local r, w = sockeye.pipe()
    sockeye.dup2(w, 2)
    w:close()
    r:close()
  ]] },
  ["has a pipe that nobody reads for one"] = {
    "error(('x'):rep(100000))", nil, [[
    local r, w = sockeye.pipe()
    sockeye.dup2(w, 2)
    w:close()
    KEPT = r
  ]] },
}

describe("a server whose handler", function()
  for what, trial in pairs(trials) do
    it(what .. " goes on", function()
      local out, text, status = served([[
        if stream:read "l" == "good" then return stream:write "fine\n" end
      ]] .. trial[1], ask .. ask .. [[
        local good <close> = sockeye.connect(address)
        good:write "good\n"
        print(good:read "l")
      ]], trial[2], trial[3])
      assert.same({ "fine\nstop\n", 0 }, { out, status }, text)
    end)
  end
end)

describe("a handler that swallows cancellation", function()
  for what, handler in pairs {
    ["of each read"] =
      "while true do local ok = pcall(stream.read, stream, 'l') end",
    ["of each sleep"] = "while true do pcall(sockeye.sleep, 60) end",
    ["and waits in a <close> variable"] = [[
      local x <close> = setmetatable({}, {
        __close = function() sockeye.sleep(0.01) end,
      })
      stream:read "l"
    ]],
  } do
    it(("%s ends at SIGTERM all the same"):format(what), function()
      local result = process.lua_script(([[
        local sockeye = require "sockeye"
        local l = sockeye.listen "127.0.0.1:0"
        local address = l:getsockname()
        local r, w = sockeye.pipe()
        local server = sockeye.fork()
        if server == 0 then
          print(sockeye.serve(l, function(stream)
            w:write "x"
            %s
          end, { grace = 0.05 }))
          io.stdout:flush()
          sockeye._exit(0)
        end
        l:close()
        local conn = sockeye.connect(address)
        r:read(1)
        sockeye.kill(server, "SIGTERM")
        print(select(2, sockeye.waitpid(server)))
      ]]):format(handler), { timeout = servers.limit })
      assert.equal("SIGTERM\nexit\t0\n", result.stdout, result.stderr)
    end)
  end
end)

describe("what a task has written", function()
  descriptors.guard()

  for what, script in pairs {
    ["in a task"] = [[sockeye.run(function()
      sockeye.stream(a):write "bye\n"
      os.exit(0)
    end)]],
    ["in a task that is stepped in another"] = [[sockeye.run(function()
      local loop = sockeye.loop(function()
        sockeye.stream(a):write "bye\n"
        os.exit(0)
      end)
      while loop:step() do end
    end)]],
    ["where the state is closed"] = [[sockeye.run(function()
      sockeye.stream(a):write "bye\n"
      os.exit(0, true)
    end)]],
    ["in a task whose child ends before"] = [[sockeye.run(function()
      sockeye.stream(a):write "bye\n"
      if sockeye.fork() == 0 then os.exit(0) end
      sockeye.waitpid(-1)
      os.exit(0)
    end)]],
    ["outside of tasks"] = [[
      sockeye.stream(a):write "bye\n"
      os.exit(0)
    ]],
  } do
    it("is sent when os.exit ends the program, " .. what, function()
      local result = process.lua_script(([[
        local sockeye = require "sockeye"
        local a, b = sockeye.socketpair()
        local child = sockeye.fork()
        if child == 0 then b:close() %s end
        a:close()
        sockeye.waitpid(child)
        io.write(b:recv(100), "", tostring(b:recv(100)))
      ]]):format(script), { timeout = servers.limit })
      assert.equal("bye\nnil", result.stdout, result.stderr)
    end)
  end
end)
