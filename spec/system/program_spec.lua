local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local faulty = require "spec.support.faulty"
local fork = require "spec.support.fork"
local loops = require "spec.support.loops"
local programs = require "spec.support.process"
local worlds = require "spec.support.worlds"

local process <const> = sockeye.process

-- What a program writes to its standard output, and how it ended.
local function output(options)
  options.stdout = "pipe"
  local p <close> = process(options)
  return p.stdout:read("a"), p:wait()
end

-- A path that is removed with the variable. With a text, a file with that.
local function temporary(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text or "")
  return setmetatable({ path = path }, {
    __close = function() os.remove(path) end,
  })
end

local function read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- A path of a program that writes its name and its arguments.
local function program(text)
  local file = temporary(text or '#!/bin/sh\necho "$0" "$@"\n')
  assert(os.execute("chmod +x " .. file.path))
  return file
end

describe("process", function()
  descriptors.guard()

  worlds.it("gives the program its arguments, strings and numbers", function()
    local show <const> = 'for a in "$0" "$@"; do echo "[$a]"; done'
    assert.same({ "[name]\n[]\n[t w o]\n[3]\n[1.5]\n", "exit", 0 },
                { output { "sh", "-c", show, "name", "", "t w o", 3, 1.5 } })
  end)

  it("leaves the script's table as it is", function()
    local list <const> = { "true", 1, 2.5 }
    process(list):wait()
    assert.same({ "true", 1, 2.5 }, list)
  end)

  -- ---- what it runs ----

  it("looks for the program in this process's PATH, whatever env says",
     function()
    assert.same({ "X=1\n", "exit", 0 },
                { output { "env", env = { X = "1" } } })
    assert.same({ "PATH=/nowhere\n", "exit", 0 },
                { output { "env", env = { "PATH=/nowhere" } } })
  end)

  it("goes through the folders of PATH in order, past those that lack it",
     function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    local path <const> = folder .. "/two words"
    do
      local file <close> = assert(io.open(path, "wb"))
      file:write "#!/bin/sh\necho found\n"
    end
    local function run(name)
      return programs.lua_script(([[
        local sockeye = require "sockeye"
        local ok, p = pcall(sockeye.process, { %q, stdout = "pipe" })
        print(ok and p.stdout:read "l" or p.code)
        if ok then p:wait() end
      ]]):format(name), {
        env = { PATH = ("/nowhere:/dev/null:%s:%s"):format(
          folder, os.getenv "PATH") },
      }).stdout
    end
    assert.equal("EACCES\n", run "two words")
    assert(os.execute("chmod +x '" .. path .. "'"))
    assert.equal("found\n", run "two words")
    assert.equal("ENOENT\n", run "three words")
    assert(os.execute("rm -r " .. folder))
  end)

  it("takes a name with a slash for a path, from the folder of cwd", function()
    local file <close> = program()
    local folder, name = file.path:match "^(.*)/([^/]*)$"
    assert.equal(file.path .. " a\n", (output { file.path, "a" }))
    assert.equal(("./%s a\n"):format(name),
                 (output { "./" .. name, "a", cwd = folder }))
  end)

  it("has the shell run a file without a header", function()
    local file <close> = program 'echo "$0" "$@"\n'
    assert.equal(file.path .. " a b\n", (output { file.path, "a", "b" }))
  end)

  it("runs in the folder cwd, and leaves this process where it is", function()
    local before = output { "pwd" }
    assert.equal("/dev\n", (output { "sh", "-c", "pwd -P", cwd = "/dev" }))
    assert.equal(before, (output { "pwd" }))
  end)

  it("replaces the whole environment, or inherits it", function()
    assert.equal("", (output { "env", env = {} }))
    assert.equal("A=x=y\nB=\n",
                 (output { "sh", "-c", "env | grep '^[AB]=' | sort",
                           env = { A = "x=y", B = "",
                                   PATH = os.getenv "PATH" } }))
    assert.equal(os.getenv "PATH" .. "\n",
                 (output { "sh", "-c", 'echo "$PATH"' }))
  end)

  -- ---- its descriptors ----

  worlds.it("has streams for its pipes, and none for what is inherited",
            function()
    local p <close> = process { "sh", "-c", "cat; echo two >&2",
                                stdin = "pipe", stdout = "pipe",
                                stderr = "pipe" }
    p.stdin:write("one\n"):close()
    assert.equal("one\n", p.stdout:read "a")
    assert.equal("two\n", p.stderr:read "a")
    assert.same({ "exit", 0 }, { p:wait() })
    local q <close> = process { "true" }
    assert.same({}, { q.stdin, q.stdout, q.stderr })
    assert.equal("integer", math.type(q.pid))
    q:wait()
  end)

  for _, poller in ipairs(loops.pollers) do
    it("reads and writes more than pipes hold, by " .. poller, function()
      local text <const> = ("0123456789abcdef"):rep(1 << 16)
      sockeye.run({ poller = poller }, function()
        local p <close> = process { "cat", stdin = "pipe", stdout = "pipe" }
        local reader = sockeye.spawn(function() return p.stdout:read "a" end)
        p.stdin:write(text):close()
        assert.equal(text, reader:join())
        assert.same({ "exit", 0 }, { p:wait() })
      end)
    end)
  end

  it("connects it to /dev/null", function()
    assert.equal("", (output { "cat", stdin = "null" }))
    local p <close> = process { "sh", "-c", "echo a; echo b >&2",
                                stdout = "null", stderr = "null" }
    assert.same({ "exit", 0 }, { p:wait() })
  end)

  it("connects it to a socket, stream, Lua file or descriptor", function()
    local a <close>, b = sockeye.socketpair()
    local _ <close> = b
    local stream <const> = sockeye.stream(b)
    for _, target in ipairs { b, stream, b:fd() } do
      local p <close> = process { "echo", "hello", stdout = target }
      p:wait()
      assert.equal("hello\n", a:recv(100))
    end
    local path <close> = temporary()
    local file <close> = assert(io.open(path.path, "w"))
    process({ "echo", "hello", stdout = file }):wait()
    assert.equal("hello\n", read_file(path.path))
    assert.is_true(b:fcntl "FD_CLOEXEC")
  end)

  it("connects its error output to where its output goes", function()
    assert.equal("a\nb\n", (output { "sh", "-c", "echo a; echo b >&2",
                                     stderr = "stdout" }))
  end)

  it("may exchange the standard descriptors", function()
    local text = fork.output(function()
      local r, w = sockeye.pipe()
      sockeye.dup2(w, 2)
      w:close()
      process({ "sh", "-c", "echo out; echo err >&2",
                stdout = 2, stderr = 1 }):wait()
      print("via 2: " .. r:read(100))
    end)
    assert.equal("err\nvia 2: out\n\n", text)
  end)

  it("can be made where the standard descriptors are closed", function()
    local text = fork.output(function()
      local out = sockeye.dup2(1, 100)
      local lines = {}
      for fd = 0, 2 do sockeye.adopt(fd):close() end
      for _, options in ipairs {
        { stdin = "pipe", stdout = "pipe" },
        { stdin = "null", stdout = "pipe", stderr = "stdout" },
        { stdin = "null", stdout = "pipe", stderr = "null" },
      } do
        table.move({ "sh", "-c", "cat; echo x; echo y >&2" }, 1, 3, 1,
                   options)
        local p <close> = process(options)
        if p.stdin then p.stdin:write "in\n":close() end
        lines[#lines + 1] = p.stdout:read("a"):gsub("\n", " ")
        p:wait()
      end
      local ok, err = pcall(process, { "/nosuch" })
      lines[#lines + 1] = tostring(ok) .. " " .. err.code
      sockeye.adopt(out):write(table.concat(lines, "|"))
    end)
    assert.equal("in x |x y |x |false ENOENT", text)
  end)

  it("leaves the child no descriptor but the standard three", function()
    local r <close>, w = sockeye.pipe()
    local _ <close> = w
    local s <close> = sockeye.socket("inet", "stream")
    local p <close> = process { "ls", "-l", "/proc/self/fd", stdin = "pipe",
                                stdout = "pipe", stderr = "pipe" }
    local counts = {}
    for target in p.stdout:read("a"):gmatch "%-> (%S+)" do
      counts[target] = (counts[target] or 0) + 1
    end
    local open <const> = descriptors.list()
    for _, socket in ipairs { r, w, s } do
      assert.is_nil(counts[open[socket:fd()]])
    end
    for _, stream in ipairs { p.stdin, p.stdout, p.stderr } do
      assert.equal(1, counts[open[stream:fd()]])
    end
  end)

  it("takes a descriptor with O_NONBLOCK as it is, and leaves it so", function()
    local a <close>, b = sockeye.socketpair()
    local _ <close> = b
    b:fcntl("O_NONBLOCK", true)
    process({ "echo", "x", stdout = b }):wait()
    assert.is_true(b:fcntl "O_NONBLOCK")
    assert.equal("x\n", a:recv(10))
  end)

  -- ---- the death of its parent ----

  it("is ended by pdeath when its parent ends", function()
    local r <close>, w = sockeye.pipe()
    local pid = fork.child(function()
      local p = process { "sleep", 1000, pdeath = "KILL" }
      w:write(("%d\n"):format(p.pid))
      sockeye.kill(sockeye.getpid(), "SIGKILL")
    end)
    w:close()
    local child = math.tointeger(tonumber(r:read(100)))
    assert.same({ pid, "signal", 9 }, { sockeye.waitpid(pid) })
    local deadline = sockeye.now() + 20
    while fork.state(child) and fork.state(child) ~= "Z" and
          sockeye.now() < deadline do
      sockeye.sleep(0.01)
    end
    assert.is_true(fork.state(child) == nil or fork.state(child) == "Z")
  end)

  it("takes pdeath by number, too", function()
    local p <close> = process { "true", pdeath = sockeye.SIGTERM }
    assert.same({ "exit", 0 }, { p:wait() })
  end)

  -- ---- what goes wrong ----

  for what, case in pairs {
    ["a program that does not exist"] =
      { "ENOENT", "execve", { "no-such-program" }, "no-such-program" },
    ["a path that does not exist"] =
      { "ENOENT", "execve", { "/no/such/program" }, "/no/such/program" },
    ["an empty name"] = { "ENOENT", "execve", { "" }, "" },
    ["a folder"] = { "EACCES", "execve", { "/tmp" }, "/tmp" },
    ["too long a list"] =
      { "E2BIG", "execve", { "true", ("x"):rep(1 << 23) }, "true" },
    ["a folder to run in that does not exist"] =
      { "ENOENT", "chdir", { "true", cwd = "/nosuch" }, "/nosuch" },
    ["a folder to run in that is a file"] =
      { "ENOTDIR", "chdir", { "true", cwd = "/dev/null" }, "/dev/null" },
    ["a descriptor that is not open"] =
      { "EBADF", "dup2", { "true", stdout = 999999 } },
  } do
    worlds.it("raises what the child's step did, here: " .. what, function()
      if case[1] == "E2BIG" and os.getenv "SOCKEYE_CHECKED" == "valgrind" then
        return pending "valgrind does not outlive an exec that fails so late"
      end
      local code <const>, call <const> = case[1], case[2]
      for _ = 1, 3 do
        local err = errors.raised(code, call, process, case[3])
        assert.equal(case[4], err.subject)
      end
      local options = { stdin = "pipe", stdout = "pipe", stderr = "pipe" }
      for key, value in pairs(case[3]) do options[key] = value end
      errors.raised(code, call, process, options)
      errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
    end)
  end

  it("raises on the script's line", function()
    local line <const> = debug.getinfo(1, "l").currentline
    local ok, err = pcall(function() process { "no-such-program" } end)
    assert.is_false(ok)
    assert.equal(("program_spec.lua:%d"):format(line + 1),
                 err.where:match "([^/]*:%d+)")
  end)

  for what, case in pairs {
    ["no table"] = { "table expected", nil },
    ["no program"] = { "the program's name is missing", {} },
    ["a gap"] = { "list without gaps", { "true", nil, "x" } },
    ["a place before the first"] = { "list without gaps",
                                     { "true", [0] = "x" } },
    ["an argument of another type"] = { "string or a number", { "true", {} } },
    ["an argument with a zero"] = { "zero", { "true", "a\0b" } },
    ["an unknown option"] = { "did you mean 'stdin'", { "true", stdni = 1 } },
    ["a key of another type"] = { "named fields", { "true", [true] = 1 } },
    ["an unknown word"] = { "did you mean 'pipe'", { "true", stdin = "pip" } },
    ["stdout for stdout"] = { "unknown word", { "true", stdout = "stdout" } },
    ["no descriptor"] = { "field 'stdin'", { "true", stdin = {} } },
    ["a negative descriptor"] = { "field 'stdin'", { "true", stdin = -1 } },
    ["an environment that is no table"] = { "field 'env'",
                                            { "true", env = 1 } },
    ["a name in env with ="] = { "env: a name", { "true",
                                                  env = { ["A=B"] = "" } } },
    ["a folder that is no string"] = { "field 'cwd'", { "true", cwd = 5 } },
    ["a folder with a zero"] = { "zero", { "true", cwd = "a\0b" } },
    ["an unknown signal"] = { "field 'pdeath'", { "true", pdeath = "nosuch" } },
    ["no signal's number"] = { "field 'pdeath'", { "true", pdeath = 0 } },
  } do
    it("rejects before anything is made: " .. what, function()
      errors.rejected(case[1], process, case[2])
      errors.raised("ECHILD", "waitpid", sockeye.waitpid, -1, "nohang")
    end)
  end

  it("raises EBADF for what is closed", function()
    local a <close>, b = sockeye.socketpair()
    local _ <close> = b
    b:close()
    errors.raised("EBADF", "process", process, { "true", stdin = b })
    local file = assert(io.open "/dev/null")
    file:close()
    errors.raised("EBADF", "process", process, { "true", stdout = file })
    assert.is_truthy(a)
  end)

  it("raises the system's error of each of its steps", function()
    local text, reason = faulty.run [[
      local process <const> = sockeye.process
      local function fds()
        collectgarbage()
        collectgarbage()
        local n = 0
        for _ in require "lfs".dir "/proc/self/fd" do n = n + 1 end
        return n
      end
      local all = { "true", stdin = "pipe", stdout = "pipe", stderr = "null",
                    cwd = "/", pdeath = "KILL" }
      process(all):close()
      -- The last of each: how many of its calls there are for certain.
      for _, case in ipairs {
        { "pipe2", "EMFILE", "pipe", 3 }, { "open", "EIO", "open", 1 },
        { "dup2", "EIO", "dup2", 3 }, { "chdir", "EIO", "chdir", 1 },
        { "prctl", "EINVAL", "prctl", 1 }, { "execve", "EIO", "execve", 1 },
      } do
        for first = 1, case[4] do
          local before = fds()
          local ok, err = failing({ call = case[1], code = case[2],
                                    first = first, last = first + always },
                                  process, all)
          if first == 1 then
            assert(not ok and sockeye.is_error(err, case[2]) and
                   err.call == case[3], tostring(err))
          end
          if ok then break end
          assert(fds() == before, case[1] .. " leaves descriptors open")
          local found, none = pcall(sockeye.waitpid, -1, "nohang")
          assert(not found and none.code == "ECHILD",
                 case[1] .. " leaves a child")
        end
      end
    ]]
    if not text then return pending(reason) end
    assert.equal("", text)
  end)
end)
