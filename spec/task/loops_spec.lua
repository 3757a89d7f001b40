local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"
local threads = require "spec.support.threads"

-- Where the parts of a state's life go on.
local places = {
  ["the first thread"] = function(state, script)
    assert.is_nil(state:run(script))
  end,
  ["another thread"] = function(state, script)
    assert.is_nil(state:start(script)())
  end,
}

local function close(state, place)
  if place == "another thread" then state:start_close()() return end
  state:close()
end

-- A loop with a task for each kind of wait, and what another thread does then.
local creates <const> = [[
  sockeye = require "sockeye"
  a, b = sockeye.socketpair()
  loop = sockeye.loop({ poller = %q }, function()
    local poll = sockeye.spawn(function()
      return (select(2, pcall(sockeye.poll, { [b] = "r" })))
    end)
    local read = sockeye.spawn(function()
      return (select(2, pcall(a.recv, a, 1)))
    end)
    return poll:join(), read:join()
  end)
  assert(loop:step())
  assert(loop:step())
]]
local closes <const> = [[
  a:close()
  b:close()
  local more, poll, read
  for _ = 1, 100 do
    more, poll, read = loop:step(0.1)
    if not more then break end
  end
  assert(not more)
  assert(poll.code == "EBADF" and poll.closed, poll)
  assert(read.code == "EBADF" and read.closed, read)
]]
local replaces <const> = [[
  local c, d = sockeye.socketpair()
  sockeye.dup2(c, a:fd())
  d:send "x"
  local more, poll, read
  for _ = 1, 100 do
    more, poll, read = loop:step(0.1)
    if not more then break end
  end
  assert(not more)
  assert(read == "x", read)
]]
local forks <const> = [[
  local pid = sockeye.fork()
  if pid == 0 then
    local ok = pcall(function()
      local c, d = sockeye.socketpair()
      local other = sockeye.loop(function() return c:recv(1) end)
      other:step()
      a:close()
      b:close()
      loop:step()
    end)
    sockeye._exit(ok and 0 or 1)
  end
  local _, how, status = sockeye.waitpid(pid)
  assert(how == "exit" and status == 0)
  a:send "x"
  b:send "y"
  local more, poll, read
  for _ = 1, 100 do
    more, poll, read = loop:step(0.1)
    if not more then break end
  end
  assert(not more)
  assert(read == "y", read)
]]

describe("a loop whose Lua state goes from thread to thread", function()
  descriptors.guard()

  for _, poller in ipairs(loops.pollers) do
    for name, script in pairs { ["closes its sockets"] = closes,
                                ["replaces a descriptor"] = replaces,
                                ["forks"] = forks } do
      for first, begin in pairs(places) do
        for second, go_on in pairs(places) do
          for _, last in ipairs { "the first thread", "another thread" } do
            it(("begins in %s, %s in %s and ends in %s, by %s"):format(
               first, name, second, last, poller), function()
              local state = threads.state()
              begin(state, creates:format(poller))
              go_on(state, script)
              close(state, last)
              -- The loops of this thread are as they were.
              local a <close>, b = sockets.unix()
              sockeye.run({ poller = poller }, function()
                local t = sockeye.spawn(sockeye.poll, { [a] = "r" })
                sockeye.yield()
                b:send "x"
                assert.same({ [a] = "r" }, t:join())
              end)
              b:close()
            end)
          end
        end
      end
    end
  end

  it("may end with its state while tasks wait", function()
    for _, place in ipairs { "the first thread", "another thread" } do
      local state = threads.state()
      assert.is_nil(state:start(creates:format "epoll")())
      close(state, place)
      local loop <close> = sockeye.loop(function() sockeye.sleep(0) end)
      assert.is_true(loop:step())
    end
  end)
end)

describe("two Lua states in one thread", function()
  descriptors.guard()

  it("have loops of their own", function()
    local state <const> = threads.state()
    local loop <close> = sockeye.loop(function() sockeye.sleep(1) end)
    assert.is_true(loop:step())
    assert.is_nil(state:run(creates:format "epoll"))
    loop:close()
    assert.is_nil(state:run(closes))
    state:close()
  end)

  it("do not send each other's output", function()
    local state <const> = threads.state()
    sockeye.run(function()
      assert.is_nil(state:run [[
        local sockeye = require "sockeye"
        local a, b = sockeye.socketpair()
        local stream <close> = sockeye.stream(a)
        stream:write "x"
        assert(b:settimeout(0):recv(1) == "x")
        b:close()
      ]])
    end)
    state:close()
  end)

  it("do not see each other's tasks", function()
    local state <const> = threads.state()
    sockeye.run(function()
      assert.is_nil(state:run [[
        local sockeye = require "sockeye"
        assert(not pcall(sockeye.yield))
        assert(#sockeye.tasks() == 0)
        local a <close>, b = sockeye.socketpair()
        b:send "x"
        assert(a:recv(1) == "x")
        b:close()
        assert(sockeye.run(function()
          sockeye.sleep(0)
          return #sockeye.tasks()
        end) == 1)
      ]])
      assert.equal(1, #sockeye.tasks())
    end)
    state:close()
  end)
end)
