-- What a task writes to pipes and files without waiting in the kernel.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local faulty = require "spec.support.faulty"
local fork = require "spec.support.fork"
local loops = require "spec.support.loops"
local sockets = require "spec.support.sockets"
local temporary = require "spec.support.temporary"
local trace = require "spec.support.trace"

-- Both ends of a FIFO, as Lua files whose name has gone.
local function fifo()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  local _ <close> = assert(io.open(path, "r+"))
  local r, w = assert(io.open(path)), assert(io.open(path, "w"))
  os.remove(path)
  return r, w
end

local kinds <const> = { pipe = sockeye.pipe, FIFO = fifo }

-- Both ends as streams.
local function ends(kind)
  local r, w = kinds[kind]()
  return sockeye.stream(r), sockeye.stream(w)
end

-- Moves some megabytes from one task to another.
local function check_megabytes(kind)
  local text = temporary.text(3000000)
  local from, to = ends(kind)
  local writer = sockeye.spawn(function()
    to:write(text):close()
  end)
  assert.is_true(from:read "a" == text)
  writer:join()
  from:close()
end

for kind in pairs(kinds) do
  describe("a " .. kind .. " that a task writes to", function()
    descriptors.guard()

    for _, poller in ipairs(loops.pollers) do
      it("gets all, in order, by " .. poller, function()
        sockeye.run({ poller = poller }, check_megabytes, kind)
      end)

      it("keeps no other task waiting when it is full, by " .. poller,
         function()
        sockeye.run({ poller = poller }, function()
          local from, to = ends(kind)
          local size <const> = 1 << 18
          local writer = sockeye.spawn(function()
            to:write(("x"):rep(size)):close()
          end)
          local reads = 0
          for part in function() return from:read(4096) end do
            reads = reads + 1
            assert.equal(4096, #part)
            sockeye.yield()
          end
          assert.equal(size, reads * 4096)
          writer:join()
          from:close()
        end)
      end)
    end

    it("takes what fits in non-blocking mode", function()
      local from, to = ends(kind)
      local s = to:socket():settimeout(0)
      local size = sockets.fill(s)
      assert.is_true(size >= 4096)
      assert.is_false(s:write "x")
      assert.equal(4096, #from:socket():read(4096))
      assert.equal(4096, s:write(("y"):rep(5000)))
      assert.is_false(s:write "x")
      to:close()
      assert.equal(size, #from:read "a")
      from:close()
    end)

    it("raises EPIPE when its reader closes, and the process lives", function()
      fork.reap(fork.child(function()
        sockeye.signal("PIPE", "default")
        sockeye.run(function()
          local from, to = ends(kind)
          local writer = sockeye.spawn(function()
            errors.raised("EPIPE", "write", to.write, to, ("x"):rep(1 << 20))
            errors.raised("EPIPE", nil, function() to:write "x":flush() end)
          end)
          assert(#from:read(100000) == 100000)
          from:close()
          writer:join()
        end)
      end))
    end)
  end)
end

describe("a file on disk that a task writes to", function()
  descriptors.guard()

  it("gets all, in order", function()
    local file <close> = temporary.file ""
    local text = temporary.text(1000000)
    sockeye.run(function()
      local to <close> = sockeye.stream(assert(io.open(file.path, "wb")))
      to:write(text:sub(1, 999)):flush()
      to:write(text:sub(1000))
    end)
    assert.is_true(file:read() == text)
  end)
end)

describe("an old kernel", function()
  -- What it lacks: attempts that do not block; and beside them /proc, or any
  -- descriptor for a second open file.
  local lacks = {
    ["attempts that do not block"] = "",
    ["these, and has no /proc"] = [[
      faults.arm { call = "open", code = "ENOENT", first = 1, last = always }
    ]],
    ["these, and no descriptor is left"] = [[
      faults.arm { call = "open", code = "EMFILE", first = 1, last = always }
    ]],
  }

  for name, others in pairs(lacks) do
    for kind in pairs(kinds) do
      it(("that lacks %s: a %s gets all"):format(name, kind), function()
        local problem, reason = faulty.run(([[
          local pair = (function() %s end)()
          local text = ("0123456789"):rep(30000)
          sockeye.run(function()
            local from, to = pair()
            faults.arm { call = "pwritev2", code = "EOPNOTSUPP", first = 1,
                         last = always }
            %s
            local writer = sockeye.spawn(function() to:write(text):close() end)
            assert(from:read "a" == text)
            writer:join()
            from:close()
          end)
        ]]):format(kind == "pipe" and [[
          return function()
            local r, w = sockeye.pipe()
            return sockeye.stream(r), sockeye.stream(w)
          end
        ]] or [[
          return function()
            local path = os.tmpname()
            os.remove(path)
            assert(os.execute("mkfifo " .. path))
            local both <close> = assert(io.open(path, "r+"))
            local r, w = io.open(path), io.open(path, "w")
            os.remove(path)
            return sockeye.stream(r), sockeye.stream(w)
          end
        ]], others))
        if not problem then return pending(reason) end
        assert.equal("", problem)
      end)
    end
  end
end)

-- How many calls a task makes to write 4 MiB to what another process reads.
local function count_calls(kind, poller)
  local text = trace.calls("pwritev2,write,rt_sigprocmask,rt_sigpending," ..
    "rt_sigtimedwait,poll,ppoll,?epoll_wait,?epoll_pwait2,?epoll_pwait," ..
    "epoll_ctl,?open,openat,close,fcntl,?fstat,?newfstatat,getppid", ([[
    local sockeye = require "sockeye"
    local path, r, w = os.tmpname()
    os.remove(path)
    if %q == "FIFO" then
      assert(os.execute("mkfifo " .. path))
      r, w = assert(io.open(path, "r+")), assert(io.open(path, "w"))
      os.remove(path)
      r = sockeye.stream(r):socket()
    else
      r, w = sockeye.pipe()
    end
    local size <const> = 1 << 22
    local to = sockeye.stream(w)
    local pid = sockeye.fork()
    if pid == 0 then
      to:close()
      local left = size
      while left > 0 do left = left - #r:read(65536) end
      sockeye._exit(0)
    end
    sockeye.run({ poller = %q }, function()
      sockeye.getppid()
      to:write(("x"):rep(size)):flush()
      sockeye.getppid()
    end)
    local _, how, status = sockeye.waitpid(pid)
    assert(how == "exit" and status == 0)
  ]]):format(kind, poller))
  local pid = text:match "(%d+) +getppid"
  local counts = { all = 0 }
  local counting = false
  for line in text:gmatch "[^\n]+" do
    local who, name = line:match "^(%d+) +(%l[%l%d_]*)%("
    if who == pid and name == "getppid" then
      counting = not counting
    elseif who == pid and counting then
      counts.all = counts.all + 1
      counts[name] = (counts[name] or 0) + 1
    end
  end
  return counts, text
end

describe("4 MiB to another process", function()
  if not trace.available() then
    pending "take few calls (strace cannot be used)"
    return
  end

  -- The kernel has attempts that neither block nor raise SIGPIPE, since 6.18;
  -- that do not block, since 6.4; or none. A pipe has 64 KiB.
  local function most(text, kind)
    local is_quiet = text:find "0x100%) *= %d" or
      text:find "RWF_NOSIGNAL%) *= %d"
    if kind == "pipe" and is_quiet then return 200 end
    return is_quiet and 500 or 800
  end

  for kind in pairs(kinds) do
    for _, poller in ipairs(loops.pollers) do
      it(("take few calls: a %s, by %s #ptrace"):format(kind, poller),
         function()
        local counts, text = count_calls(kind, poller)
        assert.is_true(counts.all <= most(text, kind), counts.all .. " calls")
        assert.is_true((counts.pwritev2 or 0) + (counts.write or 0) <= 200)
      end)
    end
  end
end)
