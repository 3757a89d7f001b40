-- A stream that is closed while other tasks write to it.

local sockeye = require "sockeye"

local closing = require "spec.support.closing_waits"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

local run, spawn, yield = sockeye.run, sockeye.spawn, sockeye.yield

local long <const> = ("x"):rep(1000000) -- more than a pipe or a socket takes

local pairs_of = {
  socket = sockeye.socketpair,
  pipe = sockeye.pipe,
}

local writing = {
  write = function(s) s:write(long):flush() end,
  flush = function(s) s:setvbuf("full", #long + 1):write(long):flush() end,
  shutdown = function(s)
    s:setvbuf("full", #long + 1):write(long):shutdown "wr"
  end,
  sendfile = function(s)
    local file <close> = io.tmpfile()
    file:write(long)
    file:seek "set"
    s:sendfile(file)
  end,
}

for kind, pair in pairs(pairs_of) do
  describe(("a stream of a %s"):format(kind), function()
    descriptors.guard()

    for call, write in pairs(writing) do
      if kind == "pipe" and (call == "sendfile" or call == "shutdown") then
        goto continue
      end
      it(("is closed beside a task that waits in %s"):format(call), function()
        run(function()
          local r <close>, w = pair()
          local s = sockeye.stream(w)
          local writer = spawn(pcall, write, s)
          yield()
          assert.equal("waiting", writer:status())
          s:close()
          errors.closed(call, function()
            local ok, err = writer:join()
            if not ok then error(err, 0) end
          end)
          errors.raised("EBADF", "write", s.write, s, "x")
          assert.is_truthy(r)
        end)
      end)
      ::continue::
    end

    it("is left by <close> beside a task that writes", function()
      local possible, reason = closing.may_wait()
      if not possible then return pending(reason) end
      run(function()
        local r <close>, w = pair()
        local writer
        local result = (function()
          local s <close> = sockeye.stream(w)
          writer = spawn(pcall, writing.write, s)
          yield()
          return "result"
        end)()
        assert.equal("result", result)
        local _, err = writer:join()
        assert.equal("EBADF", err.code)
        assert.is_true(err.closed)
        assert.is_truthy(r)
      end)
    end)

    it("sends what another task was to send before it sleeps", function()
      run(function()
        local r <close>, w = pair()
        local s = sockeye.stream(w):setvbuf("auto", #long + 1)
        local sleeper = spawn(function()
          s:write(long)
          sockeye.sleep(0.001)
          return "slept"
        end)
        yield()
        local closer = spawn(s.close, s)
        assert.equal(long, sockeye.stream(r):read "a")
        closer:join()
        assert.equal("slept", sleeper:join())
      end)
    end)

    it("is closed beside a task that closes it and has to wait", function()
      run(function()
        local r <close>, w = pair()
        local s = sockeye.stream(w):setvbuf("full", #long + 1):write(long)
        local closer = spawn(pcall, s.close, s)
        yield()
        s:close()
        local ok, err = closer:join()
        assert.is_false(ok)
        assert.equal("EBADF", err.code)
        assert.equal("close", err.call)
        assert.is_true(err.closed)
        assert.is_truthy(r)
      end)
    end)

    it("takes no more while it is being closed", function()
      run(function()
        local r <close>, w = pair()
        local s = sockeye.stream(w):setvbuf("full", #long + 1):write(long)
        local closer = spawn(s.close, s)
        yield()
        errors.raised("EBADF", "write", s.write, s, "more")
        errors.raised("EBADF", "flush", s.flush, s)
        assert.equal(long, sockeye.stream(r):read "a")
        closer:join()
      end)
    end)
  end)
end

describe("a stream that is closed", function()
  descriptors.guard()

  it("lets the task that was to send its output wait for another's", function()
    run(function()
      local r <close>, w = sockeye.pipe()
      local s = sockeye.stream(w):setvbuf("auto", #long + 1)
      local a, b = sockeye.socketpair()
      local reader = spawn(function()
        s:write(long)
        return a:recv(1)
      end)
      yield()
      local closer = spawn(s.close, s)
      yield()
      b:send "x"
      assert.equal("x", reader:join())
      assert.equal("waiting", closer:status())
      assert.equal(long, sockeye.stream(r):read "a")
      closer:join()
      a:close()
      b:close()
    end)
  end)
end)
