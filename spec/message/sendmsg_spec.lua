local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local messages = require "spec.support.messages"
local sockets = require "spec.support.sockets"
local worlds = require "spec.support.worlds"

describe("recvmsg with waitall", function()
  descriptors.guard()

  for kind, make in pairs(messages.streams) do
    for title, timeout in pairs { untimed = false, timed = 20 } do
      it(("joins the data of several sends: %s, %s"):format(kind, title),
         function()
        local a, b = make()
        b:settimeout(timeout or nil)
        local calls = 0
        do
          local _ <close> = fork.interrupt("USR1", function()
            calls = calls + 1
            a:send(calls < 3 and "abc" or "defghi")
          end, 1000)
          local m = b:recvmsg { iov = { 4, 0, 6 }, flags = "waitall" }
          assert.same({ "abca", "", "bcdefg" }, m.iov)
          assert.equal("abcabcdefg", m.data)
        end
        assert.is_true(calls >= 3)
        sockets.close(a, b)
      end)
    end

    it("returns less at the end: " .. kind, function()
      local a, b = make()
      a:send "abc"
      a:shutdown "wr"
      local m = b:recvmsg { iov = { 2, 9 }, flags = "waitall" }
      assert.same({ "ab", "c" }, m.iov)
      assert.is_nil(b:recvmsg { iov = 9, flags = "waitall" })
      sockets.close(a, b)
    end)

    it("raises a time-out with the data received so far: " .. kind, function()
      local a, b = make()
      a:send "abc"
      sockeye.poll({ [b] = "r" }, 20)
      b:settimeout(0.02)
      local err = errors.raised("ETIMEDOUT", "recvmsg", b.recvmsg, b,
                                { iov = 9, flags = "waitall" })
      assert.same({ true, "abc" }, { err.timeout, err.partial })
      a:send "abc"
      sockeye.poll({ [b] = "r" }, 20)
      b:settimeout(0)
      assert.equal("abc", b:recvmsg({ iov = 9, flags = "waitall" }).data)
      sockets.close(a, b)
    end)
  end

  it("ends at control data of later bytes", function()
    for _, timeout in ipairs { false, 20, 0 } do
      local a, b = sockets.unix()
      b:settimeout(timeout or nil)
      a:send "ab"
      a:sendmsg { iov = "cd", control = { rights = { a } } }
      a:sendmsg { iov = "ef", control = { rights = { b, a } } }
      a:send "gh"
      local options = { iov = 8, flags = "waitall", control = true }
      local m = b:recvmsg(options)
      assert.equal("abcd", m.data)
      assert.equal(1, #m.control.rights)
      sockets.close(m.control.rights[1])
      m = b:recvmsg(options)
      assert.equal("ef", m.data)
      assert.equal(2, #m.control.rights)
      sockets.close(table.unpack(m.control.rights))
      b:settimeout(0)
      assert.equal("gh", b:recvmsg(options).data)
      sockets.close(a, b)
    end
  end)

  it("reads on past control data that was not asked for", function()
    local a, b = sockets.unix()
    a:sendmsg { iov = "ab", control = { rights = { a } } }
    a:send "cd"
    b:settimeout(20)
    local m = b:recvmsg { iov = 4, flags = "waitall" }
    assert.same({ "abcd", { ctrunc = true } }, { m.data, m.flags })
    sockets.close(a, b)
  end)
end)

describe("a task in sendmsg or recvmsg", function()
  descriptors.guard()

  local function in_task(f, ...)
    if #sockeye.tasks() > 0 then return f(...) end
    return sockeye.run(sockeye.timeout, 20, f, ...)
  end

  local function receiving(kind)
    local a, b = messages.all[kind]()
    return b, function() return b:recvmsg { iov = 9, control = true } end, a
  end

  local function sending()
    local a, b = sockets.unix()
    sockets.fill(a)
    return a, function() return a:sendmsg { iov = "x" } end, b
  end

  local calls = { sendmsg = sending }
  for kind in pairs(messages.all) do
    calls["recvmsg: " .. kind] = function() return receiving(kind) end
  end

  for name, make in pairs(calls) do
    it("raises EBADF when the socket is closed: " .. name, function()
      in_task(function()
        local s, f, other = make()
        local t = sockeye.spawn(f)
        repeat sockeye.yield() until t:status() == "waiting"
        s:close()
        errors.closed(name:match "^%a+", t.join, t)
        other:close()
      end)
    end)

    it("raises ECANCELED when it is cancelled: " .. name, function()
      in_task(function()
        local s, f, other = make()
        local t = sockeye.spawn(pcall, f)
        repeat sockeye.yield() until t:status() == "waiting"
        errors.canceled(name:match "^%a+", t)
        assert.equal(0, s:settimeout(0) and 0)
        sockets.close(s, other)
      end)
    end)
  end

  for kind, make in pairs(messages.all) do
    it("waits while another task runs: " .. kind, function()
      in_task(function()
        local a, b = make()
        local list = {}
        local t = sockeye.spawn(function()
          for i = 1, 200 do list[i] = b:recvmsg({ iov = 4 }).data end
        end)
        for i = 1, 200 do a:sendmsg { iov = { string.pack(">I4", i) } } end
        t:join()
        for i = 1, 200 do assert.equal(i, (string.unpack(">I4", list[i]))) end
        sockets.close(a, b)
      end)
    end)
  end

  -- What waits has read the sizes already, and splits the data by them.
  for title, change in pairs {
    ["by no list"] = function(options) options.iov = 0x41414141 end,
    ["by an empty one"] = function(options) options.iov = {} end,
    ["by sizes that are none"] = function(options)
      options.iov = { "x", {}, 0 }
    end,
    ["in its list"] = function(options)
      for i = 1, 3 do options.iov[i] = nil end
    end,
    ["with all fields"] = function(options)
      for name in pairs(options) do options[name] = nil end
    end,
  } do
    for where, run in pairs {
      outside = function(f) return f() end, inside = worlds.in_task,
    } do
      for _, flags in ipairs { "", "waitall" } do
        it(("returns whole data whose sizes change meanwhile %s: %s %s")
             :format(title, where, flags), function()
          local a, b = sockets.unix()
          local options = { iov = { 2, 0, 6 }, flags = flags }
          local ok, m = run(function()
            local handled = 0
            local _ <close> = fork.interrupt("USR1", function()
              handled = handled + 1
              if handled == 1 then
                change(options)
                a:send(flags == "" and "abcdefgh" or "abcd")
              elseif handled == 2 and flags == "waitall" then
                a:send "efgh"
              end
            end, 1000)
            return pcall(b.recvmsg, b, options)
          end)
          if ok then
            assert.equal("abcdefgh", m.data)
            assert.is_true(m.iov == nil or table.concat(m.iov) == m.data)
          else
            assert.matches("bad argument", m)
          end
          sockets.close(a, b)
        end)
      end
    end
  end
end)
