-- Calls that block, each with what lets it end and what it waits for.
--
-- make(name) returns call, which blocks; unblock; owner, the socket that it
-- waits on, where it is one; name, what errors name it; and is closed by a
-- <close> variable.

local sockeye = require "sockeye"

local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

local M = {}

local case = {}
case.__index = case

local function keep(self, ...)
  for _, s in ipairs { ... } do table.insert(self.kept, s) end
  return ...
end

function case:__close()
  for _, s in ipairs(self.kept) do s:close() end
  if self.child then fork.reap(self.child) end
end

local function listener(self, family, address, backlog)
  local l = keep(self, sockeye.socket(family, "stream"))
  l:bind(address)
  l:listen(backlog)
  return l
end

local function drain(s)
  s:settimeout(0)
  while s:read(65536) do end
end

local function reading(method)
  return function(self)
    local a, b = keep(self, sockeye.socketpair())
    self.owner = a
    self.call = function() return (a[method](a, 5)) == "hello" end
    self.unblock = function() b:send("hello") end
  end
end

local function writing(method, ...)
  local arguments = table.pack(...)
  return function(self)
    local a, b = keep(self, sockeye.socketpair())
    sockets.fill(a)
    self.owner = a
    self.call = function()
      return a[method](a, table.unpack(arguments, 1, arguments.n)) and true
    end
    self.unblock = function() drain(b) end
  end
end

-- A listener that takes no more connections until it has accepted one.
local function busy_listener(self, family, address)
  local l = listener(self, family, address, 0)
  keep(self, sockeye.socket(family, "stream")):connect(l:getsockname())
  return l
end

local function connecting(family, address)
  return function(self)
    local l = busy_listener(self, family, address or sockets.unix_name())
    local c = keep(self, sockeye.socket(family, "stream"))
    self.owner = c
    self.call = function() return c:connect(l:getsockname()) == c end
    self.unblock = function() keep(self, (l:accept())) end
  end
end

local makers = {
  accept = function(self)
    local l = listener(self, "inet", "127.0.0.1:0")
    self.owner = l
    self.call = function() return keep(self, (l:accept())) and true end
    self.unblock = function()
      keep(self, sockeye.socket("inet", "stream")):connect(l:getsockname())
    end
  end,
  ["connect (inet)"] = connecting("inet", "127.0.0.1:0"),
  ["connect (unix)"] = connecting("unix"),
  recv = reading "recv",
  recvfrom = reading "recvfrom",
  recvmsg = function(self)
    local a, b = keep(self, sockeye.socketpair())
    self.owner = a
    self.call = function()
      local m = a:recvmsg { iov = { 2, 3 }, control = true }
      return m.data == "hello" and #m.control.rights == 1 and
        keep(self, m.control.rights[1]) and true
    end
    self.unblock = function()
      b:sendmsg { iov = "hello", control = { rights = { b } } }
    end
  end,
  read = reading "read",
  ["read (pipe)"] = function(self)
    local r, w = keep(self, sockeye.pipe())
    self.owner = r
    self.call = function() return r:read(5) == "hello" end
    self.unblock = function() w:write("hello") end
  end,
  send = writing("send", "data"),
  sendall = writing("sendall", "one", "two"),
  sendmsg = writing("sendmsg", { iov = { "one", "two" } }),
  sendto = writing("sendto", "data", nil),
  write = writing("write", "data"),
  ["write (pipe)"] = function(self)
    local r, w = keep(self, sockeye.pipe())
    sockets.fill(w)
    self.owner = w
    self.call = function() return w:write("data") == 4 end
    self.unblock = function() drain(r) end
  end,
  poll = function(self)
    local a, b = keep(self, sockeye.socketpair())
    self.polled = a
    self.call = function() return sockeye.poll({ [a] = "r" })[a] == "r" end
    self.unblock = function() b:send("hello") end
  end,
  sleep = function(self)
    local start = sockeye.now()
    self.call = function()
      sockeye.sleep(0.1)
      return sockeye.now() - start >= 0.1
    end
    self.unblock = function() end
  end,
  waitpid = function(self)
    local r, w = keep(self, sockeye.pipe())
    local pid = fork.child(function()
      w:close()
      r:read(1)
    end)
    self.child = pid
    self.call = function()
      local ended = sockeye.waitpid(pid)
      self.child = nil
      return ended == pid
    end
    self.unblock = function() w:write("x") end
  end,
}

--- Their names, in order.
M.names = {}
for name in pairs(makers) do table.insert(M.names, name) end
table.sort(M.names)

function M.make(name)
  local self = setmetatable({ kept = {}, name = name:match("^%a+") }, case)
  makers[name](self)
  return self
end

return M
