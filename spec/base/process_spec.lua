local sockeye = require "sockeye"

local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"
local streams = require "spec.support.streams"

local forker = assert(package.loadlib("./build/spec/forker.so",
                                      "luaopen_forker"))()

-- How a process comes to be: each forks children, the last of which calls f.
-- All end well, or the first one fails.
local function child_by(make, f)
  io.stdout:flush()
  local pid = make()
  if pid == 0 then sockeye._exit(pcall(f) and 0 or 1) end
  return fork.reap(pid)
end

local forks = {
  ["sockeye.fork"] = function(f) child_by(sockeye.fork, f) end,
  ["another library"] = function(f) child_by(forker.fork, f) end,
  ["both in turn"] = function(f)
    child_by(sockeye.fork, function() child_by(forker.fork, f) end)
  end,
  ["another library twice"] = function(f)
    child_by(forker.fork, function() child_by(forker.fork, f) end)
  end,
}

describe("a child forked by", function()
  streams.guard()

  for how, in_child in sorted(forks) do
    it(("%s leaves to its parent what that has written"):format(how), function()
      local conn, peer = streams.pair()
      conn:setvbuf("full"):write "parent\n"
      in_child(function()
        conn:write "child\n"
        conn:close()
      end)
      conn:close()
      assert.equal("child\nparent\n", sockets.read_all(peer))
    end)

    it(("%s leaves to its parent what waits in a task"):format(how), function()
      local conn, peer = streams.pair()
      sockeye.run(function()
        conn:write "parent\n"
        in_child(function() conn:flush() end)
      end)
      conn:close()
      assert.equal("parent\n", sockets.read_all(peer))
    end)

    it(("%s waits for what it has opened itself"):format(how), function()
      local conn, peer = streams.pair()
      sockeye.run(function()
        in_child(function()
          local a, b = sockets.unix()
          b:send "x"
          assert(a:recv(1) == "x")
          conn:write "child\n":flush()
        end)
      end)
      conn:close()
      assert.equal("child\n", sockets.read_all(peer))
    end)
  end
end)
