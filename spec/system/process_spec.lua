local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"

local self <const> = sockeye.getpid()

local function temporary(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

-- A child that waits to be ended by a signal.
local function idle_child()
  return fork.child(function()
    while true do sockeye.sleep(60) end
  end)
end

describe("fork", function()
  descriptors.guard()

  it("returns the child's id in the parent and 0 in the child", function()
    local out = fork.output(function()
      io.write(sockeye.getpid(), " ", sockeye.getppid())
      io.flush()
    end)
    local child, parent = out:match("^(%d+) (%d+)$")
    assert.are.equal(self, math.tointeger(tonumber(parent)))
    assert.are_not.equal(self, math.tointeger(tonumber(child)))
    local pid = sockeye.fork()
    if pid == 0 then sockeye._exit(5) end
    assert.are.equal("integer", math.type(pid))
    assert.are.same({ pid, "exit", 5 }, { sockeye.waitpid(pid) })
  end)

  it("shares the offset of an open file", function()
    local path = temporary("onetwo")
    local file <close> = assert(io.open(path))
    os.remove(path)
    local fd = sockeye.dup2(file, 100)
    local s <close> = sockeye.adopt(fd)
    fork.reap(fork.child(function() assert(s:read(3) == "one") end))
    assert.are.equal("two", s:read(3))
  end)

  it("shares O_NONBLOCK, but not FD_CLOEXEC", function()
    local a <close>, b = sockeye.socketpair()
    b:close()
    fork.reap(fork.child(function()
      a:fcntl("O_NONBLOCK", true)
      a:fcntl("FD_CLOEXEC", false)
    end))
    assert.is_true(a:fcntl("O_NONBLOCK"))
    assert.is_true(a:fcntl("FD_CLOEXEC"))
  end)

  it("leaves the child's descriptors open when the parent closes its own",
     function()
    local a <close>, b = sockeye.socketpair()
    local child = fork.child(function()
      a:close()
      assert(b:recv(2) == "go")
      b:send("done")
    end)
    b:close()
    a:send("go")
    assert.are.equal("done", a:recv(4))
    assert.is_nil(a:recv(4))
    fork.reap(child)
  end)

  it("raises the system's error #ptrace", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local ok, err = pcall(sockeye.fork)
      if ok and err == 0 then sockeye._exit(0) end
      print(ok or err.code, ok or err.call)
    ]], { prefix = { "sh", "-c", 'exec strace -qq -o /dev/null ' ..
      '-e inject=clone,clone3,fork:error=EAGAIN "$@"', "sh" } })
    if result.status ~= 0 then return pending "strace may not trace here" end
    assert.are.equal("EAGAIN\tfork\n", result.stdout)
  end)
end)

