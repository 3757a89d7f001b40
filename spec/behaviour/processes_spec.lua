local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

describe("fork", function()
  descriptors.guard()

  it("fork-1: returns twice", function()
    local parent = sockeye.getpid()
    local r, w = sockeye.pipe()
    local pid = sockeye.fork()
    if pid == 0 then
      w:write(("%d %d"):format(sockeye.getpid(), sockeye.getppid()))
      sockeye._exit()
    end
    w:close()
    assert.is_true(pid > 0 and pid ~= parent)
    assert.equal(parent, sockeye.getpid())
    assert.equal(("%d %d"):format(pid, parent), sockets.read_all(r))
    r:close()
    assert.same({ pid, "exit", 0 }, { sockeye.waitpid(pid) })
  end)

  it("fork-1: gives each its own memory", function()
    local value = "parent's"
    fork.reap(fork.child(function()
      assert(value == "parent's")
      value = "child's"
    end))
    assert.equal("parent's", value)
  end)

  it("fork-1: leaves an orphan with another parent", function()
    local parent = sockeye.getpid()
    local r, w = sockeye.pipe()
    fork.reap(fork.child(function()
      local child = sockeye.getpid()
      if sockeye.fork() ~= 0 then sockeye._exit() end
      for _ = 1, 2000 do
        if sockeye.getppid() ~= child then break end
        sockeye.sleep(0.01)
      end
      w:write(tostring(sockeye.getppid() ~= child))
    end))
    w:close()
    assert.equal("true", sockets.read_all(r))
    assert.equal(parent, sockeye.getpid())
    r:close()
  end)

  it("fork-2: shares descriptors, and each has to close its own", function()
    local r, w = sockeye.pipe()
    local pid = fork.child(function()
      r:close()
      w:write "child "
      w:close()
    end)
    fork.reap(pid)
    w:write "parent"
    w:close()
    assert.equal("child parent", sockets.read_all(r))
    r:close()
  end)

  it("fork-2: lets the processes talk over a socketpair", function()
    local a, b = sockets.unix()
    local pid = fork.child(function()
      a:close()
      b:send((b:recv(9):upper()))
    end)
    b:close()
    a:send "question"
    assert.equal("QUESTION", a:recv(9))
    assert.is_nil(a:recv(9))
    fork.reap(pid)
    a:close()
  end)

  it("fork-2: shares the offset of a file", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w+"))
    file:write "abcdefghi"
    file:flush()
    file:seek "set"
    local s = sockeye.pipe()
    sockeye.dup2(file, s:fd())
    assert.equal("abc", s:read(3))
    fork.reap(fork.child(function() assert(s:read(3) == "def") end))
    assert.equal("ghi", s:read(3))
    assert.is_nil(s:read(3))
    s:close()
    file:close()
    os.remove(path)
  end)

  it("fork-2: shares the flags of the open file", function()
    local r, w = sockeye.pipe()
    fork.reap(fork.child(function() r:fcntl("O_NONBLOCK", true) end))
    assert.is_true(r:fcntl "O_NONBLOCK")
    sockets.close(r, w)
  end)
end)

-- A new program's script, which writes its process id and an expression.
local script <const> = "io.write(require('sockeye').getpid(), ' ', %s)"

local function words(expression)
  return { process.lua, "-e", script:format(expression) }
end

local function path_of(name)
  if name:find "/" then return name end
  return (process.run({ "sh", "-c", "command -v " .. name }).stdout:gsub("\n",
                                                                        ""))
end

