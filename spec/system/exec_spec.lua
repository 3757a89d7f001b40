local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"

local function temporary(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

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
    ["no env"] = { "#3", "execve", "/bin/true", { "true" } },
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
