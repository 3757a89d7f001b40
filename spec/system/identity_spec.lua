local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local faulty = require "spec.support.faulty"
local fork = require "spec.support.fork"

-- A line of /proc/self/status, with one blank between its words.
local function status(name)
  for line in io.lines "/proc/self/status" do
    local rest = line:match("^" .. name .. ":%s*(.*)")
    if rest then return (rest:gsub("%s+", " "):gsub(" $", "")) end
  end
end

local function is_root()
  return status("Uid"):match "^%d+ (%d+)" == "0"
end

-- Runs f in a child, which has to end well.
local function in_child(f) fork.reap(fork.child(f)) end

describe("setsid", function()
  descriptors.guard()

  it("begins a session", function()
    in_child(function()
      assert.equal(sockeye.getpid(), sockeye.setsid())
      errors.raised("EPERM", "setsid", sockeye.setsid)
    end)
  end)
end)

describe("setuid, setgid and setgroups", function()
  descriptors.guard()

  local function as_root(name, f)
    it(name, function()
      if not is_root() then return pending "root alone may" end
      in_child(f)
    end)
  end

  as_root("drop the privileges of root", function()
    sockeye.setgroups { 7, 8 }
    sockeye.setgid(65534)
    sockeye.setuid(65534)
    assert.equal("65534 65534 65534 65534", status "Uid")
    assert.equal("65534 65534 65534 65534", status "Gid")
    assert.equal("7 8", status "Groups")
    errors.raised("EPERM", "setuid", sockeye.setuid, 0)
    errors.raised("EPERM", "setgid", sockeye.setgid, 0)
    errors.raised("EPERM", "setgroups", sockeye.setgroups, {})
  end)

  as_root("take names of the databases", function()
    sockeye.setgroups { "daemon", 7 }
    sockeye.setgid "daemon"
    sockeye.setuid "daemon"
    assert.equal("1 1 1 1", status "Uid")
    assert.equal("1 1 1 1", status "Gid")
    assert.equal("1 7", status "Groups")
  end)

  as_root("empty the list of groups", function()
    sockeye.setgroups {}
    assert.equal("", status "Groups")
  end)

  it("raise ENOENT for a name that does not exist", function()
    local err = errors.raised("ENOENT", "getpwnam", sockeye.setuid, "nosuch")
    assert.equal("nosuch", err.subject)
    assert.matches("setuid nosuch: ", tostring(err), 1, true)
    err = errors.raised("ENOENT", "getgrnam", sockeye.setgid, "nosuch")
    assert.matches("setgid nosuch: ", tostring(err), 1, true)
    err = errors.raised("ENOENT", "getgrnam", sockeye.setgroups,
                        { 1, "nosuch" })
    assert.matches("setgroups nosuch: ", tostring(err), 1, true)
  end)

  it("reject what is neither number nor name", function()
    for _, name in ipairs { "setuid", "setgid" } do
      errors.rejected("integer expected", sockeye[name])
      errors.rejected("integer expected", sockeye[name], {})
      errors.rejected("integer expected", sockeye[name], 1.5)
      errors.rejected("out of range", sockeye[name], -1)
      errors.rejected("out of range", sockeye[name], 1 << 32)
      errors.rejected("zero", sockeye[name], "a\0b")
    end
    errors.rejected("table expected", sockeye.setgroups, 1)
    errors.rejected("integer expected", sockeye.setgroups, { {} })
    local many <const> = {}
    for i = 1, 1 << 17 do many[i] = 1 end
    errors.rejected("too many", sockeye.setgroups, many)
  end)
end)

describe("umask", function()
  descriptors.guard()

  it("returns the mask before", function()
    local before = sockeye.umask(63)
    assert.equal(63, sockeye.umask(before))
    errors.rejected("out of range", sockeye.umask, 512)
    errors.rejected("out of range", sockeye.umask, -1)
  end)

  it("applies to files that are created", function()
    in_child(function()
      sockeye.umask(63)
      local path = os.tmpname()
      os.remove(path)
      io.open(path, "w"):close()
      local mode = require "lfs".attributes(path, "permissions")
      os.remove(path)
      assert.equal("rw-------", mode)
    end)
  end)
end)

