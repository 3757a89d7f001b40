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

  it("raises what the system says #ptrace", function()
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

describe("exec", function()
  descriptors.guard()

  local show <const> = 'for a in "$0" "$@"; do echo "[$a]"; done'

  for what, case in pairs {
    ["execv takes argv"] = {
      "[name]\n[one]\n[]\n[t w o]\n", "execv", "/bin/sh",
      { "sh", "-c", show, "name", "one", "", "t w o" },
    },
    ["execv takes argv[0] at the index 0"] = {
      "[name]\n[one]\n", "execv", "/bin/sh",
      { [0] = "sh", "-c", show, "name", "one" },
    },
    ["execvp looks in PATH"] = {
      "[name]\n", "execvp", "sh", { "sh", "-c", show, "name" },
    },
    ["execve replaces the environment by a table"] = {
      "A=1\nB=x=y\n", "execve", "/bin/sh",
      { "sh", "-c", "env | grep '^[AB]=' | sort" },
      { A = "1", B = "x=y", PATH = os.getenv "PATH" },
    },
    ["execve replaces the environment by a list"] = {
      "A=1\nB=\n", "execve", "/bin/sh",
      { "sh", "-c", "env | grep '^[AB]=' | sort" },
      { "A=1", "B=", "PATH=" .. os.getenv "PATH" },
    },
  } do
    it(what, function()
      local out, how, status = fork.output(function()
        sockeye[case[2]](table.unpack(case, 3))
      end)
      assert.are.equal(case[1], out)
      assert.are.same({ "exit", 0 }, { how, status })
    end)
  end

  it("gives the program the name that argv begins with", function()
    local out = fork.output(function()
      sockeye.execv("/bin/sh", { "a name", "-c",
        [[tr '\0' '|' </proc/$$/cmdline]] })
    end)
    assert.is_truthy(out:find("^a name|%-c|"))
  end)

  it("keeps the process id", function()
    local r <close>, w = sockeye.pipe()
    local pid = fork.child(function()
      sockeye.dup2(w, 1)
      sockeye.execvp("sh", { "sh", "-c", "echo $$" })
    end)
    w:close()
    assert.are.equal(pid .. "\n", r:read(100))
    fork.reap(pid)
  end)

  it("empties the environment with an empty table", function()
    local out = fork.output(function()
      sockeye.execve("/usr/bin/env", { "env" }, {})
    end)
    assert.are.equal("", out)
  end)

  for what, case in pairs {
    ["a file that does not exist"] = { "ENOENT", "/nowhere/to/be/found" },
    ["a folder"] = { "EACCES", "/tmp" },
    ["a path through a file"] = { "ENOTDIR", "/dev/null/program" },
  } do
    it("that fails for " .. what .. " leaves everything as it was", function()
      local function handler() end
      sockeye.signal("USR1", handler)
      for _, call in ipairs { "execv", "execvp", "execve" } do
        local err = descriptors.unchanged(errors.raised, case[1], call,
          sockeye[call], case[2], { "program" }, {})
        assert.are.equal(case[2], err.subject)
      end
      assert.are.equal(handler, sockeye.signal("USR1", "default"))
    end)
  end

  it("raises ENOEXEC", function()
    local path = temporary("neither a script nor a program\n")
    os.execute("chmod +x " .. path)
    errors.raised("ENOEXEC", "execv", sockeye.execv, path, { "program" })
    os.remove(path)
  end)

  it("raises E2BIG", function()
    if os.getenv "SOCKEYE_CHECKED" == "valgrind" then
      return pending "valgrind does not outlive an exec that fails so late"
    end
    errors.raised("E2BIG", "execv", sockeye.execv, "/bin/true",
                  { "true", ("x"):rep(1 << 24) })
  end)

  for what, case in pairs {
    ["no path"] = { "#1", "execv" },
    ["a zero in the path"] = { "#1", "execv", "/bin/\0sh", { "sh" } },
    ["a zero in the file"] = { "#1", "execvp", "\0sh", { "sh" } },
    ["no argv"] = { "#2", "execv", "/bin/true" },
    ["an empty argv"] = { "#2", "execv", "/bin/true", {} },
    ["a hole in argv"] = { "#2", "execv", "/bin/true", { "true", nil, "x" } },
    ["a number in argv"] = { "#2", "execvp", "true", { "true", 1 } },
    ["a zero in argv"] = { "#2", "execvp", "true", { "true", "a\0b" } },
    ["a number as argv[0]"] = { "#2", "execv", "/bin/true", { [0] = 1 } },
    ["no env"] = { "#3", "execve", "/bin/true", { "true" } },
    ["a number in env"] = { "#3", "execve", "/bin/true", { "true" },
                            { A = 1 } },
    ["an empty name in env"] = { "#3", "execve", "/bin/true", { "true" },
                                 { [""] = "x" } },
    ["an = in a name"] = { "#3", "execve", "/bin/true", { "true" },
                           { ["A="] = "x" } },
    ["a zero in a name"] = { "#3", "execve", "/bin/true", { "true" },
                             { ["A\0B"] = "x" } },
    ["a zero in a value"] = { "#3", "execve", "/bin/true", { "true" },
                              { A = "a\0b" } },
    ["an element without ="] = { "#3", "execve", "/bin/true", { "true" },
                                 { "A" } },
    ["a zero in an element"] = { "#3", "execve", "/bin/true", { "true" },
                                 { "A=a\0b" } },
    ["a number in a list"] = { "#3", "execve", "/bin/true", { "true" },
                               { 1 } },
    ["a boolean as name"] = { "#3", "execve", "/bin/true", { "true" },
                              { [true] = "x" } },
  } do
    it("rejects " .. what, function()
      errors.rejected("bad argument " .. case[1], sockeye[case[2]],
                      table.unpack(case, 3, 5))
    end)
  end
end)

describe("a descriptor", function()
  descriptors.guard()

  local makers = {
    socket = function() return { sockeye.socket("inet", "stream") } end,
    socketpair = function() return { sockeye.socketpair() } end,
    pipe = function() return { sockeye.pipe() } end,
    accept = function()
      local l = sockeye.socket("inet", "stream")
      l:bind("127.0.0.1:0")
      l:listen()
      local c = sockeye.socket("inet", "stream")
      c:connect(l:getsockname())
      return { (l:accept()), l, c }
    end,
    adopt = function()
      local r, w = sockeye.pipe()
      return { sockeye.adopt(sockeye.dup2(r, 100)), r, w }
    end,
  }

  -- Which of the sockets' descriptors another program finds open.
  local function inherited(sockets)
    local words = {}
    for i, s in ipairs(sockets) do words[i] = s:fd() end
    local out = fork.output(function()
      sockeye.execv("/bin/sh", { "sh", "-c",
        "for n in " .. table.concat(words, " ") ..
        "; do [ -e /proc/self/fd/$n ] && echo $n; done" })
    end)
    return out
  end

  for name, make in pairs(makers) do
    it(("of %s is closed by exec, unless that is cleared"):format(name),
       function()
      local sockets = make()
      assert.are.equal("", inherited(sockets))
      sockets[1]:fcntl("FD_CLOEXEC", false)
      assert.are.equal(sockets[1]:fd() .. "\n", inherited(sockets))
      for _, s in ipairs(sockets) do s:close() end
    end)
  end
end)

describe("waitpid", function()
  descriptors.guard()

  for _, status in ipairs { 0, 1, 127, 255 } do
    it("tells exit status " .. status, function()
      local pid = sockeye.fork()
      if pid == 0 then sockeye._exit(status) end
      assert.are.same({ pid, "exit", status }, { sockeye.waitpid(pid) })
      assert.is_nil(fork.state(pid))
    end)
  end

  for _, name in ipairs { "KILL", "TERM", "ABRT" } do
    it("tells an end by SIG" .. name, function()
      local pid = idle_child()
      sockeye.kill(pid, name)
      assert.are.same({ pid, "signal", sockeye["SIG" .. name] },
                      { sockeye.waitpid(pid) })
    end)
  end

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

  it("does not wait with nohang", function()
    local pid = idle_child()
    assert.are.same({ false }, { sockeye.waitpid(pid, "nohang") })
    sockeye.kill(pid, "KILL")
    assert.are.equal(pid, sockeye.waitpid(pid))
  end)

  it("tells a stop and a continuation when asked to", function()
    local pid = idle_child()
    sockeye.kill(pid, "STOP")
    assert.are.same({ pid, "stop", sockeye.SIGSTOP },
                    { sockeye.waitpid(pid, "untraced continued") })
    sockeye.kill(pid, "CONT")
    assert.are.same({ pid, "continue", sockeye.SIGCONT },
                    { sockeye.waitpid(pid, sockeye.WCONTINUED) })
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

  it("finds nothing where SIGCHLD is ignored, and no zombie", function()
    sockeye.signal("CHLD", "ignore")
    local pid = fork.child(function() end)
    errors.raised("ECHILD", "waitpid", sockeye.waitpid, pid)
    sockeye.signal("CHLD", "default")
    assert.is_nil(fork.state(pid))
  end)

  it("called by a handler of SIGCHLD leaves no zombie", function()
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
  it("only looks, with 0", function()
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

  it("carries bytes from one end to the other, to the end", function()
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

  it("collects the descriptors that nobody holds any more", function()
    local result = process.lua_script([[
      collectgarbage "stop"
      local sockeye = require "sockeye"
      for _ = 1, 200 do sockeye.pipe() end
      print "ok"
    ]], limited)
    assert.are.equal("ok\n", result.stdout)
  end)

  it("raises EMFILE where there are none", function()
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

  it("takes sockets, files and numbers", function()
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
  it("runs nothing of the script", function()
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

  it("is 0 without a status, and rejects what does not fit", function()
    assert.are.equal(0, process.lua_script(
      'require "sockeye"._exit()').status)
    for _, status in ipairs { -1, 256, "x", 1.5 } do
      errors.rejected("bad argument #1", sockeye._exit, status)
    end
  end)
end)
