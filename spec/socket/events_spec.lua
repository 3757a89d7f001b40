local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local sockets = require "spec.support.sockets"
local worlds = require "spec.support.worlds"

-- What poll, wait and select report of a socket with these events, which is
-- nothing for nil.
local readers = {
  poll = function(s, events)
    return sockeye.poll({ [s] = events }, 0)[s]
  end,
  wait = function(s, events)
    local ok, letters = pcall(sockeye.wait, s, events, 0)
    if ok then return letters end
    if not sockeye.is_error(letters, "ETIMEDOUT") then error(letters, 0) end
  end,
  select = function(s, events)
    return select(2, worlds.in_task(function()
      return sockeye.select { { s, events }, timeout = 0 }
    end))
  end,
}

-- What each asks for, and what is reported of it in one state.
local function check(read, s, cases)
  for asked, reported in pairs(cases) do
    assert.same({ asked, reported or nil }, { asked, read(s, asked) })
  end
end

for name, read in pairs(readers) do
  describe("the events of " .. name, function()
    descriptors.guard()

    it("are the letters that are ready, in the order rwp, each once",
       function()
      local a, b = sockets.unix()
      check(read, a, { r = false, w = "w", rw = "w", wr = "w", p = false,
                       rp = false, pw = "w", rwp = "w", wwww = "w" })
      b:send "x"
      check(read, a, { r = "r", w = "w", rw = "rw", wr = "rw", p = false,
                       rp = "r", pwr = "rw", rrr = "r",
                       [("wr"):rep(500)] = "rw" })
      sockets.fill(a)
      check(read, a, { r = "r", w = false, rw = "r", p = false })
      sockets.close(a, b)
    end)

    it("have p for urgent data alone", function()
      local a, b = sockets.tcp()
      b:send("!", "oob")
      sockeye.wait(a, "p", 20)
      check(read, a, { p = "p", pw = "wp", wp = "wp", w = "w", r = false })
      b:send "x"
      sockeye.wait(a, "r", 20)
      check(read, a, { prw = "rwp", pr = "rp" })
      sockets.close(a, b)
    end)

    it("are all that were asked for after a hang-up", function()
      local a, b = sockets.unix()
      b:close()
      check(read, a, { r = "r", w = "w", p = "p", wpr = "rwp" })
      a:close()
    end)

    it("are all that were asked for after an error", function()
      local a, b = sockets.tcp()
      b:setsockopt("SO_LINGER", 0):close()
      sockeye.wait(a, "r", 20)
      check(read, a, { r = "r", w = "w", p = "p", pw = "wp" })
      a:close()
    end)

    for text, problem in pairs {
      [""] = 'events must be "r", "w", "rw" or contain "p"',
      x = "unknown event 'x'", rx = "unknown event 'x'",
      xy = "unknown event 'x'", R = "unknown event 'R'",
      ["r w"] = "unknown event ' '", ["r\0"] = "unknown event '\\x00'",
      ["\n"] = "unknown event '\\n'",
    } do
      it(("are no %q"):format(text), function()
        local a, b = sockets.unix()
        local message = errors.rejected("bad argument #%d", read, a, text)
        assert.is_truthy(message:find(problem, 1, true), message)
        sockets.close(a, b)
      end)
    end

    it("are a string", function()
      local a, b = sockets.unix()
      for _, value in ipairs { 1, true, {} } do
        errors.rejected('events must be "r", "w", "rw" or contain "p"',
                        read, a, value)
      end
      sockets.close(a, b)
    end)
  end)
end