describe("waitpid", function()
  descriptors.guard()

  it("waits for any child", function()
    local children = {}
    for i = 1, 3 do
      local pid = sockeye.fork()
      if pid == 0 then sockeye._exit(i) end
      children[pid] = i
    end
    for _ = 1, 3 do
      local pid, how, status = sockeye.waitpid()
      assert.are.equal("exit", how)
      assert.are.equal(children[pid], status)
      children[pid] = nil
    end
    assert.are.same({}, children)
    errors.raised("ECHILD", "waitpid", sockeye.waitpid)
    errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
  end)

  for _, arguments in ipairs { {}, { -1 }, { -1, "untraced" } } do
    it("ends at a deadline outside of tasks, given " .. #arguments, function()
      local pid = idle_child()
      local err = errors.raised("ETIMEDOUT", "waitpid", sockeye.timeout, 0.05,
                                sockeye.waitpid, arguments[1] or pid,
                                arguments[2])
      assert.is_true(err.timeout)
      sockeye.kill(pid, "KILL")
      assert.are.equal(pid, sockeye.timeout(20, sockeye.waitpid, pid))
    end)
  end

  it("does not wait with nohang", function()
    local pid = idle_child()
    assert.are.same({ false }, { sockeye.waitpid(pid, "nohang") })
    sockeye.kill(pid, "KILL")
    assert.are.equal(pid, sockeye.waitpid(pid))
  end)

  it("waits for children of its process group with 0", function()
    local pid = fork.child(function() end)
    assert.are.same({ pid, "exit", 0 }, { sockeye.waitpid(0) })
  end)

  for what, arguments in pairs {
    ["a pid out of range"] = { 1 << 31 },
    ["a name as pid"] = { "one" },
    ["an unknown option"] = { -1, "nohangs" },
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument", sockeye.waitpid,
                      table.unpack(arguments))
    end)
  end

  it("finds nothing if SIGCHLD is ignored, and no zombie", function()
    sockeye.signal("CHLD", "ignore")
    local pid = fork.child(function() end)
    errors.raised("ECHILD", "waitpid", sockeye.waitpid, pid)
    sockeye.signal("CHLD", "default")
    assert.is_nil(fork.state(pid))
  end)

  it("in a handler of SIGCHLD leaves no zombie", function()
    local ended, children = 0, {}
    local before = sockeye.signal("CHLD", function()
      while true do
        local ok, pid = pcall(sockeye.waitpid, -1, "nohang")
        if not ok or not pid then return end
        ended = ended + 1
      end
    end)
    for i = 1, 10 do children[i] = fork.child(function() end) end
    local deadline = sockeye.now() + 20
    while ended < 10 and sockeye.now() < deadline do sockeye.sleep(0.01) end
    sockeye.signal("CHLD", before)
    for _, pid in ipairs(children) do assert.is_nil(fork.state(pid)) end
  end)
end)

describe("kill", function()
  it("only checks the process, with signal 0", function()
    sockeye.kill(self, 0)
    local pid = fork.child(function() end)
    fork.reap(pid)
    local err = errors.raised("ESRCH", "kill", sockeye.kill, pid, 0)
    assert.are.equal(pid, err.subject)
  end)

  for what, arguments in pairs {
    ["no signal"] = { self },
    ["an unknown signal"] = { self, "TRM" },
    ["a number beyond all signals"] = { self, 1000 },
    ["a negative number"] = { self, -1 },
    ["a pid out of range"] = { 1 << 40, "TERM" },
    ["a name as pid"] = { "one", "TERM" },
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument", sockeye.kill, table.unpack(arguments))
    end)
  end
end)

describe("pipe", function()
  descriptors.guard()

  it("carries bytes from one end to the other until it is closed", function()
    local r <close>, w = sockeye.pipe()
    assert.are.equal(6, w:write("a\0b\r\n\255"))
    w:close()
    assert.are.equal("a\0b\r\n\255", r:read(100))
    assert.is_nil(r:read(100))
  end)

  it("waits no longer than its time-out", function()
    local r <close>, w = sockeye.pipe()
    r:settimeout(0)
    assert.is_false(r:read(1))
    r:settimeout(0.01)
    assert.is_true(errors.raised("ETIMEDOUT", "read", r.read, r, 1).timeout)
    w:close()
  end)

  local limited <const> = {
    prefix = { "sh", "-c", 'ulimit -n 40; exec "$@"', "sh" },
  }

  it("collects descriptors that nothing refers to", function()
    local result = process.lua_script([[
      collectgarbage "stop"
      local sockeye = require "sockeye"
      for _ = 1, 200 do sockeye.pipe() end
      print "ok"
    ]], limited)
    assert.are.equal("ok\n", result.stdout)
  end)

  it("raises EMFILE if there are none", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local kept = {}
      local ok, err
      repeat
        ok, err = pcall(function() kept[#kept + 1] = {sockeye.pipe()} end)
      until not ok
      print(err.code, err.call)
    ]], limited)
    assert.are.equal("EMFILE\tpipe\n", result.stdout)
  end)
end)

