local sockeye = require "sockeye"

local blocking = require "spec.support.blocking"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"
local tracing = require "spec.support.trace"

local ways = {
  ["on the main thread"] = function(f) return f() end,
  ["in a coroutine"] = function(f) return coroutine.wrap(f)() end,
}

-- Each blocking call, without a time-out and, where it has one, with it.
local function each_call()
  return coroutine.wrap(function()
    for _, name in ipairs(blocking.names) do
      coroutine.yield(name, name, nil)
      local case <close> = blocking.make(name)
      if case.owner then
        coroutine.yield(name .. " with a time-out", name, 30)
      end
      case.unblock()
      case.call()
    end
  end)
end

-- The calls that wait for something else.
local without_socket <const> = { sleep = true, waitpid = true }

local function make(name, timeout)
  local case = blocking.make(name)
  if timeout then case.owner:settimeout(timeout) end
  return case
end

-- Two sockets that are connected, and what closes both.
local function pair()
  local a, b = sockeye.socketpair()
  return a, b, setmetatable({}, {
    __close = function()
      a:close()
      b:close()
    end,
  })
end

describe("a signal during", function()
  descriptors.guard()

  for title, name, timeout in each_call() do
    for where, run in sorted(ways) do
      it(("%s %s runs its handler; the call goes on"):format(title, where),
         function()
        local case <close> = make(name, timeout)
        local calls = {}
        local _ <close> = fork.interrupt("USR1", function(...)
          table.insert(calls, { ... })
          case.unblock()
        end)
        assert.is_true(run(case.call))
        assert.are.same({ { "SIGUSR1", sockeye.SIGUSR1 } }, calls)
      end)

      it(("%s %s ends it where the handler raises"):format(title, where),
         function()
        local case <close> = make(name, timeout)
        local reason = {}
        local _ <close> = fork.interrupt("USR1", function()
          error(reason)
        end)
        local ok, err = pcall(run, case.call)
        assert.is_false(ok)
        assert.are.equal(reason, err)
        case.unblock()
      end)
    end

    if not without_socket[name] then
      it(title .. " ends it where the handler closes the socket", function()
        local case <close> = make(name, timeout)
        local owner = case.owner or case.polled
        local _ <close> = fork.interrupt("USR1", function()
          owner:close()
        end)
        errors.closed(case.name, case.call)
      end)
    end
  end
end)

describe("the time that is left", function()
  descriptors.guard()

  -- If a signal began the wait anew, it would last until they end: there are
  -- 5 ms or more between two. Returns how many came.
  local function lasts(seconds, call)
    local most <const> = math.ceil(10000 * seconds)
    local start = sockeye.now()
    local calls = 0
    local _ <close> = fork.interrupt("USR1", function()
      calls = calls + 1
    end, most)
    call(seconds)
    assert.is_true(sockeye.now() - start >= seconds)
    assert.is_true(calls < most)
    return calls
  end

  -- A busy machine may send no signal in time: then the next wait is longer.
  local function is_kept_by(call)
    local seconds = 0.1
    while lasts(seconds, call) == 0 do
      seconds = 2 * seconds
      assert.is_true(seconds < 60, "no signal came")
    end
  end

  for _, name in ipairs(blocking.names) do
    local probe <close> = blocking.make(name)
    if probe.owner then
      it("is kept by " .. name, function()
        is_kept_by(function(seconds)
          local case <close> = make(name, seconds)
          local err = errors.raised("ETIMEDOUT", case.name, case.call)
          assert.is_true(err.timeout)
        end)
      end)
    else
      probe.unblock()
      probe.call()
    end
  end

  it("is kept by sleep", function() is_kept_by(sockeye.sleep) end)

  it("is kept by poll", function()
    local a, b, _ <close> = pair()
    is_kept_by(function(seconds)
      assert.are.same({}, sockeye.poll({ [a] = "r", [b] = "r" }, seconds))
    end)
  end)
end)

