-- Scripts that resume or close the coroutine of a task, or one that waits in a
-- task, by hand: they get an error, and the process goes on.

local process = require "spec.support.process"
local sorted = require "spec.support.sorted"

-- Each waits in a task; `co` is the coroutine that waits.
local waits = {
  recv = "local a, b = sockeye.socketpair() a:recv(1)",
  accept = "local l = sockeye.listen '127.0.0.1:0' l:accept()",
  sendall = [[local a, b = sockeye.socketpair()
              a:sendall(('x'):rep(1 << 10):rep(1 << 12))]],
  recvmsg = "local a, b = sockeye.socketpair() a:recvmsg { iov = { 10 } }",
  read = "local a, b = sockeye.socketpair() sockeye.stream(a):read 'l'",
  write = [[local a, b = sockeye.socketpair()
            local s = sockeye.stream(a)
            s:write(('x'):rep(1 << 10):rep(1 << 12))
            s:flush()]],
  splice = [[local a, b = sockeye.socketpair()
             local c, d = sockeye.socketpair()
             sockeye.splice(a, c, 10)]],
  poll = "local a, b = sockeye.socketpair() sockeye.poll { [a] = 'r' }",
  wait = "local a, b = sockeye.socketpair() sockeye.wait(a)",
  sleep = "sockeye.sleep(0.05)",
  yield = "for _ = 1, 50 do sockeye.yield() end",
  plain_yield = "for _ = 1, 50 do coroutine.yield() end",
  get = "sockeye.channel():get()",
  join = "sockeye.spawn(sockeye.sleep, 0.05):join()",
  group = "sockeye.group(function(g) g:spawn(sockeye.sleep, 0.05) end)",
  waitpid = "sockeye.waitpid(child)",
  resolve = "for _ = 1, 20 do sockeye.resolve('localhost', 80) end",
  pipe = [[local a, b = sockeye.socketpair()
           local c, d = sockeye.socketpair()
           sockeye.pipe(a, c)]],
}

-- What is done to the coroutine.
local deeds = {
  resume = "print(coroutine.resume(co, 1, 2, 3))",
  ["sockeye.resume"] = "print(sockeye.resume(co, 1, 2, 3))",
  wrap = "print(pcall(coroutine.wrap(function() return coroutine.resume(co) "
    .. "end)))",
  close = "print(coroutine.close(co))",
  ["resume and close"] = "coroutine.resume(co) print(coroutine.close(co))",
  twice = "coroutine.resume(co) print(coroutine.resume(co))",
}

local script <const> = [[
  local sockeye = require "sockeye"
  local child = sockeye.fork()
  if child == 0 then
    sockeye.sleep(10)
    os.exit(0)
  end
  local f = assert(load("local sockeye, child = ... " .. wait_text))
  local inner
  -- It is the task's own coroutine that waits, or one in there.
  local function body(nested)
    local function wait()
      inner = coroutine.running()
      f(sockeye, child)
    end
    if nested then return sockeye.wrap(wait)() end
    return wait()
  end
  local function attempt(deed, nested)
    -- In another task.
    pcall(sockeye.run, function()
      local task = sockeye.spawn(body, nested)
      sockeye.sleep(0.001)
      pcall(deed, sockeye, inner)
      collectgarbage()
      task:cancel()
      pcall(task.join, task)
    end)
    pcall(deed, sockeye, inner)
    -- Between the steps of a loop.
    local loop = sockeye.loop(function()
      local task = sockeye.spawn(body, nested)
      sockeye.sleep(0.002)
      task:cancel()
    end)
    loop:step()
    pcall(deed, sockeye, inner)
    collectgarbage()
    for _ = 1, 5 do
      if not pcall(loop.step, loop, 0.001) then break end
    end
    loop:close()
    pcall(deed, sockeye, inner)
    collectgarbage()
  end
  for _, text in ipairs(deeds) do
    local deed = assert(load("local sockeye, co = ... " .. text))
    attempt(deed, false)
    attempt(deed, true)
  end
  sockeye.kill(child, "KILL")
  print "survived"
]]

local function list_of(texts)
  local list = {}
  for _, text in sorted(texts) do list[#list + 1] = ("%q"):format(text) end
  return table.concat(list, ", ")
end

for _, poller in ipairs { "epoll", "poll" } do
  describe("a coroutine that waits in a task, with " .. poller, function()
    for name, wait in sorted(waits) do
      it("is resumed and closed by hand without harm in " .. name, function()
        local result = process.lua_script(
          ("local wait_text, deeds = %q, { %s }\n%s"):format(
            wait, list_of(deeds), script),
          { timeout = 20, env = { SOCKEYE_POLLER = poller } })
        assert.equal(0, result.status, result.stderr)
        assert.matches("survived\n$", result.stdout)
      end)
    end
  end)
end

describe("resuming a task's coroutine by hand", function()
  local sockeye = require "sockeye"

  it("raises an error that says so, and the task fails with it", function()
    local ok, err, status
    sockeye.run(function()
      local co
      local task = sockeye.spawn(function()
        co = coroutine.running()
        sockeye.sleep(100)
      end)
      sockeye.yield()
      ok, err = coroutine.resume(co)
      pcall(task.join, task)
      status = task:status()
    end)
    assert.is_false(ok)
    assert.matches("only the task's loop resumes it", tostring(err))
    assert.equal("failed", status)
  end)

  it("lets the loop be stepped and closed inside of it", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local co, loop
      local function body()
        co = coroutine.running()
        coroutine.yield()
        for _ = 1, 3 do loop:step() end
        loop:close()
        collectgarbage()
        return "ended"
      end
      loop = sockeye.loop(function() sockeye.spawn(body) sockeye.sleep(100) end)
      loop:step()
      loop:step()
      print(coroutine.resume(co))
      co = nil
      collectgarbage()
      print "survived"
    ]])
    assert.equal("true\tended\nsurvived\n", result.stdout, result.stderr)
  end)
end)

describe("a group", function()
  local sockeye = require "sockeye"
  local primitives = require("sockeye.core").primitives

  it("is finished only once, and in a task", function()
    sockeye.run(function()
      local group = primitives.group()
      primitives.finish_group(group, true)
      assert.is_false(pcall(primitives.finish_group, group, true))
    end)
    assert.is_false(pcall(primitives.finish_group,
                          sockeye.run(function() return primitives.group() end),
                          true))
  end)
end)