describe("dup2", function()
  descriptors.guard()

  it("gives an open file another number, which outlives exec", function()
    local a <close>, b = sockeye.socketpair()
    assert.are.equal(100, sockeye.dup2(b, 100))
    b:close()
    local copy <close> = sockeye.adopt(100)
    assert.is_true(copy:fcntl("FD_CLOEXEC"))
    sockeye.dup2(copy, 100)
    assert.is_false(copy:fcntl("FD_CLOEXEC"))
    copy:send("x")
    assert.are.equal("x", a:recv(1))
  end)

  it("accepts sockets, files and numbers", function()
    local file <close> = assert(io.tmpfile())
    local r <close>, w = sockeye.pipe()
    for _, old in ipairs { w, file, w:fd() } do
      assert.are.equal(100, sockeye.dup2(old, 100))
    end
    local copy <close> = sockeye.adopt(100)
    copy:write("x")
    w:close()
    assert.are.equal("x", r:read(1))
  end)

  it("raises EBADF", function()
    local a, b = sockeye.socketpair()
    a:close()
    errors.raised("EBADF", "dup2", sockeye.dup2, a, 100)
    errors.raised("EBADF", "dup2", sockeye.dup2, 99, 100)
    errors.raised("EBADF", "dup2", sockeye.dup2, 99, 99)
    errors.raised("EBADF", "dup2", sockeye.dup2, b, 0x7fffffff)
    b:close()
  end)

  -- What a socket knows of its own descriptor is wrong after that.
  it("may put another kind of socket behind a socket's number", function()
    local l <close> = sockeye.listen "127.0.0.1:0"
    local path = os.tmpname()
    os.remove(path)
    local u <close> = sockeye.listen("unix:" .. path)
    sockeye.dup2(u, l:fd())
    local c <close> = sockeye.socket("unix", "stream")
    c:bind("unix:\0" .. path .. ("x"):rep(40)):connect("unix:" .. path)
    local a, peer = l:accept()
    assert.equal(c:getsockname(), peer)
    assert.equal("unix", a:getsockopt "SO_DOMAIN")
    assert.matches("^socket%(unix stream", tostring(a))
    a:close()
    os.remove(path)
  end)

  -- TCP discards what a datagram socket asks the length of.
  for _, flags in ipairs { "", "trunc", "peek trunc" } do
    for _, method in ipairs { "recv", "recvfrom", "recvmsg" } do
      it(("shows no memory as data: %s, %q"):format(method, flags), function()
        local l <close> = sockeye.listen "127.0.0.1:0"
        local c <close> = sockeye.socket("inet", "stream")
        c:connect(l:getsockname())
        local a = l:accept()
        for _, make in ipairs {
          function() return sockeye.socket("inet", "dgram") end,
          function() return (sockeye.socketpair()) end,
        } do
          local s <close> = make()
          sockeye.dup2(a, s:fd())
          c:send(("A"):rep(100))
          sockeye.wait(s)
          local data = method == "recvmsg" and
            s:recvmsg({ iov = 100, flags = flags }).data or
            method ~= "recvmsg" and s[method](s, 100, flags)
          assert.equal(("A"):rep(#data), data)
          if flags == "" then assert.equal(100, #data) end
          s:recv(1000, "dontwait")
        end
        a:close()
      end)
    end
  end

  for what, arguments in pairs {
    ["nothing"] = {},
    ["a negative number"] = { 0, -1 },
    ["a number out of range"] = { 0, 1 << 31 },
    ["a negative old one"] = { -1, 100 },
    ["a name"] = { "stdin", 100 },
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument", sockeye.dup2,
                      table.unpack(arguments))
    end)
  end
end)

describe("_exit", function()
  it("runs no more of the script", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      io.stdout:setvbuf("full")
      io.write("never written")
      local t <close> = setmetatable({}, {__close = print, __gc = print})
      sockeye._exit(3)
    ]]
    assert.are.equal("", result.stdout)
    assert.are.equal(3, result.status)
  end)

  it("exits with 0 by default, and rejects a status out of range", function()
    assert.are.equal(0, process.lua_script(
      'require "sockeye"._exit()').status)
    for _, status in ipairs { -1, 256, "x", 1.5 } do
      errors.rejected("bad argument #1", sockeye._exit, status)
    end
  end)
end)