describe("a handler that waits itself", function()
  descriptors.guard()

  it("can be interrupted in turn", function()
    local a, b, _ <close> = pair()
    local c, d, _ <close> = pair()
    local depth, deepest = 0, 0
    local _ <close> = fork.interrupt("USR1", function()
      depth = depth + 1
      deepest = math.max(depth, deepest)
      if depth == 1 then
        assert.are.equal("inner", c:recv(5))
        b:send("outer")
      else
        d:send("inner")
      end
      depth = depth - 1
    end, 2)
    assert.are.equal("outer", a:recv(5))
    assert.are.equal(2, deepest)
  end)

  it("can be interrupted in turn while the script computes", function()
    local a, b, _ <close> = pair()
    local calls = 0
    local _ <close> = fork.interrupt("USR1", function()
      calls = calls + 1
      b:send("x")
    end)
    local before = sockeye.signal("ALRM", function() a:recv(1) end)
    os.execute("kill -ALRM " .. sockeye.getpid())
    sockeye.signal("ALRM", before)
    assert.are.equal(1, calls)
  end)
end)

-- A script's call: arg is its name, its time-out, and how to run it.
local script = [[
  local sockeye = require "sockeye"
  local case = require "spec.support.blocking".make(arg[1])
  local function call()
    if arg[2] ~= "" then case.owner:settimeout(tonumber(arg[2])) end
    print("ready")
    sockeye.getppid()
    return case.call()
  end
  io.stdout:setvbuf("line")
  if arg[3] == "unblock" then case.unblock() end
  if arg[3] == "in a coroutine" then call = coroutine.wrap(call) end
  local ok, result = pcall(call)
  if arg[3]:find "^[oi]n " and not ok then error(result, 0) end
  print(ok and result or result.code)
]]

describe("Ctrl-C", function()
  for title, name, timeout in each_call() do
    for where in sorted(ways) do
      it(("ends %s %s"):format(title, where), function()
        local running <close> = process.start_lua(script, {
          args = { name, timeout or "", where }, timeout = 20,
        })
        running:line "ready"
        fork.await(running.pid, "S")
        running:signal "INT"
        local result = running:wait()
        assert.are.equal(1, result.status)
        assert.is_truthy(result.stderr:find("interrupted!", 1, true))
      end)
    end
  end

  it("ends a handler that waits", function()
    local running <close> = process.start_lua([[
      local sockeye = require "sockeye"
      sockeye.signal("USR1", function()
        print("ready")
        sockeye.sleep(60)
      end)
      io.stdout:setvbuf("line")
      sockeye.kill(sockeye.getpid(), "USR1")
    ]], { timeout = 20 })
    running:line "ready"
    fork.await(running.pid, "S")
    running:signal "INT"
    local result = running:wait()
    assert.are.equal(1, result.status)
    assert.is_truthy(result.stderr:find("interrupted!", 1, true))
  end)
end)

-- The system call that waits, by the name of ours.
local system_calls = {
  accept = "accept4",
  ["connect (inet)"] = "connect",
  ["connect (unix)"] = "connect",
  poll = "ppoll",
  read = "read",
  ["read (pipe)"] = "read",
  recv = "recvfrom",
  recvfrom = "recvfrom",
  recvmsg = "recvmsg",
  send = "sendto",
  sendall = "sendmsg",
  sendmsg = "sendmsg",
  sendto = "sendto",
  sleep = "ppoll",
  waitpid = "wait4",
  write = "sendto", -- which can do without SIGPIPE
  ["write (pipe)"] = "write",
}

