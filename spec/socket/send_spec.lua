local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local fork = require "spec.support.fork"
local sockets = require "spec.support.sockets"

-- What connects two ends of a stream.
local streams = { tcp = sockets.tcp, unix = sockets.unix }

-- Everything that has come to s, up to the end.
local function child_reading(s, other, size)
  local r, w = sockeye.pipe()
  local pid = fork.child(function()
    other:close()
    r:close()
    local count = 0
    for data in function() return s:recv(size) end do count = count + #data end
    w:write(string.pack("j", count))
  end)
  w:close()
  s:close()
  return function()
    local count = string.unpack("j", r:read(8))
    r:close()
    fork.reap(pid)
    return count
  end
end

-- 1,000 strings are more than a message may have, and 64 what is taken at once.
local function pieces(count)
  local list = {}
  for i = 1, count do list[i] = ("%d,"):format(i) end
  return list
end

local function with_empty(count, place)
  local list = pieces(count)
  table.insert(list, place, "")
  return list
end

describe("sendall", function()
  descriptors.guard()

  local lists = {
    ["an empty string"] = { "" }, ["64 empty ones"] = {}, ["129 of them"] = {},
    numbers = { 1, 2.5, "x", -3, math.maxinteger },
    ["empty ones around"] = { "", "", "x", "", "y", "", "" },
  }
  for i = 1, 64 do lists["64 empty ones"][i] = "" end
  for i = 1, 129 do lists["129 of them"][i] = "" end
  for _, n in ipairs { 1, 2, 63, 64, 65, 127, 128, 129, 1000 } do
    lists[("%d strings"):format(n)] = pieces(n)
  end
  for _, place in ipairs { 1, 2, 63, 64, 65, 66, 128, 129, 130, 131 } do
    lists[("130 strings and an empty one at %d"):format(place)] =
      with_empty(130, place)
  end

  for title, list in pairs(lists) do
    it("sends all of " .. title, function()
      for _, make in pairs(streams) do
        local a, b = make()
        local all = table.concat(list)
        assert.equal(#all, a:sendall(table.unpack(list)))
        a:shutdown "wr"
        assert.equal(all, sockets.read_all(b))
        sockets.close(a, b)
      end
    end)
  end

  for _, type in ipairs { "dgram", "seqpacket" } do
    it("joins strings to one message: " .. type, function()
      local a, b = sockets.unix(type)
      for _, list in ipairs { { "" }, { "one" }, { "one", "", 2, 3.5 },
                              pieces(1000) } do
        local all = table.concat(list)
        assert.equal(#all, a:sendall(table.unpack(list)))
        -- An empty message on a seqpacket socket looks like the end.
        local is_end = type == "seqpacket" and all == ""
        assert.equal(not is_end and all or nil, b:recv(10000))
      end
      sockets.close(a, b)
    end)
  end

  it("sends no part of a datagram that is too large", function()
    local a, b = sockets.udp()
    local err = errors.raised("EMSGSIZE", "sendall", a.sendall, a,
                              ("x"):rep(65000), ("x"):rep(65000))
    assert.equal(0, err.sent)
    assert.is_false(b:recv(1, "dontwait"))
    sockets.close(a, b)
  end)

  it("checks all strings before anything is sent", function()
    local a, b = sockets.unix()
    errors.rejected("bad argument", a.sendall, a)
    for place = 1, 3 do
      for _, wrong in ipairs { false, {}, print } do
        local list = { "x", "y", "z" }
        list[place] = wrong
        errors.rejected("bad argument #" .. place + 1, a.sendall, a,
                        table.unpack(list))
      end
    end
    assert.is_false(b:recv(1, "dontwait"))
    sockets.close(a, b)
  end)

  for kind, make in pairs(streams) do
    for title, timeout in pairs { untimed = false, timed = 20 } do
      it(("continues after short writes: %s, %s"):format(kind, title),
         function()
        local a, b = make()
        local count = child_reading(b, a, 30001)
        a:settimeout(timeout or nil)
        local list = {}
        for i = 1, 200 do list[i] = ("x"):rep(i % 5 == 0 and 0 or i * 500) end
        assert.equal(#table.concat(list), a:sendall(table.unpack(list)))
        a:close()
        assert.equal(#table.concat(list), count())
      end)
    end

    it("can be resumed with the count that its error has: " .. kind, function()
      local a, b = make()
      local all = examples.bytes(3000000)
      local got, from = {}, 0
      a:settimeout(0)
      b:settimeout(0)
      repeat
        local middle = from + (#all - from) // 2
        local done, sent = a:sendall(all:sub(from + 1, middle), "",
                                     all:sub(middle + 1))
        from = from + (done or sent)
        if kind == "tcp" then sockeye.poll({ [b] = "r" }, 20) end
        for part in function() return b:recv(100000) or nil end do
          got[#got + 1] = part
        end
      until done
      assert.equal(#all, from)
      a:close()
      b:settimeout(20)
      got[#got + 1] = sockets.read_all(b)
      assert.is_true(table.concat(got) == all)
      b:close()
    end)
  end

  it("raises ETIMEDOUT with how much was sent", function()
    local a, b = sockets.unix()
    a:settimeout(0.02)
    local err = errors.raised("ETIMEDOUT", "sendall", a.sendall, a,
                              ("x"):rep(3000000), "y")
    assert.is_true(err.timeout and err.sent > 0)
    a:close()
    assert.equal(err.sent, #sockets.read_all(b))
    b:close()
  end)

  it("raises EPIPE with how much was sent", function()
    local a, b = sockets.unix()
    local got = 0
    local _ <close> = fork.interrupt("USR1", function()
      got = #b:recv(10)
      b:settimeout(0)
      for data in function() return b:recv(65536) or nil end do
        got = got + #data
      end
      b:shutdown "rd"
    end)
    local err = errors.raised("EPIPE", "sendall", a.sendall, a,
                              ("x"):rep(3000000), "y")
    assert.is_true(got > 0)
    assert.equal(got, err.sent)
    err = errors.raised("EPIPE", "sendall", a.sendall, a, "x", "y")
    assert.equal(0, err.sent)
    sockets.close(a, b)
  end)
end)

local sending = {
  send = { "data" }, sendall = { "one", "two" }, sendto = { "data", nil },
  write = { "data" },
}

describe("a full socket", function()
  descriptors.guard()

  for method, arguments in pairs(sending) do
    it("accepts nothing, at once or by the time-out: " .. method,
       function()
      for _, make in pairs(streams) do
        local a, b = make()
        local before = sockets.fill(a)
        a:settimeout(0)
        assert.is_false((a[method](a, table.unpack(arguments))))
        a:settimeout(0.01)
        errors.raised("ETIMEDOUT", method, a[method], a,
                      table.unpack(arguments))
        -- What the system may have taken after all is only TCP's.
        a:close()
        assert.equal(before, #sockets.read_all(b))
        b:close()
      end
    end)
  end
end)
