local loops = require "spec.support.loops"
local process = require "spec.support.process"
local trace = require "spec.support.trace"

-- Tasks that talk, once the loop is at work; prints "ok", or the error's code
-- and call, and how many descriptors are left open.
local script = [[
  local lfs = require "lfs"
  local sockeye = require "sockeye"
  local function descriptors()
    collectgarbage()
    collectgarbage()
    local count = 0
    for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
    return count
  end
  local before = descriptors()
  local ok, err = pcall(sockeye.run, function()
    local a, b = sockeye.socketpair()
    sockeye.spawn(function()
      for data in function() return b:recv(100) end do b:sendall(data) end
      b:close()
    end)
    for i = 1, 20 do
      a:sendall(("%3d"):format(i))
      assert(a:recv(3, "waitall") == ("%3d"):format(i))
      if i % 5 == 0 then sockeye.sleep(0.001) end
    end
    a:close()
  end)
  print(ok and "ok" or err.code .. " by " .. err.call)
  print(descriptors() - before)
]]

-- What becomes of a failure of the first call, and of one later on: a pattern.
local cases = {
  { "epoll_create1", "EMFILE", "1", "^ok\n0" },
  { "epoll_create1", "EMFILE", "1..2", "^EMFILE by run\n0" },
  { "epoll_create1", "ENOMEM", "1", "^ENOMEM by run\n0" },
  { "epoll_ctl", "ENOMEM", "1", "^ENOMEM by recv\n0" },
  { "epoll_ctl", "ENOSPC", "2", "^ENOSPC by recv\n0" },
  { "epoll_ctl", "EEXIST", "1", "^ok\n0" },
  { "epoll_ctl", "ENOENT", "1", "^ok\n0" },
  { "epoll_wait", "EINTR", "1", "^ok\n0" },
  { "epoll_wait", "EINTR", "2+3", "^ok\n0" },
  { "epoll_wait", "ENOMEM", "3", "^ENOMEM by epoll_wait\n0" },
  { "epoll_wait", "EBADF", "1", "^EBADF by epoll_wait\n0" },
  { "epoll_pwait2", "EINTR", "1+2", "^ok\n0" },
  { "epoll_pwait2", "ENOSYS", "1+", "^ok\n0" },
  { "epoll_pwait2", "EPERM", "1+", "^ok\n0" },
  { "epoll_pwait2", "EBADF", "1", "^EBADF by epoll_wait\n0" },
  { "recvfrom", "EAGAIN", "1", "^ok\n0" },
  { "sendto", "EAGAIN", "1", "^ok\n0" },
  { "ppoll", "EINTR", "2+2", "^ok\n0", "poll" },
  { "ppoll", "ENOMEM", "2", "^ENOMEM by poll\n0", "poll" },
}

-- musl, and Linux on newer processors, have one call in place of another.
local system_calls <const> = {
  epoll_wait = "?epoll_wait,?epoll_pwait",
  epoll_pwait2 = "?epoll_pwait2",
  ppoll = trace.names "ppoll",
}

describe("a poller #ptrace", function()
  for _, case in ipairs(cases) do
    local call, code, which, pattern, poller = table.unpack(case)

    it(("continues, or raises, after %s of %s (%s)"):format(code, call, which),
       function()
      local available, reason = trace.available()
      if available and call:find "epoll" then
        available, reason = loops.has_epoll()
      end
      if not available then return pending(reason) end
      local injected = system_calls[call] or call
      local result = process.lua_script(script, {
        env = { SOCKEYE_POLLER = poller or "epoll" }, timeout = 20,
        prefix = { "strace", "-f", "-qq", "-o", "/dev/null", "-e",
                   "trace=" .. injected, "-e",
                   ("inject=%s:error=%s:when=%s"):format(injected, code,
                                                         which) },
      })
      assert.matches(pattern, result.stdout .. result.stderr)
    end)
  end
end)
