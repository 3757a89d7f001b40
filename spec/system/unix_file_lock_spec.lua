-- The files of Unix sockets that listen: who removes them, and their mode.

local sockeye = require "sockeye"
local primitives = require("sockeye.core").primitives

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local process = require "spec.support.process"
local temporary = require "spec.support.temporary"
local unprivileged = require "spec.support.unprivileged"

local function output(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read "a":gsub("\n$", ""))
end

local function mode_of(path) return output("stat -c %a " .. path) end
local function entries(folder) return output("ls -A " .. folder) end

-- Leaves a file at which nobody listens.
local function stale(path) sockeye.listen("unix:" .. path):close() end

local function answers(path)
  local s <close> = sockeye.socket("unix", "stream")
  return pcall(s.connect, s, "unix:" .. path)
end

describe("the file of a Unix socket that listens", function()
  descriptors.guard()

  it("has the mode that is asked for, whatever the umask", function()
    local folder <close> = temporary.folder()
    for _, umask in ipairs { "000", "022", "077", "777" } do
      for _, mode in ipairs { "0600", "0660", "0777", "0000", "0644" } do
        local path = ("%s/%s-%s"):format(folder.path, umask, mode)
        local result = process.lua_script([[
          local sockeye = require "sockeye"
          local l = sockeye.listen("unix:" .. arg[1], { mode = arg[2] })
          print(l:getsockname().path)
          io.stdout:flush()
          os.execute("stat -c %a " .. arg[1])
          os.execute("umask")
        ]], { args = { path, mode },
              prefix = { "sh", "-c", ('umask %s; exec "$@"'):format(umask),
                         "sh" } })
        assert.equal(("%s\n%d\n0%s\n"):format(path, tonumber(mode), umask),
                     result.stdout, result.stderr)
        assert.equal(path:match "[^/]+$", entries(folder.path))
        os.remove(path)
      end
    end
  end)

  it("never has more permissions than asked for", function()
    local folder <close> = temporary.folder()
    local path = folder.path .. "/s"
    local s <close> = sockeye.socket("unix", "stream")
    primitives.preset_mode(s, tonumber("600", 8))
    s:bind("unix:" .. path)
    assert.equal("600", mode_of(path))
  end)

  it("is not followed where it has become a symbolic link", function()
    local folder <close> = temporary.folder()
    local path, target = folder.path .. "/s", folder.path .. "/target"
    assert(os.execute(("umask 077; touch %s; ln -s %s %s"):format(
      target, target, path)))
    local place <close> = primitives.lock_file(path)
    assert.is_false(pcall(primitives.set_mode, place, tonumber("777", 8)))
    assert.equal("600", mode_of(target))
    errors.raised("EADDRINUSE", "bind", sockeye.listen, "unix:" .. path,
                  { mode = "0777" })
    assert.is_nil(primitives.file_identity(path))
    assert.equal("600", mode_of(target))
    assert.equal("s\ntarget", entries(folder.path))
  end)

  it("is found by every way to its directory", function()
    local folder <close> = temporary.folder()
    local long = folder.path .. ("/" .. ("d"):rep(20)):rep(2)
    assert(os.execute(("mkdir -p %s; ln -s %s %s/link"):format(
      long, long, folder.path)))
    for _, path in ipairs { long .. "/s", folder.path .. "/link/s",
                            folder.path .. "//./s" } do
      for _ = 1, 2 do stale(path) end
      assert.is_false(answers(path))
      local l <close> = sockeye.listen("unix:" .. path)
      assert.equal(path, l:getsockname().path)
      assert.is_true(answers(path))
      errors.raised("EADDRINUSE", "bind", sockeye.listen, "unix:" .. path)
      assert.is_true(answers(path))
      os.remove(path)
    end
    local result = process.lua_script(([[
      local sockeye = require "sockeye"
      for _ = 1, 2 do sockeye.listen "unix:relative":close() end
      print(sockeye.listen("unix:relative"):getsockname().path)
    ]]), { prefix = { "env", "-C", folder.path } })
    assert.equal("relative\n", result.stdout, result.stderr)
  end)

  it("is made, and not replaced, where no lock can be had", function()
    local folder <close> = temporary.folder()
    assert(os.execute("chmod 333 " .. folder.path))
    local result, reason = unprivileged.lua(([[
      local sockeye = require "sockeye"
      local path = %q
      print(sockeye.listen("unix:" .. path, { mode = "0777" }):getsockname())
      local ok, err = pcall(sockeye.listen, "unix:" .. path)
      print(ok, err.call, err.code)
      os.remove(path)
      sockeye.listen("unix:" .. path):close()
    ]]):format(folder.path .. "/s"))
    assert(os.execute("chmod 777 " .. folder.path))
    if not result then return pending(reason) end
    assert.matches("/s\nfalse\tbind\tEADDRINUSE\n$", result.stdout, nil, nil,
                   result.stderr)
    assert.equal("s", entries(folder.path))
  end)

  it("waits for the lock for a while", function()
    local folder <close> = temporary.folder()
    local path = folder.path .. "/s"
    stale(path)
    local place <close> = primitives.lock_file(path)
    assert.is_false(primitives.lock_file(path))
    errors.raised("EADDRINUSE", "bind", sockeye.listen, "unix:" .. path)
    assert.equal("s", entries(folder.path))
    assert.is_truthy(place)
  end)

  it("is not stale while its socket is about to listen", function()
    local folder <close> = temporary.folder()
    local path = folder.path .. "/s"
    sockeye.run(function()
      local place = primitives.lock_file(path)
      local first <close> = sockeye.socket("unix", "stream")
      first:bind("unix:" .. path)
      local second = sockeye.spawn(pcall, sockeye.listen, "unix:" .. path)
      sockeye.sleep(0.02)
      first:listen()
      debug.getmetatable(place).__close(place)
      local ok, err = second:join()
      assert.is_false(ok)
      assert.is_true(sockeye.is_error(err, "EADDRINUSE"))
      assert.is_true(answers(path))
    end)
  end)

  it("is removed only while it is the same", function()
    local folder <close> = temporary.folder()
    local path = folder.path .. "/s"
    local first <close> = sockeye.listen("unix:" .. path)
    local identity = primitives.file_identity(path)
    os.remove(path)
    local second <close> = sockeye.listen("unix:" .. path)
    primitives.remove_file(path, identity)
    assert.is_true(answers(path))
    primitives.remove_file(path, primitives.file_identity(path))
    assert.is_false(answers(path))
    primitives.remove_file(path, identity)
    assert.is_truthy(first and second)
  end)

  it("is never removed while the other of two starters listens", function()
    local folder <close> = temporary.folder()
    local path = folder.path .. "/s"
    local result = process.lua_script(([[
      local sockeye = require "sockeye"
      local path = %q
      sockeye.listen("unix:" .. path):close()
      local remove, raced = os.remove, nil
      os.remove = function(p)
        if p == path and not raced then
          os.remove = remove
          raced = sockeye.listen("unix:" .. path)
        end
        return remove(p)
      end
      local ok, second = pcall(sockeye.listen, "unix:" .. path)
      local first = raced or second
      assert(ok == not raced)
      assert(not pcall(sockeye.listen, "unix:" .. path))
      local c = sockeye.socket("unix", "stream"):connect("unix:" .. path)
      print("the first gets a client:", first:settimeout(1):accept())
    ]]):format(path))
    assert.matches("^the first gets a client:\tsocket", result.stdout,
                   nil, nil, result.stderr)
  end)
end)

