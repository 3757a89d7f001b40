local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"
local lists = require "spec.support.lists"
local process = require "spec.support.process"
local sockets = require "spec.support.sockets"

describe("the arguments of messages", function()
  descriptors.guard()

  local many = {}
  for i = 1, 1025 do many[i] = "" end

  -- As methods, whose arguments are counted without the socket.
  local calls = {}
  function calls.sendmsg(s, message) s:sendmsg(message) end
  function calls.recvmsg(s, options) s:recvmsg(options) end

  -- The method, its argument, and what its error says.
  local wrong = {
    { "sendmsg", nil, "#1.*table expected" },
    { "sendmsg", "data", "#1.*table expected" },
    { "sendmsg", { "data" }, "#1.*only named fields" },
    { "sendmsg", { iow = "x" }, "#1.*'iow', did you mean 'iov'" },
    { "sendmsg", { iov = 5 }, "#1.*'iov'" },
    { "sendmsg", { iov = { "x", 5 } }, "#1.*'iov'.*strings" },
    { "sendmsg", { iov = { "x", {} } }, "#1.*'iov'" },
    { "sendmsg", { iov = many }, "#1.*'iov'.*1024" },
    { "sendmsg", { iov = "x", name = 5 }, "#1.*'name'.*got number" },
    { "sendmsg", { iov = "x", name = "localhost:80" },
      "#1.*'name'.*not an address" },
    { "sendmsg", { iov = "x", name = "127.0.0.1:80\0" }, "#1.*'name'.*zero" },
    { "sendmsg", { iov = "x", name = "unix:" .. ("x"):rep(109) },
      "#1.*'name'.*at most 108" },
    { "sendmsg", { iov = "x", name = {} }, "#1.*'name'" },
    { "sendmsg", { iov = "x", flags = "dontwhat" },
      "#1.*'flags'.*did you mean 'dontwait'" },
    { "sendmsg", { iov = "x", flags = -1 }, "#1.*'flags'.*range" },
    { "sendmsg", { iov = "x", flags = 1.5 }, "#1.*'flags'.*integer" },
    { "sendmsg", { iov = "x", flags = {} }, "#1.*'flags'" },
    { "sendmsg", { iov = "x", flags = "peek\0" }, "#1.*'flags'.*zero" },
    { "sendmsg", { iov = "x", control = true }, "#1.*'control'" },
    { "recvmsg", nil, "#1.*table expected" },
    { "recvmsg", 5, "#1.*table expected" },
    { "recvmsg", {}, "#1.*'iov'" },
    { "recvmsg", { 5 }, "#1.*only named fields" },
    { "recvmsg", { iov = -1 }, "#1.*'iov'.*range" },
    { "recvmsg", { iov = 1.5 }, "#1.*'iov'" },
    { "recvmsg", { iov = "x" }, "#1.*'iov'" },
    { "recvmsg", { iov = { 1, -1 } }, "#1.*'iov'" },
    { "recvmsg", { iov = { 1, 1 << 31 } }, "#1.*'iov'" },
    { "recvmsg", { iov = { 1, "x" } }, "#1.*'iov'" },
    { "recvmsg", { iov = 9, control = -1 }, "#1.*'control'.*range" },
    { "recvmsg", { iov = 9, control = 1 << 31 }, "#1.*'control'.*range" },
    { "recvmsg", { iov = 9, control = {} }, "#1.*'control'" },
    { "recvmsg", { iov = 9, flags = "peak" },
      "#1.*'flags'.*did you mean 'peek'" },
    { "recvmsg", { iov = 9, rights = "number" }, "#1.*'rights'.*numbers" },
    { "recvmsg", { iov = 9, rights = true }, "#1.*'rights'" },
    { "recvmsg", { iov = 9, controll = true }, "#1.*did you mean 'control'" },
    { "recvmsg", { iov = 9, name = "x" }, "#1.*'name'" },
  }
  for i, case in ipairs(wrong) do
    local method, argument, pattern = table.unpack(case, 1, 3)
    it(("are rejected if wrong: %s (%d)"):format(method, i), function()
      local a, b = sockets.udp()
      errors.rejected(("bad argument %s"):format(pattern), calls[method], a,
                      argument)
      assert.is_false(b:recv(1, "dontwait"))
      sockets.close(a, b)
    end)
  end

  it("may be followed by others, which are ignored", function()
    local a, b = sockets.unix()
    assert.equal(1, a:sendmsg({ iov = "x" }, "more", nil, {}))
    assert.equal("x", b:recvmsg({ iov = 9 }, "more", nil).data)
    sockets.close(a, b)
  end)

  it("are not changed by the call", function()
    local a, b = sockets.udp()
    local iov, control = { "x", "y" }, { ttl = 5 }
    local message = { iov = iov, control = control,
                      name = tostring(b:getsockname()), flags = "" }
    a:disconnect():sendmsg(message)
    assert.same({ iov = { "x", "y" }, control = { ttl = 5 },
                  name = tostring(b:getsockname()), flags = "" }, message)
    assert.is_true(message.iov == iov and message.control == control)
    sockets.close(a, b)
  end)

  it("may be more than fit on the C stack", function()
    local result = process.lua_script [[
      local sockeye = require "sockeye"
      local a, b = sockeye.socketpair("unix", "dgram")
      local list = {}
      for i = 1, 500 do list[i] = ("x"):rep(i) end
      local control = {}
      for i = 1, 300 do
        control[i] = { level = 1, type = 1, data = "" }
      end
      print(pcall(a.sendmsg, a, { iov = list, control = control }))
      print(#b:recvmsg({ iov = 200000 }).data)
    ]]
    assert.equal("", result.stderr)
    if libc.is_musl() and result.stdout:find "sendmsg: [^\n]*%(ENOMEM%)" then
      return pending("musl " .. libc.control_limit)
    end
    assert.equal("125250\n", result.stdout:match "[^\n]*\n$")
  end)

  -- A length that no memory holds, and whose product with a size is small.
  local endless = lists.endless

  for title, call in pairs {
    ["sendmsg's strings"] = function(a)
      a:sendmsg { iov = endless "'x'" }
    end,
    ["sendmsg's descriptors"] = function(a)
      a:sendmsg { iov = "x", control = { rights = endless "1" } }
    end,
    ["sendmany's strings"] = function(a)
      a:sendmany { { iov = endless "'x'" } }
    end,
    ["recvmsg's sizes"] = function(a)
      a:recvmsg { iov = endless "1" }
    end,
    ["recvmany's sizes"] = function(a)
      a:recvmany(3, { iov = endless "1" })
    end,
    ["an argument list"] = function()
      sockeye.execv("/nonexistent", endless "'x'")
    end,
    ["the list of an environment"] = function()
      sockeye.execve("/nonexistent", { "x" }, endless "1")
    end,
    ["a filter"] = function(a)
      a:setsockopt("SO_ATTACH_FILTER", endless "{6,0,0,1}")
    end,
    ["a filter's instruction"] = function(a)
      a:setsockopt("SO_ATTACH_FILTER", { endless "1" })
    end,
    ["a source filter"] = function()
      local u <close> = sockeye.socket("inet", "dgram")
      u:setsockopt("IP_MSFILTER", {
        group = "239.1.2.3", interface = "127.0.0.1", mode = "include",
        sources = endless "'127.0.0.1'",
      })
    end,
    ["a list of messages"] = function(a)
      a:sendmany(endless "1")
    end,
    ["a list of addresses"] = function(a)
      a:sendmany({ "x" }, endless "1")
    end,
  } do
    it("may not be longer than is stated: " .. title, function()
      local a, b = sockets.unix()
      errors.rejected("bad argument", call, a)
      sockets.close(a, b)
    end)
  end
end)