describe("exec", function()
  descriptors.guard()

  local calls = {
    execv = function() sockeye.execv(path_of(process.lua), words "'new'") end,
    execvp = function() sockeye.execvp(process.lua, words "'new'") end,
    execve = function()
      sockeye.execve(path_of(process.lua), words "os.getenv('NAME')", {
        NAME = "new",
        LUA_PATH = os.getenv "LUA_PATH",
        LUA_CPATH = os.getenv "LUA_CPATH",
        LD_PRELOAD = os.getenv "LD_PRELOAD",
      })
    end,
  }

  for name, call in pairs(calls) do
    it(("exec-1: %s is a new image in the same process"):format(name),
       function()
      local pid
      local r, w = sockeye.pipe()
      pid = fork.child(function()
        sockeye.dup2(w, 1)
        call()
      end)
      w:close()
      assert.equal(pid .. " new", sockets.read_all(r))
      r:close()
      fork.reap(pid)
    end)
  end

  it("exec-1: returns only with an error, and changes nothing then", function()
    local pid = sockeye.getpid()
    local argv = { "program" }
    local err = errors.raised("ENOENT", "execv", sockeye.execv, "/no/such",
                              argv)
    assert.equal("/no/such", err.subject)
    errors.raised("ENOENT", "execvp", sockeye.execvp, "./no-such", argv)
    errors.raised("EACCES", "execve", sockeye.execve, "/", argv, {})
    assert.equal(pid, sockeye.getpid())
  end)

  it("exec-1: closes descriptors that are close-on-exec", function()
    local kept, other = sockets.unix()
    kept:fcntl("FD_CLOEXEC", false)
    local output, how, number = fork.output(function()
      sockeye.execvp(process.lua, { process.lua, "-e", ([[
        local S = require 'sockeye'
        local kept, s = pcall(S.adopt, %d)
        local other, err = pcall(S.adopt, %d)
        io.write(tostring(kept), ' ', s:getsockopt 'SO_DOMAIN', ' ',
                 tostring(other), ' ', err.code)
      ]]):format(kept:fd(), other:fd()) })
    end)
    assert.same({ "true unix false EBADF", "exit", 0 },
                { output, how, number })
    sockets.close(kept, other)
  end)
end)

local clients <const> = 100

-- One child for each connection, which answers what it is sent with its own
-- number. Then no zombie is left: there is nobody to wait for.
local function serve(l)
  local running = 0
  for _ = 1, clients do
    local a = l:accept()
    local pid = fork.child(function()
      l:close()
      local question = a:recv(99)
      a:sendall(question, " ", tostring(sockeye.getpid()))
      a:close()
    end)
    a:close()
    running = running + 1
    while running > 0 and sockeye.waitpid(-1, "nohang") do
      running = running - 1
    end
    assert(pid > 0)
  end
  l:close()
  while running > 0 do
    local _, how, number = sockeye.waitpid()
    assert(how == "exit" and number == 0)
    running = running - 1
  end
  local ok, err = pcall(sockeye.waitpid)
  assert(not ok and err.code == "ECHILD")
end

describe("the concurrent server", function()
  descriptors.guard()

  it("fork-3: serves a hundred clients at once, and reaps", function()
    local l = sockets.listener("127.0.0.1:0", clients)
    local address = l:getsockname()
    local server = fork.child(function() serve(l) end)
    l:close()
    local list, pids, distinct = {}, {}, 0
    for i = 1, clients do list[i] = sockets.client(address) end
    -- Nobody is served to the end before the last one has been let in.
    for i, c in ipairs(list) do c:sendall("client " .. i) end
    for i, c in ipairs(list) do
      local number, pid = sockets.read_all(c):match "^client (%d+) (%d+)$"
      assert.equal(i, tonumber(number))
      if not pids[pid] then distinct = distinct + 1 end
      pids[pid] = true
      c:close()
    end
    assert.equal(clients, distinct)
    fork.reap(server)
    for pid in pairs(pids) do assert.is_nil(fork.state(tonumber(pid))) end
  end)

  it("fork-3: closes in each process what it does not need", function()
    local l = sockets.listener()
    local address = l:getsockname()
    local c <close> = sockets.client(address)
    local a = l:accept()
    local pid = fork.child(function()
      sockets.close(l, c)
      a:send "closed"
      assert(a:recv(9) == "end")
    end)
    a:close()
    l:close()
    assert.equal("closed", c:recv(9))
    -- The listener is nobody's now, and the connection is the child's alone.
    local other <close> = sockeye.socket("inet", "stream")
    errors.raised("ECONNREFUSED", "connect", other.connect, other, address)
    assert.is_false(c:recv(9, "dontwait"))
    c:send "end"
    assert.is_nil(c:recv(9))
    fork.reap(pid)
  end)

  it("fork-3: leaves a zombie until it is reaped", function()
    local pid = fork.child(function() end)
    fork.await(pid, "Z")
    fork.reap(pid)
    assert.is_nil(fork.state(pid))
    errors.raised("ECHILD", "waitpid", sockeye.waitpid, pid)
  end)
end)