describe("several processes that start on one stale path", function()
  it("are one that listens, and others that get EADDRINUSE", function()
    local folder <close> = temporary.folder()
    local result = process.lua_script(([[
      local sockeye = require "sockeye"
      local path, rounds, starters = %q, 50, 6
      local function start(gate, report, last)
        gate:recv(1)
        local ok, l = pcall(sockeye.listen, "unix:" .. path)
        report:send(ok and "listens" or
                    sockeye.is_error(l) and l.code or tostring(l))
        last:recv(1)
        os.exit(0, true)
      end
      for round = 1, rounds do
        sockeye.listen("unix:" .. path):close()
        local gate, child_gate = sockeye.socketpair("unix", "stream")
        local last, child_last = sockeye.socketpair("unix", "stream")
        local report, child_report = sockeye.socketpair("unix", "dgram")
        report:settimeout(10)
        local children = {}
        for i = 1, starters do
          children[i] = sockeye.fork()
          if children[i] == 0 then
            last:close()
            start(child_gate, child_report, child_last)
          end
        end
        gate:send(("x"):rep(starters))
        local counts = {}
        for _ = 1, starters do
          local what = report:recv(100)
          counts[what] = (counts[what] or 0) + 1
        end
        assert(counts.listens == 1, "listeners: " .. tostring(counts.listens))
        assert(counts.EADDRINUSE == starters - 1, next(counts))
        local c <close> = sockeye.socket("unix", "stream")
        c:connect("unix:" .. path)
        last:close()
        for _, child in ipairs(children) do sockeye.waitpid(child) end
        for _, s in ipairs { gate, child_gate, child_last, report,
                             child_report } do
          s:close()
        end
      end
      print "done"
    ]]):format(folder.path .. "/s"), { timeout = 60 })
    assert.equal("done\n", result.stdout, result.stderr)
    assert.equal("s", entries(folder.path))
  end)
end)
