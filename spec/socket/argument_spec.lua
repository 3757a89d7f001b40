local lfs = require "lfs"
local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local sorted = require "spec.support.sorted"

-- Two descriptors of one pipe are the same inode.
local function inode(fd)
  return lfs.attributes(("/proc/self/fd/%d"):format(fd), "ino")
end

-- What names the descriptor of a pipe's end.
local forms = {
  ["a socket"] = function(r) return r end,
  ["a stream"] = sockeye.stream,
  ["a Lua file"] = function(r)
    return assert(io.open(("/proc/self/fd/%d"):format(r:fd()), "rb"))
  end,
  ["its number"] = function(r) return r:fd() end,
  ["its number as a float"] = function(r) return r:fd() + 0.0 end,
}

local a, b, r, w

-- Functions that take what names a descriptor. Each returns the inode that it
-- has found by it.
local calls = {
  dup2 = function(value)
    sockeye.dup2(value, b:fd())
    return inode(b:fd())
  end,

  sendmsg = function(value)
    a:sendmsg { iov = "x", control = { rights = { value } } }
    local m = b:recvmsg { iov = 1, control = true }
    local received <close> = m.control.rights[1]
    return inode(received:fd())
  end,

  -- The only pipe that can be read is the one that the value names.
  poll = function(value)
    local ready = sockeye.poll({ [value] = "r" }, 0)
    return ready[value] == "r" and inode(r:fd())
  end,
}

local function close(value)
  if type(value) ~= "number" then value:close() end
end

-- Each is refused before anything is done.
local others = {
  ["a table"] = {},
  ["a boolean"] = true,
  ["a string, even of digits"] = "1",
  ["a fraction"] = 0.5,
  ["a negative number"] = -1,
  ["a number beyond all descriptors"] = 1 << 31,
  ["infinity"] = math.huge,
  ["an address"] = sockeye.address "127.0.0.1:1",
}

describe("a descriptor as an argument", function()
  descriptors.guard(function()
    a, b = sockets.unix()
    r, w = sockeye.pipe()
    w:write "x"
  end, function() sockets.close(a, b, r, w) end)

  for name, call in sorted(calls) do
    for what, form in sorted(forms) do
      it(("of %s is that of %s"):format(name, what), function()
        local value = form(r)
        assert.equal(inode(r:fd()), call(value))
        close(value)
      end)

      it(("of %s is no more that of %s when it is closed")
         :format(name, what), function()
        local value = form(r)
        close(value)
        r:close()
        errors.raised("EBADF", name, call, value)
      end)
    end

    for what, value in sorted(others) do
      it(("of %s is not %s"):format(name, what), function()
        errors.rejected("descriptor", call, value)
      end)
    end
  end
end)