describe("chdir", function()
  descriptors.guard()

  it("changes the folder in which relative paths begin", function()
    in_child(function()
      sockeye.chdir "/proc"
      assert(io.open "self/status"):close()
    end)
  end)

  it("raises the system's error", function()
    local err = errors.raised("ENOENT", "chdir", sockeye.chdir, "/nosuch")
    assert.equal("/nosuch", err.subject)
    errors.raised("ENOTDIR", "chdir", sockeye.chdir, "/dev/null")
    errors.rejected("zero", sockeye.chdir, "/\0tmp")
  end)
end)

-- valgrind keeps descriptors for itself, and allows no lower limit.
local function can_limit_descriptors()
  return os.getenv "SOCKEYE_CHECKED" ~= "valgrind",
         "valgrind sets the limit on descriptors"
end

describe("getrlimit and setrlimit", function()
  descriptors.guard()

  it("return and set limits by name or number", function()
    local can, reason = can_limit_descriptors()
    if not can then return pending(reason) end
    in_child(function()
      local soft, hard = sockeye.getrlimit "nofile"
      assert.equal("integer", math.type(soft))
      assert.same({ soft, hard }, { sockeye.getrlimit "RLIMIT_NOFILE" })
      assert.same({ soft, hard }, { sockeye.getrlimit(sockeye.RLIMIT_NOFILE) })
      sockeye.setrlimit("nofile", 50)
      assert.same({ 50, hard }, { sockeye.getrlimit "nofile" })
      sockeye.setrlimit("nofile", nil, 60)
      assert.same({ 50, 60 }, { sockeye.getrlimit "nofile" })
      sockeye.setrlimit("nofile", 40, 45)
      assert.same({ 40, 45 }, { sockeye.getrlimit "nofile" })
      errors.raised("EMFILE", "socket", function()
        local list = {}
        for i = 1, 50 do list[i] = sockeye.socket("unix", "dgram") end
        return #list
      end)
    end)
  end)

  it("have math.huge for no limit", function()
    in_child(function()
      local _, hard = sockeye.getrlimit "core"
      if hard ~= math.huge then return end
      sockeye.setrlimit("core", math.huge)
      assert.same({ math.huge, math.huge }, { sockeye.getrlimit "core" })
      sockeye.setrlimit("core", 1024)
      assert.same({ 1024, math.huge }, { sockeye.getrlimit "core" })
    end)
  end)

  it("are inherited by programs", function()
    local can, reason = can_limit_descriptors()
    if not can then return pending(reason) end
    in_child(function()
      sockeye.setrlimit("nofile", 77)
      local p <close> = sockeye.process { "sh", "-c", "ulimit -n",
                                          stdout = "pipe" }
      assert.equal("77\n", p.stdout:read "a")
    end)
  end)

  it("raise the system's error, or reject the argument", function()
    errors.raised("EINVAL", "getrlimit", sockeye.getrlimit, 999)
    errors.raised("EINVAL", "setrlimit", sockeye.setrlimit, 999, 1)
    in_child(function()
      sockeye.setrlimit("core", 10, 20)
      errors.raised("EINVAL", "setrlimit", sockeye.setrlimit, "core", 30, 20)
    end)
    errors.rejected("did you mean 'nofile'", sockeye.getrlimit, "nofil")
    errors.rejected("negative", sockeye.setrlimit, "core", -1)
    errors.rejected("number", sockeye.setrlimit, "core", {})
    errors.rejected("integer", sockeye.setrlimit, "core", 1.5)
  end)
end)

describe("identity", function()
  it("raises what each call fails with", function()
    local text, reason = faulty.run [[
      raises("EPERM", "setuid", { call = "setuid", code = "EPERM" },
             sockeye.setuid, 0)
      raises("EPERM", "setgid", { call = "setgid", code = "EPERM" },
             sockeye.setgid, 0)
      raises("EIO", "getpwnam", { call = "getpwnam_r", code = "EIO" },
             sockeye.setuid, "root")
      raises("EIO", "chdir", { call = "chdir", code = "EIO" },
             sockeye.chdir, "/")
      raises("EPERM", "setrlimit", { call = "setrlimit", code = "EPERM" },
             sockeye.setrlimit, "core", 0)
    ]]
    if not text then return pending(reason) end
    assert.equal("", text)
  end)
end)
