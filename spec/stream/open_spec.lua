local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local loops = require "spec.support.loops"
local programs = require "spec.support.process"
local worlds = require "spec.support.worlds"

local stream <const> = sockeye.stream

-- A name that nothing has, and which is removed with the variable.
local function temporary()
  local path = os.tmpname()
  return setmetatable({ path = path }, {
    __close = function() os.remove(path) end,
  })
end

local function fifo()
  local file = temporary()
  os.remove(file.path)
  assert(os.execute("mkfifo " .. file.path))
  return file
end

local function in_tasks(name, f)
  for _, poller in ipairs(loops.pollers) do
    it(name .. ", by " .. poller, function()
      sockeye.run({ poller = poller }, f)
    end)
  end
end

describe("a stream of a Lua file", function()
  descriptors.guard()

  worlds.it("reads what io.popen's program writes, and closes it", function()
    local s = stream(io.popen "echo one; echo two; exit 3")
    assert.same({ "one", "two", nil }, { s:read("l", "l", "l") })
    assert.same({ "exit", 3 }, { s:close() })
    assert.same({}, { s:close() })
  end)

  worlds.it("writes to io.popen's program, whose end closing it reports",
            function()
    local path <close> = temporary()
    local s = stream(io.popen("cat >" .. path.path .. "; kill -9 $$", "w"))
    local text <const> = ("0123456789"):rep(30000)
    s:write(text)
    assert.same({ "signal", 9 }, { s:close() })
    local file <close> = assert(io.open(path.path))
    assert.equal(text, file:read "a")
  end)

  -- How the process ends, or the stream.
  local ends = {
    ["os.exit in a task"] = "S.run(function() write() os.exit(0, true) end)",
    ["os.exit"] = "write() os.exit(0, true)",
    ["the end of the script in a task"] = "S.run(function() write() end)",
    ["the end of the script"] = "write()",
    ["its collection in a task"] = [[
      S.run(function()
        write()
        collectgarbage()
        collectgarbage()
        os.exit(0)
      end)]],
  }
  local sources = {
    ["a file"] = "io.stdout", ["a number"] = "1",
    ["io.popen"] = "io.popen('cat', 'w')",
  }
  for ending, code in pairs(ends) do
    for source, expression in pairs(sources) do
      it(("sends what was written at %s: %s"):format(ending, source),
         function()
        local result = programs.lua_script(([[
          local S = require "sockeye"
          local function write()
            S.stream(%s):setvbuf("full"):write("written\n")
          end
          %s
        ]]):format(expression, code), {})
        assert.same({ "written\n", "", 0 },
                    { result.stdout, result.stderr, result.status })
      end)
    end
  end

  in_tasks("lets other tasks run while it waits", function()
    local gate <close> = fifo()
    local s <close> = stream(io.popen("read x <" .. gate.path .. "; echo x"))
    local turns = 0
    local t = sockeye.spawn(function()
      for _ = 1, 6 do
        sockeye.sleep(0.001)
        turns = turns + 1
      end
      local file <close> = assert(io.open(gate.path, "w"))
      file:write "open\n"
    end)
    assert.equal("x", s:read())
    assert.equal(6, turns)
    t:join()
  end)

  worlds.it("waits with a time-out, and loses nothing", function()
    local path <close> = fifo()
    local s <close> = stream(assert(io.open(path.path, "r+")))
    s:settimeout(0.02)
    errors.raised("ETIMEDOUT", "read", s.read, s)
    s:write "li":flush()
    errors.raised("ETIMEDOUT", "read", s.read, s)
    s:write "ne\n":flush()
    assert.equal("line", s:read())
  end)

  worlds.it("waits to write, with a time-out", function()
    local path <close> = fifo()
    local s = stream(assert(io.open(path.path, "r+")))
    s:settimeout(0.02):setvbuf "no"
    local err = errors.raised("ETIMEDOUT", "write", s.write, s,
                              ("x"):rep(1 << 20))
    assert.is_true(err.sent > 0 and err.sent < 1 << 20)
    errors.raised("ETIMEDOUT", "close", s.close, s)
    errors.raised("EBADF", "read", s.read, s)
  end)

  it("keeps the file, which it closes", function()
    local path <close> = temporary()
    local file = assert(io.open(path.path, "w"))
    local s = stream(file)
    collectgarbage()
    s:write "x":close()
    assert.equal("closed file", io.type(file))
  end)

  it("goes on when the file is closed", function()
    local path <close> = fifo()
    local file = assert(io.open(path.path, "r+"))
    local s <close> = stream(file)
    file:close()
    s:write "x\n"
    assert.equal("x", s:read())
  end)

  it("leaves the standard files open", function()
    local s = stream(io.stdout)
    s:close()
    assert.equal("file", io.type(io.stdout))
    io.stdout:write ""
  end)

  it("closes the file while an error passes, too", function()
    local file = io.popen "echo x"
    local ok, err = pcall(function()
      local _ <close> = stream(file)
      error("passes", 0)
    end)
    assert.same({ false, "passes" }, { ok, err })
    assert.equal("closed file", io.type(file))
  end)

  it("never sets O_NONBLOCK, which others share", function()
    local text = programs.lua_script([[
      local sockeye = require "sockeye"
      sockeye.run(function()
        local s = sockeye.stream(io.stdin)
        s:settimeout(0.01)
        assert(not pcall(s.read, s))
        local o = sockeye.stream(io.stdout)
        o:write(tostring(s:socket():fcntl "O_NONBLOCK"), " ",
                tostring(o:socket():fcntl "O_NONBLOCK"), "\n"):close()
      end)
    ]], { prefix = { "sh", "-c", 'sleep 5 | "$@"', "sh" } }).stdout
    assert.equal("false false\n", text)
  end)

  it("can be of a terminal", function()
    if not programs.available "script" then
      return pending "script is not installed"
    end
    local path <close> = temporary()
    do
      local file <close> = assert(io.open(path.path, "w"))
      file:write [[
        local sockeye = require "sockeye"
        sockeye.run(function()
          local s = sockeye.stream(assert(io.open("/dev/tty", "r+")))
          s:settimeout(0.02)
          assert(not pcall(s.read, s))
          s:settimeout(10)
          s:write "ready\n":flush()
          s:write("got ", s:read(), "\n"):flush()
        end)
      ]]
    end
    local p <close> = sockeye.process {
      "script", "-qec", programs.lua .. " " .. path.path, "/dev/null",
      stdin = "pipe", stdout = "pipe",
    }
    assert.matches("^ready", p.stdout:settimeout(20):read())
    p.stdin:write "line\n":flush()
    assert.matches("got line", p.stdout:read "a")
  end)

  -- ---- what is always ready ----

  in_tasks("may be a regular file, larger than any buffer", function()
    local path <close> = temporary()
    local text <const> = ("0123456789abcdef"):rep(1 << 16)
    local s = stream(assert(io.open(path.path, "w")))
    s:setvbuf("auto", 1 << 21)
    s:write(text)
    sockeye.sleep(0.001)
    s:close()
    local r <close> = stream(assert(io.open(path.path)))
    r:settimeout(1)
    assert.equal(text, r:read "a")
    assert.is_nil(r:read())
  end)

  in_tasks("may be a device that cannot be waited for", function()
    local null <close> = stream(assert(io.open("/dev/null", "w")))
    null:setvbuf("auto", 1 << 21):write(("x"):rep(1 << 20))
    sockeye.sleep(0.001)
    null:flush()
    local zero <close> = stream(assert(io.open "/dev/zero"))
    assert.equal(("\0"):rep(100000), zero:read(100000))
  end)

  -- ---- descriptors ----

  worlds.it("or of a descriptor, which it owns", function()
    local r, w <close> = sockeye.pipe()
    local number <const> = r:detach()
    local s = stream(number)
    assert.equal(number, s:fd())
    w:write "data"
    assert.equal("data", s:read_some())
    s:close()
    errors.raised("EPIPE", "write", w.write, w, "x")
    errors.raised("EBADF", "stream", stream, number)
  end)

  it("of a descriptor that is a socket is one of the socket", function()
    local a, b <close> = sockeye.socketpair()
    local s <close> = stream(a:detach())
    s:write "x":shutdown "wr"
    assert.equal("x", b:recv(10))
    assert.is_nil(b:recv(10))
  end)

  it("leaves a descriptor to the caller if it cannot be made", function()
    local a <close>, b = sockeye.socketpair()
    b:close()
    errors.rejected("out of range", stream, -1)
    errors.rejected("out of range", stream, 1 << 31)
    errors.rejected("integer", stream, 1.5)
    errors.raised("EBADF", "stream", stream, 999999)
    local file = assert(io.open "/dev/null")
    file:close()
    errors.raised("EBADF", "stream", stream, file)
    assert.is_true(a:fd() >= 0)
  end)

  it("may be made and closed again and again of one open file", function()
    sockeye.run({ poller = "epoll" }, function()
      local path <close> = fifo()
      local keeper <close> = assert(io.open(path.path, "r+"))
      for i = 1, 100 do
        local s <close> = stream(assert(io.open(path.path, "r+")))
        s:settimeout(0.001)
        errors.raised("ETIMEDOUT", "read", s.read, s)
        s:write(i, "\n"):flush()
        assert.equal(tostring(i), s:read())
      end
      assert.is_truthy(keeper)
    end)
  end)
end)

describe("a pipe that a stream writes to", function()
  descriptors.guard()

  in_tasks("is filled as fast as it is emptied", function()
    local p <close> = sockeye.process { "cat", stdin = "pipe",
                                        stdout = "null" }
    local text <const> = ("x"):rep(1 << 20)
    local before = sockeye.now()
    for _ = 1, 50 do p.stdin:write(text) end
    p.stdin:close()
    p:wait()
    -- With a rest after each piece it would take half a minute.
    assert.is_true(sockeye.now() - before < 5)
  end)
end)
