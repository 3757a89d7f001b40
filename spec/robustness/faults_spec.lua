-- What scripts see of calls of the C library that fail in ways that the kernel
-- seldom chooses. tools/torture tries them all; here is what each is to give.

local faulty = require "spec.support.faulty"

-- A name, and a script as spec/support/faulty.lua runs it.
local cases = {
  { "mmap's own error is raised", [[
    local a, b = sockeye.socketpair()
    a:send "x"
    local plan = { call = "mmap", code = "EPERM", last = always }
    raises("EPERM", "mmap", plan, b.recv, b, 1 << 20)
    local c, d = sockeye.socketpair("unix", "dgram")
    c:send "x"
    raises("EPERM", "mmap", plan, d.recvmany, d, 2, 1 << 20)
    assert(b:recv(1 << 20) == "x" and #d:recvmany(2, 1 << 20) == 1)
  ]] },

  { "a look-up of an interface that fails is no unknown name", [[
    local plan = { call = "if_nametoindex", code = "EPERM" }
    raises("EPERM", "if_nametoindex", plan, sockeye.inet6, "fe80::1%lo")
    raises("EPERM", "if_nametoindex", plan, sockeye.packet, "lo")
    local s = sockeye.socket("inet", "dgram")
    local group = { group = "239.1.2.3", source = "127.0.0.1",
                    interface = "lo" }
    raises("EPERM", "if_nametoindex", plan, s.setsockopt, s,
           "IP_ADD_SOURCE_MEMBERSHIP", group)
    raises("EPERM", "if_indextoname",
           { call = "if_indextoname", code = "EPERM" }, s.setsockopt, s,
           "IP_ADD_SOURCE_MEMBERSHIP", group)
    raises("EPERM", "getifaddrs", { call = "getifaddrs", code = "EPERM" },
           s.setsockopt, s, "IP_ADD_SOURCE_MEMBERSHIP", group)
    raises("EPERM", "ioctl", { call = "ioctl", code = "EPERM" }, s.sendmsg, s,
           { iov = "x", name = "127.0.0.1:9",
             control = { pktinfo = { interface = "lo" } } })
  ]] },

  { "a group waits for its tasks under a deadline without memory", [[
    local ended = 0
    sockeye.run(function()
      local values = sockeye.timeout(60, sockeye.group, function(group)
        -- So many as the memory for timers is for.
        for _ = 1, 63 do
          group:spawn(function()
            sockeye.sleep(0.01)
            ended = ended + 1
          end)
        end
        sockeye.yield()
        faults.arm { call = "malloc", code = "ENOMEM", first = 1,
                     last = always }
        return "values"
      end)
      faults.disarm()
      assert(values == "values")
    end)
    assert(ended == 63)
  ]] },

  { "EINTR never reaches a script", [[
    local function survives(call, f, ...)
      assert(failing({ call = call, code = "EINTR" }, f, ...))
    end
    local u = sockeye.socket("inet", "dgram"):connect "127.0.0.1:9"
    survives("connect", u.disconnect, u)
    local a, b = sockeye.socketpair()
    a:send "x"
    sockeye.run(function()
      survives("poll", sockeye.poll, { [b] = "r" })
      local pid = sockeye.fork()
      if pid == 0 then sockeye._exit(0) end
      survives("waitpid", sockeye.waitpid, pid)
    end)
  ]] },

  { "EINTR is no answer of poll(2) that a pipe or a stream is not ready", [[
    local plan = { call = "poll", code = "EINTR", first = 1, last = 3 }
    local function answers(wanted, f, ...)
      local ok, answer = failing(plan, f, ...)
      assert(ok and answer == wanted, tostring(answer))
    end
    local function all()
      local from, to = sockeye.pipe()
      from:settimeout(0)
      to:settimeout(0)
      answers(1, to.write, to, "x")
      answers("x", from.read, from, 1)
      answers(false, from.read, from, 1)
      to:write "data"
      local stream = sockeye.stream(from)
      answers("data", stream.read_some, stream)
    end
    all()
    sockeye.run(all)
  ]] },

  { "EINTR hides no report of what was sent without copying", [[
    local l = sockeye.socket("inet", "stream"):bind "127.0.0.1:0":listen()
    local a = sockeye.socket("inet", "stream")
    a:connect(l:getsockname())
    local b = l:accept()
    a:send(("x"):rep(20000), "zerocopy")
    b:recv(20000, "waitall")
    sockeye.poll({ [a] = "r" }, 5) -- the kernel's report
    local _, done = failing({ call = "recvmsg", code = "EINTR" },
                            a.zerocopy_wait, a, "dontwait")
    assert(done == 1)
  ]] },

  { "a full stream that cannot be waited for disturbs no other call", [[
    local loops = require "spec.support.loops"
    local has_epoll, reason = loops.has_epoll()
    if not has_epoll then return print("pending: " .. reason) end
    sockeye.run({ poller = "epoll" }, function()
      local a, b = sockeye.socketpair()
      local c, d = sockeye.socketpair()
      local conn = sockeye.stream(a):setvbuf "full"
      while a:send(("x"):rep(65536), "dontwait") do end
      conn:setvbuf "auto"
      conn:write "more"
      sockeye.spawn(function()
        sockeye.sleep(0.01)
        d:send "y"
      end)
      local ok, got = failing({ call = "epoll_ctl", code = "EPERM" },
                              c.recv, c, 1)
      assert(ok and got == "y", tostring(got))
      b:settimeout(0)
      while b:recv(1 << 20) do end
      -- Its own error, or it has been waited for again.
      local ok, err = pcall(conn.flush, conn)
      assert(ok and b:recv(9) == "more" or
             sockeye.is_error(err, "EPERM") and err.call == "flush" and
             err.address, tostring(err))
    end)
  ]] },

  { "SIGPIPE stays away though a look for it is interrupted or fails", [[
    local function broken_pipe(plan)
      local from, to = sockeye.pipe()
      from:close()
      raises("EPIPE", "write", plan, to.write, to, "x")
    end
    broken_pipe { call = "sigtimedwait", code = "EINTR", last = 3 }
    for _ = 1, 20 do broken_pipe { call = "sigpending", code = "EFAULT" } end
  ]] },

  { "an end that cannot be unblocked makes no call that blocks", [[
    local from, to = sockeye.pipe()
    local a, b = sockeye.socketpair()
    a:settimeout(0.01)
    to:write "data"
    for first = 1, 2 do
      local ok, err = failing({ call = "fcntl", code = "EPERM", first = first },
                              sockeye.splice, from, a, 4)
      assert(not ok and sockeye.is_error(err, "EPERM"), tostring(err))
    end
    assert(sockeye.splice(from, a, 4) == 4 and b:recv(4) == "data")
  ]] },

  { "a database that cannot be read is not one without the name", [[
    local plan = { call = "malloc", code = "ENOMEM", last = always }
    local calls = { getservbyname = "http", getservbyport = 80,
                    getprotobyname = "tcp", getprotobynumber = 6 }
    for name, argument in pairs(calls) do
      -- First as it is, since glibc crashes where it cannot begin.
      assert(sockeye[name](argument))
      raises("ENOMEM", name, plan, sockeye[name], argument)
    end
  ]] },

  { "a port that cannot be had is no reason to wait", [[
    local s = sockeye.socket("inet", "stream")
    raises("EAGAIN", "connect", { call = "connect", code = "EAGAIN" },
           s.connect, s, "127.0.0.1:9")
    sockeye.run(function()
      raises("EAGAIN", "connect", { call = "connect", code = "EAGAIN" },
             s.connect, s, "127.0.0.1:9")
    end)
  ]] },
}

describe("a call that fails", function()
  for _, case in ipairs(cases) do
    it("is survived: " .. case[1], function()
      local problem, reason = faulty.run(case[2])
      if not problem then return pending(reason) end
      assert.equal("", problem)
    end)
  end
end)
