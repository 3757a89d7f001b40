local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

describe("a pipe or a file", function()
  descriptors.guard()

  it("is read and written as a socket is", function()
    local r, w = sockeye.pipe()
    for _, timeout in ipairs { 20, false } do
      r:settimeout(timeout or nil)
      w:settimeout(timeout or nil)
      assert.equal(0, w:write "")
      assert.equal(5, w:write "hello")
      assert.equal("he", r:read(2))
      assert.equal("llo", r:read(1 << 30))
      assert.equal(3, w:write(123))
      assert.equal("", r:read(0))
      assert.equal("123", r:read(10000))
    end
    for _, method in ipairs { "recv", "recvfrom" } do
      errors.raised("ENOTSOCK", method, r[method], r, 1)
    end
    for _, method in ipairs { "send", "sendall", "sendto" } do
      errors.raised("ENOTSOCK", method, w[method], w, "x")
    end
    sockets.close(r, w)
  end)

  it("ends at the time-out, and nothing is lost", function()
    local r, w = sockeye.pipe()
    r:settimeout(0.01)
    errors.raised("ETIMEDOUT", "read", r.read, r, 1)
    r:settimeout(0)
    assert.is_false(r:read(1))
    local total = sockets.fill(w)
    assert.is_true(total > 0)
    w:settimeout(0.01)
    errors.raised("ETIMEDOUT", "write", w.write, w, "x")
    w:settimeout(0)
    assert.is_false(w:write "x")
    w:close()
    assert.equal(total, #sockets.read_all(r:settimeout(nil)))
    r:close()
  end)

  it("takes as much as it has room for when it must not wait", function()
    local r, w = sockeye.pipe()
    w:settimeout(20)
    local n = w:write(("x"):rep(1 << 20))
    assert.is_true(n > 0 and n < 1 << 20)
    assert.equal(n, #r:read(1 << 20))
    sockets.close(r, w)
  end)

  it("returns how much was written before its reader closed", function()
    local r, w = sockeye.pipe()
    local reader = fork.child(function()
      w:close()
      for _ = 1, 20 do r:read(4096) end
    end)
    r:close()
    local writer = fork.child(function()
      sockeye.signal("PIPE", "default")
      local data = ("x"):rep(1 << 20)
      local n = w:write(data)
      assert(n >= 4096 and n < #data)
      errors.raised("EPIPE", "write", w.write, w, data)
    end)
    w:close()
    fork.reap(reader)
    fork.reap(writer)
  end)

  it("may be a file on disk, or a directory", function()
    local path = os.tmpname()
    local file <close> = io.open(path, "w+")
    local s = sockets.share(file)
    for _, timeout in ipairs { 20, 0 } do
      s:settimeout(timeout)
      assert.equal(5, s:write "hello")
    end
    file:seek("set", 0)
    assert.equal("hellohello", s:read(100))
    assert.is_nil(s:read(100))
    s:close()
    os.remove(path)
    local folder <close> = io.open "/"
    if not folder then return end
    s = sockets.share(folder)
    errors.raised("EISDIR", "read", s.read, s, 1)
    s:close()
  end)

  it("raises the errors of its kind of file", function()
    local full <close> = io.open("/dev/full", "w")
    if not full then return pending "there is no /dev/full" end
    local s = sockets.share(full)
    errors.raised("ENOSPC", "write", s.write, s, "x")
    errors.raised("EBADF", "read", s.read, s, 1)
    s:close()
  end)
end)
