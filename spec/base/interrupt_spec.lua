local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep

describe("a signal handler", function()
  descriptors.guard()

  local function interrupted(main)
    local reason = {}
    local before = sockeye.signal("USR1", function() error(reason) end)
    local ok, err = pcall(run, main)
    sockeye.signal("USR1", before)
    assert.is_false(ok)
    assert.equal(reason, err)
  end

  it("that raises makes run raise", function()
    local closed
    interrupted(function()
      spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        sleep(100)
      end)
      sockeye.yield()
      sockeye.kill(sockeye.getpid(), "USR1")
      sleep(100)
    end)
    assert.is_true(closed)
  end)

  it("runs while all tasks wait", function()
    local calls = 0
    local before = sockeye.signal("USR1", function() calls = calls + 1 end)
    local parent = sockeye.getpid()
    local pid = fork.child(function()
      fork.await(parent, "S")
      sockeye.kill(parent, "USR1")
    end)
    run(function() fork.reap(pid) end)
    sockeye.signal("USR1", before)
    assert.equal(1, calls)
  end)

  it("may close the socket that a task waits for", function()
    for _, wait in ipairs {
      function(a) a:recv(1) end, function(a) sockeye.poll { [a] = "r" } end,
      function(a) sockeye.wait(a) end,
    } do
      local a, b = sockeye.socketpair()
      local before = sockeye.signal("USR1", function() a:close() end)
      run(function()
        local t = spawn(wait, a)
        sockeye.yield()
        local pid = sockeye.getpid()
        os.execute("kill -USR1 " .. pid)
        errors.closed(nil, t.join, t)
      end)
      sockeye.signal("USR1", before)
      b:close()
    end
  end)
end)

describe("Ctrl-C", function()
  it("ends run within a tenth of a second", function()
    local running <close> = process.start_lua([[
      local sockeye = require "sockeye"
      io.stdout:setvbuf("line")
      sockeye.run(function()
        local a, b = sockeye.socketpair()
        for _ = 1, 100 do sockeye.spawn(sockeye.sleep, 1000) end
        sockeye.spawn(function() a:recv(1) end)
        sockeye.spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function() print("closed", sockeye.now()) end,
          })
          b:recv(1)
        end)
        sockeye.yield()
        print("ready")
        sockeye.sleep(1000)
      end)
    ]], { timeout = 20 })
    running:line "ready"
    fork.await(running.pid, "S")
    local start = sockeye.now()
    running:signal "INT"
    local _, at = running:line "closed%s+(%S+)"
    local result = running:wait()
    assert.equal(1, result.status)
    assert.matches("interrupted!", result.stderr)
    assert.is_true(tonumber(at) - start < 0.1)
  end)

  it("ends run though tasks never wait", function()
    local running <close> = process.start_lua([[
      local sockeye = require "sockeye"
      io.stdout:setvbuf("line")
      sockeye.run(function()
        local u = sockeye.socket("inet", "dgram"):bind("127.0.0.1:0")
        local name = u:getsockname()
        print("ready")
        while true do
          u:sendto("x", name)
          u:recv(1)
        end
      end)
    ]], { timeout = 20 })
    running:line "ready"
    running:signal "INT"
    local result = running:wait()
    assert.equal(1, result.status)
    assert.matches("interrupted!", result.stderr)
  end)
end)

describe("a debugger's hook", function()
  descriptors.guard()

  it("on every instruction stays in place while a handler runs", function()
    local events = 0
    local function hook() events = events + 1 end
    local before = table.pack(debug.gethook())
    local a, b = sockeye.socketpair()
    local signal = fork.interrupt("USR1", function() b:send("x") end)
    debug.sethook(hook, "crl", 1)
    coroutine.wrap(function() a:recv(1) end)()
    local after, mask, count = debug.gethook()
    debug.sethook(table.unpack(before, 1, 3))
    debug.getmetatable(signal).__close(signal)
    a:close()
    b:close()
    assert.are.equal(hook, after)
    assert.are.equal("crl", mask)
    assert.are.equal(1, count)
    assert.is_true(events > 0)
  end)
end)
