local lfs = require "lfs"
local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local messages = require "spec.support.messages"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"
local unprivileged = require "spec.support.unprivileged"

local function file_with(text)
  local file = assert(io.tmpfile())
  file:write(text)
  file:flush()
  file:seek "set"
  return file
end

-- Two descriptors of one open file, or of one socket, are the same inode.
local function inode(fd)
  return lfs.attributes(("/proc/self/fd/%d"):format(fd), "ino")
end

-- Options of a process that has that many numbers of descriptors at most, and
-- the words of a prefix before its own.
local function few_numbers(count, prefix)
  return { prefix = { "sh", "-c", ('ulimit -n %d; exec "$@"'):format(count),
                      "sh", table.unpack(prefix or {}) } }
end

local function pass(a, b, rights, options)
  options = options or {}
  options.iov = options.iov or 100
  if options.control == nil then options.control = true end
  assert.equal(1, a:sendmsg { iov = "x", control = { rights = rights } })
  local m = b:recvmsg(options)
  assert.equal("x", m.data)
  return m
end

describe("descriptors passed", function()
  descriptors.guard()

  for kind, make in pairs(messages.unix) do
    it("arrive as sockets, pipes or files, and stay open here: " .. kind,
       function()
      local a, b = make()
      local file <close> = file_with "text"
      local r, w = sockeye.pipe()
      local m = pass(a, b, { b, file, w, r:fd() })
      local list = m.control.rights
      assert.same({}, m.flags)
      assert.equal(4, #list)
      for i, fd in ipairs { b:fd(), 0, w:fd(), r:fd() } do
        assert.is_false(list[i]:fd() == fd)
        if fd > 0 then assert.equal(inode(fd), inode(list[i]:fd())) end
        assert.is_true(list[i]:fcntl "FD_CLOEXEC")
      end
      assert.equal("text", list[2]:read(9))
      list[3]:write "through"
      assert.equal("through", list[4]:read(9))
      assert.equal(tostring(b):match "^%S+ %S+", tostring(list[1])
        :match "^%S+ %S+")
      a:send "again"
      assert.equal("again", list[1]:recv(9))
      sockets.close(a, b, r, w, table.unpack(list))
    end)

    it("arrive as numbers if asked for: " .. kind, function()
      local a, b = make()
      local m = pass(a, b, { a, b }, { rights = "numbers" })
      local list = m.control.rights
      for i, s in ipairs { a, b } do
        assert.equal("integer", math.type(list[i]))
        assert.equal(inode(s:fd()), inode(list[i]))
        local adopted <close> = sockeye.adopt(list[i])
        assert.is_true(adopted:fcntl "FD_CLOEXEC")
      end
      sockets.close(a, b)
    end)

    it("arrive again after a peek, as duplicates: " .. kind, function()
      local a, b = make()
      a:sendmsg { iov = "x", control = { rights = { a } } }
      local options = { iov = 9, control = true, flags = "peek" }
      local all = {}
      for i = 1, 3 do
        if i == 3 then options.flags = nil end
        all[i] = b:recvmsg(options).control.rights[1]
        assert.equal(inode(a:fd()), inode(all[i]:fd()))
      end
      sockets.close(a, b, table.unpack(all))
    end)

    it("arrive with their own messages, in order: " .. kind, function()
      local a, b = make()
      for i = 1, 3 do
        local list = {}
        for j = 1, i do list[j] = a end
        a:sendmsg { iov = tostring(i), control = { rights = list } }
      end
      for i = 1, 3 do
        local m = b:recvmsg { iov = 100, control = true }
        assert.same({ tostring(i), i }, { m.data, #m.control.rights })
        sockets.close(table.unpack(m.control.rights))
      end
      sockets.close(a, b)
    end)

    it("can be 253 at most: " .. kind, function()
      local a, b = make()
      local list = {}
      for i = 1, 253 do list[i] = i % 2 == 0 and a or b:fd() end
      local came = pass(a, b, list).control.rights
      assert.equal(253, #came)
      for i, s in ipairs(came) do
        assert.equal(inode((i % 2 == 0 and a or b):fd()), inode(s:fd()))
      end
      sockets.close(table.unpack(came))
      list[254] = a
      errors.raised("EINVAL", "sendmsg", a.sendmsg, a,
                    { iov = "x", control = { rights = list } })
      assert.is_false(b:recv(9, "dontwait"))
      sockets.close(a, b)
    end)

    it("are closed if there is no room for them: " .. kind, function()
      local a, b = make()
      -- Of three descriptors after the header.
      for beyond, count in pairs { [12] = 3, [11] = 2, [8] = 2, [7] = 1,
                                   [4] = 1, [3] = 0, [0] = 0, [-1] = 0 } do
        local room = messages.header + beyond
        local m = pass(a, b, { a, b, a }, { control = room })
        assert.equal(count < 3 or nil, m.flags.ctrunc, "room " .. room)
        local list = m.control.rights or {}
        assert.equal(count, #list)
        sockets.close(table.unpack(list))
        m = pass(a, b, { a, b, a }, { control = room, rights = "numbers" })
        assert.equal(count, #(m.control.rights or {}))
        for _, fd in ipairs(m.control.rights or {}) do
          sockeye.adopt(fd):close()
        end
      end
      for _, control in ipairs { 0, false } do
        local m = pass(a, b, { a, b }, { control = control })
        assert.same({ ctrunc = true }, m.flags)
        assert.is_nil(m.control)
      end
      sockets.close(a, b)
    end)

    it("are closed if another call receives the message: " .. kind, function()
      local a, b = make()
      for _, method in ipairs { "recv", "recvfrom", "read" } do
        a:sendmsg { iov = "x", control = { rights = { a, b } } }
        assert.equal("x", (b[method](b, 9)))
      end
      a:sendmsg { iov = "x", control = { rights = { a, b } } }
      sockets.close(a, b)
    end)

    it("can be an empty list: " .. kind, function()
      local a, b = make()
      local m = pass(a, b, {})
      assert.same({}, m.control)
      sockets.close(a, b)
    end)
  end

  for kind, make in pairs(messages.unix) do
    if kind ~= "unix stream" then
      it("arrive without data: " .. kind, function()
        local a, b = make()
        assert.equal(0, a:sendmsg { control = { rights = { a } } })
        local m = b:recvmsg { iov = 9, control = true }
        assert.equal("", m.data)
        assert.equal(1, #m.control.rights)
        sockets.close(m.control.rights[1])
        a:sendmsg { control = { rights = { a } } }
        m = b:recvmsg { iov = 9 }
        assert.same({ "", { ctrunc = true } }, { m.data, m.flags })
        sockets.close(a, b)
      end)
    end
  end

  it("do not arrive on a stream without data", function()
    local a, b = sockets.unix()
    assert.equal(0, a:sendmsg { control = { rights = { a } } })
    assert.is_false(b:recvmsg { iov = 9, control = true, flags = "dontwait" })
    sockets.close(a, b)
  end)

  it("keep their place in a stream", function()
    local a, b = sockets.unix()
    a:send "ab"
    a:sendmsg { iov = "cdef", control = { rights = { a } } }
    a:send "gh"
    local options = { iov = 3, control = true }
    local m = b:recvmsg(options)
    assert.equal("abc", m.data)
    assert.equal(1, #m.control.rights)
    sockets.close(m.control.rights[1])
    options.iov = 100
    m = b:recvmsg(options)
    -- What is left of the message that had brought them.
    assert.equal("def", m.data:sub(1, 3))
    assert.is_nil(m.control.rights)
    sockets.close(a, b)
  end)

  it("cannot be of closed files", function()
    local a, b = sockets.unix()
    local closed <close> = sockeye.socket("unix", "stream")
    closed:close()
    local file = io.tmpfile()
    file:close()
    for _, wrong in ipairs { closed, file, 1 << 30 } do
      errors.raised("EBADF", "sendmsg", a.sendmsg, a,
                    { iov = "x", control = { rights = { a, wrong } } })
      errors.raised("EBADF", "sendmany", a.sendmany, a,
                    { { iov = "x", control = { rights = { wrong } } } })
    end
    assert.is_false(b:recv(9, "dontwait"))
    sockets.close(a, b)
  end)

  it("do not arrive where there is no Unix socket", function()
    for _, make in ipairs { sockets.udp, sockets.tcp } do
      local a, b = make()
      local ok, err = pcall(a.sendmsg, a,
                            { iov = "x", control = { rights = { a } } })
      if ok then
        local m = b:recvmsg { iov = 9, control = true }
        assert.equal("x", m.data)
        assert.is_nil(m.control.rights)
      else
        assert.equal("EINVAL", err.code)
      end
      sockets.close(a, b)
    end
  end)

  it("work in another process", function()
    local a, b = sockets.unix()
    local l <close> = sockets.listener()
    local pid = fork.child(function()
      l:close()
      local listener = b:recvmsg({ iov = 9, control = true }).control.rights[1]
      local s = listener:accept()
      s:sendmsg { iov = "served" }
      b:sendmsg { iov = "x", control = { rights = { s } } }
    end)
    a:sendmsg { iov = "x", control = { rights = { l } } }
    local c <close> = sockets.client(l:getsockname())
    assert.equal("served", c:recv(9))
    local s <close> =
      a:recvmsg({ iov = 9, control = true }).control.rights[1]
    fork.reap(pid)
    s:send "still"
    assert.equal("still", c:recv(9))
    sockets.close(a, b)
  end)

  it("arrive as far as descriptors are left for them", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair("unix", "dgram")
      local list = {}
      for i = 1, 100 do list[i] = a end
      for _, form in ipairs { "sockets", "numbers" } do
        a:sendmsg { iov = "x", control = { rights = list } }
        local m = b:recvmsg { iov = 9, control = true, rights = form }
        assert(m.data == "x" and m.flags.ctrunc)
        local came = m.control.rights
        assert(#came > 20 and #came < 60)
        for i, s in ipairs(came) do
          if form == "numbers" then s = sockeye.adopt(s) end
          s:close()
        end
      end
      -- Once there is room again, more are taken.
      a:sendmsg { iov = "x", control = { rights = { a } } }
      print(#b:recvmsg({ iov = 9, control = true }).control.rights)
    ]], few_numbers(60))
    assert.equal("", result.stderr)
    assert.equal("1\n", result.stdout)
  end)

  it("that nothing refers to are collected before EMFILE", function()
    local result = process.lua_script([[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair()
      local list, cut = {}, 0
      for i = 1, 100 do list[i] = a end
      for _ = 1, 50 do
        a:sendmsg { iov = "x", control = { rights = list } }
        local m = b:recvmsg { iov = 9, control = true }
        if m.flags.ctrunc then cut = cut + 1 end
      end
      print(cut <= 25)
    ]], few_numbers(300))
    assert.equal("", result.stderr)
    assert.equal("true\n", result.stdout)
  end)

  it("raise ETOOMANYREFS when too many are on their way",
     function()
    local script = [[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair("unix", "dgram")
      a:settimeout(0)
      local list = {}
      for i = 1, 50 do list[i] = b end
      local ends = {}
      for _ = 1, 20 do
        local c, d = sockeye.socketpair("unix", "dgram")
        c:settimeout(0)
        ends[#ends + 1] = d
        for _ = 1, 20 do
          local ok, n = pcall(c.sendmsg, c,
                              { iov = "x", control = { rights = list } })
          if not ok then
            assert(n.call == "sendmsg")
            -- Others can still send what has no descriptors.
            a:send "y"
            return print(n.code, b:recv(9))
          elseif not n then
            break
          end
        end
      end
    ]]
    local options, reason = unprivileged.options()
    if not options then return pending(reason) end
    local result = process.lua_script(script,
                                      few_numbers(100, options.prefix))
    assert.equal("", result.stderr)
    assert.equal("ETOOMANYREFS\ty\n", result.stdout)
  end)

  it("are those that are open when the message is sent", function()
    local a, b = sockets.unix()
    local closed = 0
    for try = 1, 20 do
      local victim <close> = sockeye.socket("inet", "dgram")
      local opened
      -- The order of the fields is another each time.
      local control = { rights = { victim }, ["ttl" .. try] = nil }
      control.credentials = setmetatable({}, { __index = function()
        if not opened then
          victim:close()
          opened = sockeye.socket("unix", "stream")
        end
      end })
      for _, send in ipairs {
        function() a:sendmsg { iov = "x", control = control } end,
        function() a:sendmany { { iov = "x", control = control } } end,
      } do
        errors.raised("EBADF", nil, send)
        closed = closed + 1
      end
      opened:close()
    end
    assert.equal(40, closed)
    assert.is_false(b:recv(9, "dontwait"))
    sockets.close(a, b)
  end)
end)
