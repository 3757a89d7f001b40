local fuzz = require "spec.support.fuzz"
local process = require "spec.support.process"
local trace = require "spec.support.trace"

-- What spec/support/fuzz.lua says of each function.
local outcomes

local function run()
  local result = process.run({ process.lua, "spec/support/fuzz.lua", "60" },
                             { is_lua = true, timeout = 300 })
  outcomes = { [0] = ("exit %s, signal %s: %s"):format(
    result.status, result.signal, result.stderr) }
  for name, outcome in result.stdout:gmatch("([%w.:_ ]+)\t([^\n]*)\n") do
    outcomes[name] = outcome
  end
end

describe("arguments of any kind", function()
  local names = { "options of getsockopt", "options of setsockopt" }
  for _, entry in ipairs(fuzz.functions()) do
    names[#names + 1] = entry[1]
  end

  for _, name in ipairs(names) do
    it("are accepted or rejected, without a crash, by " .. name, function()
      if not outcomes then run() end
      assert.equal("ok", outcomes[name] or outcomes[0])
    end)
  end
end)

-- Every call here is wrong in one way; the letters stand for sockets.
local wrong = [[
  sockeye.socket, "inet9", "stream"
  sockeye.socket, "inet", "streem"
  sockeye.socket, "inet", "stream", {}
  sockeye.socketpair, "unix", 1.5
  sockeye.adopt, -1
  sockeye.inet, "127.0.0.1", 65536
  sockeye.inet6, "::1", 80, { flowinfo = -1 }
  sockeye.unix, ("x"):rep(109)
  sockeye.packet, "lo", "arpp"
  sockeye.packet, 1, "ip", { address = "02:42" .. ("x"):rep(9) }
  sockeye.netlink, -1
  sockeye.vsock, "nobody", 1
  s.bind, s, "127.0.0.1:65536"
  s.bind, s, "localhost:80"
  s.connect, s, "[::1]"
  u.connect, u, "unix:" .. ("x"):rep(109)
  s.listen, s, 1 << 31
  s.shutdown, s, "both"
  s.fcntl, s, "O_NOTHING", true
  s.fcntl, s, "O_NONBLOCK", 1
  s.fcntl, s, "O_NONBLOCK", nil
  s.settimeout, s, -1
  s.recv, s, -1
  s.recv, s, 1.5
  s.recv, s, 10, "peak"
  s.recvfrom, s, "much"
  s.read, s, -1
  s.read, s
  s.send, s, {}
  s.send, s, "data", "nosuch"
  s.sendto, s, "data", 80
  s.sendto, s, "data", "127.0.0.1:1", "nosuch"
  s.sendmsg, s, "data"
  s.sendmsg, s, { iov = { "data", 5 } }
  s.sendmsg, s, { iov = "data", name = "localhost:80" }
  s.sendmsg, s, { iov = "data", control = { ttl = 256 } }
  s.sendmsg, s, { iov = "data", control = { tll = 5 } }
  s.recvmsg, s, 5
  s.recvmsg, s, { iov = -1 }
  s.recvmsg, s, { iov = { 1, "x" } }
  s.recvmsg, s, { iov = 5, control = -1 }
  s.recvmsg, s, { iov = 5, rights = "number" }
  s.recvmsg, s, { iov = 5, flags = "peak" }
  s.sendall, s
  s.sendall, s, "data", nil, "data"
  u.write, u, nil
  s.setsockopt, s, "SO_REUSEADR", true
  s.setsockopt, s, "SO_REUSEADDR", 1
  s.setsockopt, s, "SO_TYPE", 1
  s.setsockopt, s, "SO_LINGER", -1
  s.setsockopt, s, "SO_RCVBUF", 1 << 40
  s.setsockopt, s, "IP_ADD_MEMBERSHIP", { group = "nosuch" }
  s.getsockopt, s, "nosuch"
  s.getsockopt, s, "IP_ADD_MEMBERSHIP"
  s.getsockopt, s, "SOL_SOCKET", "SO_TYPE", -1
  sockeye.poll, { [s] = "x" }
  sockeye.poll, { "r", [{}] = "r" }
  sockeye.poll, {}, -1
  sockeye.sleep, -1
  sockeye.resolve, "a\0b"
  sockeye.resolve, "localhost", 65536
  sockeye.resolve, "localhost", 80, { type = "streem" }
  sockeye.nameinfo, "localhost:80"
  sockeye.gethostbyaddr, "localhost"
  sockeye.gethostbyaddr, sockeye.unix("/a")
  sockeye.idn, "\xff"
  sockeye.endpoint, "host"
  sockeye.nameinfo, "127.0.0.1:80", "nosuch"
  sockeye.getservbyname, "a\0b"
  sockeye.getservbyport, 65536
  sockeye.if_nametoindex, {}
  sockeye.if_indextoname, -1
  sockeye.kill, 1 << 40, 0
  sockeye.kill, 0x7fffffff, "SIGNOSUCH"
  sockeye.signal, "SIGNOSUCH"
  sockeye.signal, "SIGUSR1", "nosuch"
  sockeye.waitpid, "all"
  sockeye.waitpid, -1, "nosuch"
  sockeye.dup2, s, -1
  sockeye.execv, "/nosuch", { 1, {} }
  sockeye.execve, "/nosuch", { "a" }, { ["A=B"] = 1 }
  sockeye.execv, "/no\0such", { "a" }
]]

describe("a wrong argument #ptrace", function()
  it("is reported before any system call", function()
    local available, reason = trace.available()
    if not available then return pending(reason) end
    local tries = wrong:gsub("%s*([^\n]+)", "\ntry(%1)")
    local result = process.lua_script(([[
      local sockeye = require "sockeye"
      local s = sockeye.socket("inet", "stream")
      local u = sockeye.socket("unix", "stream")
      local function try(f, ...)
        local ok, err = pcall(f, ...)
        local line = debug.getinfo(2, "l").currentline
        assert(not ok and type(err) == "string" and
               err:find("bad argument", 1, true),
               ("line %%d: %%s"):format(line, err))
      end
      collectgarbage("stop")
      sockeye.sleep(0)
      %s
      sockeye.sleep(0)
    ]]):format(tries), { prefix = { "strace", "-qq", "-o", "/dev/stdout" } })
    assert.equal("", result.stderr)
    local between = result.stdout:match("ppoll%(.-\n(.*)ppoll%(")
    assert.is_string(between)
    -- Memory may be asked for.
    for _, call in ipairs { "brk", "mmap", "munmap" } do
      between = between:gsub(call .. "%([^\n]*\n", "")
    end
    assert.equal("", between)
  end)
end)