describe("EINTR #ptrace", function()
  local can, reason = tracing.available()
  if not can then
    pending(("is never seen (%s)"):format(reason))
    return
  end

  local log

  -- Runs the script under strace; what it printed, and the trace.
  local function trace(arguments, ...)
    local result = process.lua_script(script, {
      args = arguments,
      prefix = { "strace", "-qq", "-o", log, ... },
    })
    local file <close> = assert(io.open(log))
    return result.stdout:match("ready\n(.-)\n$"), file:read("a")
  end

  -- Interrupts the first system call of this name after getppid. strace counts
  -- those that have another name with 32 bits apart.
  local function inject(arguments, call)
    local only = "trace=getppid," .. tracing.names(call)
    local _, before = trace(arguments, "-e", only, "-e", "signal=none")
    local earlier, name =
      ("\n" .. before):match "^(.-)\ngetppid[^\n]*\n([%l%d_]+)"
    assert.equal(call .. "(", tracing.plain(name .. "("))
    local _, count = earlier:gsub("\n" .. name .. "%(", "")
    local printed, after = trace(arguments, "-e", only, "-e",
      ("inject=%s:error=EINTR:when=%d"):format(name, count + 1))
    assert.is_truthy(after:find("\n" .. name .. "[^\n]+INJECTED"), after)
    return printed
  end

  setup(function() log = os.tmpname() end)
  teardown(function() os.remove(log) end)

  for _, name in ipairs(blocking.names) do
    it(("of %s is never raised by %s"):format(system_calls[name], name),
       function()
      local printed = inject({ name, "", "unblock" }, system_calls[name])
      assert.are.equal("true", printed)
    end)
  end

  for _, name in ipairs { "accept", "read", "recv", "send", "write" } do
    it(("of ppoll is never raised by %s with a time-out"):format(name),
       function()
      local printed = inject({ name, "0.05", "wait" }, "ppoll")
      assert.are.equal("ETIMEDOUT", printed)
    end)
  end
end)

describe("sleep", function()
  it("lasts as long as was asked for", function()
    for _, seconds in ipairs { 0, 0.001, 0.02 } do
      local start = sockeye.now()
      sockeye.sleep(seconds)
      assert.is_true(sockeye.now() - start >= seconds)
    end
  end)

  for what, value in sorted {
    ["a negative number"] = -1, ["not a number"] = 0 / 0, ["a table"] = {},
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument #1", sockeye.sleep, value)
    end)
  end

  it("wants a number", function()
    errors.rejected("bad argument #1", sockeye.sleep)
  end)
end)

-- What ends a read of a Unix stream though more has come.
local ends = {
  ["descriptors"] = function(a)
    a:sendmsg { iov = "two", control = { rights = { a, a } } }
  end,
  ["another sender"] = function(a, b)
    b:setsockopt("SO_PASSCRED", true)
    local pid = fork.child(function() a:send "two" end)
    repeat until fork.state(pid) == "Z"
    fork.reap(pid)
  end,
}

local streaming = {
  ["recv"] = function(s) return function() return s:recv(100) end end,
  ["recv of much"] = function(s)
    return function() return s:recv(100000) end
  end,
  ["recvfrom"] = function(s)
    return function() return (s:recvfrom(100)) end
  end,
  ["read"] = function(s) return function() return s:read(100) end end,
  ["recvmsg"] = function(s)
    return function()
      local m = s:recvmsg { iov = 100 }
      return m and m.data
    end
  end,
  ["a stream"] = function(s)
    local conn = sockeye.stream(s)
    return function() return conn:read_some(100) end
  end,
  ["lines of a stream"] = function(s) return sockeye.stream(s):lines("L") end,
}

describe("a task that reads a Unix stream", function()
  descriptors.guard()

  -- Sends while the task waits, which is woken once. The end would wake it,
  -- too.
  local function send_behind(a, b, send, reader)
    local got = ""
    local t = sockeye.spawn(function()
      for data in reader(b) do
        got = got .. data
        if #got >= 12 then return end
      end
    end)
    repeat sockeye.yield() until t:status() == "waiting"
    a:send "one"
    send(a, b)
    a:send "three\n"
    t:join()
    return got
  end

  for title, send in pairs(ends) do
    for name, reader in pairs(streaming) do
      it(("reads on behind %s, by %s"):format(title, name), function()
        local a, b = sockets.unix()
        assert.equal("onetwothree\n", sockeye.run(
          sockeye.timeout, 5, send_behind, a, b, send, reader))
        sockets.close(a, b)
      end)
    end
  end
end)
