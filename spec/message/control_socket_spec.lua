local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"
local unprivileged = require "spec.support.unprivileged"

describe("credentials", function()
  descriptors.guard()

  for kind, make in pairs(messages.unix) do
    it("arrive with every message, once enabled: " .. kind, function()
      local a, b = make()
      b:setsockopt("SO_PASSCRED", true)
      local own = { pid = sockeye.getpid() }
      for _, message in ipairs { { iov = "x" },
                                 { iov = "x", control = { credentials = {} } },
                                 { iov = "x", control = { credentials = own } }
                               } do
        a:sendmsg(message)
        local c = b:recvmsg({ iov = 9, control = true }).control.credentials
        assert.equal(sockeye.getpid(), c.pid)
        assert.same({ "integer", "integer" },
                    { math.type(c.uid), math.type(c.gid) })
        local peer = a:getsockopt "SO_PEERCRED"
        if kind ~= "unix dgram" then
          assert.same({ peer.uid, peer.gid }, { c.uid, c.gid })
        end
      end
      sockets.close(a, b)
    end)

    it("name another process that sent the message: " .. kind, function()
      local a, b = make()
      b:setsockopt("SO_PASSCRED", true)
      local pid = fork.child(function() a:send "x" end)
      local m = b:recvmsg { iov = 9, control = true }
      assert.equal(pid, m.control.credentials.pid)
      fork.reap(pid)
      sockets.close(a, b)
    end)

    it("arrive together with descriptors: " .. kind, function()
      local a, b = make()
      b:setsockopt("SO_PASSCRED", true)
      a:sendmsg { iov = "x", control = { rights = { a, a } } }
      local m = b:recvmsg { iov = 9, control = true }
      assert.equal(sockeye.getpid(), m.control.credentials.pid)
      assert.equal(2, #m.control.rights)
      sockets.close(a, b, table.unpack(m.control.rights))
    end)

    it("forged ones are refused: " .. kind, function()
      local result, reason = unprivileged.lua(([[
        local sockeye = require "sockeye"
        local a = sockeye.socketpair("unix", %q)
        for _, forged in ipairs { { pid = 1 }, { uid = 12345 },
                                  { gid = 12345 } } do
          local ok, err = pcall(a.sendmsg, a,
            { iov = "x", control = { credentials = forged } })
          print(ok, err.code, err.call)
        end
      ]]):format(kind:match "%a+$"))
      if not result then return pending(reason) end
      assert.equal(("false\tEPERM\tsendmsg\n"):rep(3),
                   result.stdout .. result.stderr)
    end)

    it("can name another process, with the privilege: " .. kind, function()
      local a, b = make()
      b:setsockopt("SO_PASSCRED", true)
      local forged = { pid = sockeye.getppid(), uid = 12345, gid = 54321 }
      local ok, err = pcall(a.sendmsg, a,
                            { iov = "x", control = { credentials = forged } })
      if ok then
        local m = b:recvmsg { iov = 9, control = true }
        assert.same(forged, m.control.credentials)
        -- There is no such process.
        errors.raised("ESRCH", "sendmsg", a.sendmsg, a, {
          iov = "x", control = { credentials = { pid = 0x7fffffff } },
        })
      else
        assert.equal("EPERM", err.code)
      end
      sockets.close(a, b)
    end)
  end

  it("end a stream's read: it never mixes two senders", function()
    local a, b = sockets.unix()
    b:setsockopt("SO_PASSCRED", true)
    a:send "own"
    local pid = fork.child(function() a:send "child's" end)
    fork.reap(pid)
    for _, flags in ipairs { "peek", "" } do
      local m = b:recvmsg { iov = 99, control = true, flags = flags }
      assert.same({ "own", sockeye.getpid() },
                  { m.data, m.control.credentials.pid })
    end
    local m = b:recvmsg { iov = 99, control = true }
    assert.same({ "child's", pid }, { m.data, m.control.credentials.pid })
    sockets.close(a, b)
  end)
end)

-- The numbers of options that the headers may not know.
local SO_PASSPIDFD <const>, SO_RCVMARK <const> = 76, 75
local SO_RCVPRIORITY <const> = 82

-- Whether the kernel knows the option; else the spec is pending.
local function switch_on(s, number)
  local ok, err = pcall(s.setsockopt, s, "SOL_SOCKET", number, 1)
  if ok then return true end
  assert.is_true(err.code == "ENOPROTOOPT" or err.code == "EOPNOTSUPP")
  pending "this kernel does not have it"
end

describe("a pidfd", function()
  descriptors.guard()

  for kind, make in pairs(messages.unix) do
    it("refers to the sender, and can be waited for: " .. kind, function()
      local a, b = make()
      local known = switch_on(b, SO_PASSPIDFD)
      local r, w = sockeye.pipe()
      local pid = known and fork.child(function()
        w:close()
        a:send "x"
        r:read(1)
      end)
      local m = known and b:recvmsg { iov = 9, control = true }
      if known then
        local pidfd <close> = m.control.pidfd
        local file <close> = io.open("/proc/self/fdinfo/" .. pidfd:fd())
        assert.equal(pid, tonumber(file:read "a":match "Pid:%s*(%d+)"))
        assert.is_true(pidfd:fcntl "FD_CLOEXEC")
        assert.same({}, sockeye.poll({ [pidfd] = "r" }, 0))
        r:close()
        w:close()
        assert.is_truthy(sockeye.poll({ [pidfd] = "r" }, 20)[pidfd])
        fork.reap(pid)
        a:send "x"
        local fd = b:recvmsg({ iov = 9, control = true, rights = "numbers" })
          .control.pidfd
        sockeye.adopt(fd):close()
        a:send "x"
        m = b:recvmsg { iov = 9 }
        assert.same({ ctrunc = true }, m.flags)
      end
      sockets.close(a, b, r, w)
    end)
  end
end)

describe("a security label", function()
  descriptors.guard()

  it("arrives if there is a security module", function()
    local a, b = sockets.unix()
    b:setsockopt("SO_PASSSEC", true)
    a:send "x"
    local m = b:recvmsg { iov = 9, control = true }
    if m.control.security then
      assert.equal("string", type(m.control.security))
    else
      pending "no security module labels sockets here"
    end
    sockets.close(a, b)
  end)
end)

describe("a time stamp", function()
  descriptors.guard()

  local kinds = {
    timestamp = { "SO_TIMESTAMP", "microseconds", 1000000 },
    timestampns = { "SO_TIMESTAMPNS", "nanoseconds", 1000000000 },
  }
  local makers = { udp = sockets.udp, ["udp v6"] = messages.datagrams["udp v6"],
                   unix = function() return sockets.unix "dgram" end,
                   tcp = sockets.tcp }

  for name, row in pairs(kinds) do
    for kind, make in pairs(makers) do
      it(("is the time a message arrived: %s, %s"):format(name, kind),
         function()
        local option, fraction, most = table.unpack(row)
        local a, b = make()
        b:setsockopt(option, true)
        local before = os.time()
        local time
        -- TCP's first ones may come before the stamping has begun.
        for _ = 1, 1000 do
          a:send "x"
          time = b:recvmsg({ iov = 9, control = true }).control[name]
          if time then break end
          sockeye.sleep(0.001)
        end
        assert.is_true(time.seconds >= before - 1)
        assert.is_true(time.seconds <= os.time() + 1)
        assert.is_true(time[fraction] >= 0 and time[fraction] < most)
        sockets.close(a, b)
      end)
    end
  end

  it("of SO_TIMESTAMPING is the software's", function()
    local a, b = sockets.udp()
    b:setsockopt("SO_TIMESTAMPING", "rx_software software")
    local stamp
    for _ = 1, 1000 do
      a:send "x"
      stamp = b:recvmsg({ iov = 9, control = true }).control.timestamping
      if stamp then break end
      sockeye.sleep(0.001)
    end
    assert.is_true(stamp.software.seconds >= os.time() - 10)
    assert.is_nil(stamp.hardware)
    assert.is_nil(stamp.id)
    sockets.close(a, b)
  end)

  -- How it is sent, the stages that report, and how ids are counted.
  local sends = {
    udp = { sockets.udp, { "snd", "sched" }, 1 },
    ["udp v6"] = { messages.datagrams["udp v6"], { "snd", "sched" }, 1 },
    tcp = { sockets.tcp, { "snd", "sched", "ack" }, 5 },
  }
  for kind, row in pairs(sends) do
    local make, stages, step = table.unpack(row)
    for _, only in ipairs { "opt_tsonly", "" } do
      it(("of a sent message is read from the error queue: %s %s"):format(kind,
         only), function()
        local a, b = make()
        a:setsockopt("SO_TIMESTAMPING", "tx_software tx_sched software " ..
          "opt_id " .. (kind == "tcp" and "tx_ack " or "") .. only)
        local wanted = {}
        for i = 1, 2 do
          a:send "hello"
          assert.equal("hello", b:recv(9))
          for _, stage in ipairs(stages) do
            local id = step == 1 and i - 1 or step * i - 1
            wanted[stage .. " " .. id] = true
          end
        end
        while next(wanted) do
          local m = messages.queued(a)
          local stamp = m.control.timestamping
          assert.is_true(m.flags.errqueue)
          local key = ("%s %d"):format(stamp.stage, stamp.id)
          assert.is_true(wanted[key], key)
          wanted[key] = nil
          assert.is_true(stamp.software.seconds >= os.time() - 10)
          assert.is_nil(m.control.recverr)
          if only ~= "" then assert.equal("", m.data)
          else assert.equal("hello", m.data:sub(-5)) end
        end
        assert.is_false(a:recvmsg { iov = 9, flags = "errqueue" })
        sockets.close(a, b)
      end)
    end
  end

  it("can be requested for one message, with the caller's id", function()
    local a, b = sockets.udp()
    a:setsockopt("SO_TIMESTAMPING", "software opt_id opt_tsonly tx_software")
    local ok, err = pcall(a.sendmsg, a,
                          { iov = "x", control = { ts_opt_id = 4242 } })
    if not ok then
      assert.equal("EINVAL", err.code)
      pending "this kernel takes no ids"
    else
      assert.equal(4242, messages.queued(a).control.timestamping.id)
    end
    sockets.close(a, b)
  end)
end)

describe("a mark and a priority", function()
  descriptors.guard()

  for _, family in ipairs { "inet", "inet6" } do
    for name, number in pairs { mark = SO_RCVMARK,
                                priority = SO_RCVPRIORITY } do
      it(("are set for one message: %s, %s"):format(name, family), function()
        local a, b = messages.udp(family)
        local known = switch_on(b, number)
        for _, value in ipairs(known and { 0, 5, 6 } or {}) do
          local ok, err = pcall(a.sendmsg, a, {
            iov = "x", name = b:getsockname(), control = { [name] = value },
          })
          if not ok then
            assert.is_true(err.code == "EPERM" or err.code == "EINVAL")
            pending(name .. ": " .. err.code)
            break
          end
          local m = b:recvmsg { iov = 9, control = true }
          assert.equal(value, m.control[name])
        end
        sockets.close(a, b)
      end)
    end
  end
end)

describe("rxq_ovfl", function()
  descriptors.guard()

  it("counts the messages that were dropped", function()
    local a, b = sockets.udp()
    b:setsockopt("SO_RXQ_OVFL", true):setsockopt("SO_RCVBUF", 2048)
    for _ = 1, 100 do a:send(("x"):rep(1000)) end
    local count = 0
    while b:recv(9, "dontwait") do count = count + 1 end
    assert.is_true(count < 100)
    a:send "x"
    local m = b:recvmsg { iov = 9, control = true }
    assert.equal(100 - count, m.control.rxq_ovfl)
    sockets.close(a, b)
  end)
end)

describe("txtime", function()
  descriptors.guard()

  it("is accepted on a socket with a clock for it", function()
    local a, b = sockets.udp()
    local time = 1 << 60
    errors.raised("EINVAL", "sendmsg", a.sendmsg, a,
                  { iov = "x", control = { txtime = time } })
    for _, clock in ipairs { "monotonic", "tai" } do
      local number = clock == "monotonic" and 1 or 11
      local ok, err = pcall(a.setsockopt, a, "SO_TXTIME",
                            { clockid = number, flags = 0 })
      if not ok then
        assert.equal("EPERM", err.code)
        return pending "a clock of SO_TXTIME needs a privilege"
      end
      -- The loopback has no queue that would observe it.
      a:sendmsg { iov = clock, control = { txtime = time } }
      assert.equal(clock, b:recv(9))
    end
    sockets.close(a, b)
  end)
end)
