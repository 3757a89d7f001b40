-- What serve refuses before it serves anything: on the line that called it.

local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local loops = require "spec.support.loops"

local serve = sockeye.serve
local file = "spec/lua/serve/refusals_spec.lua"

-- Each calls serve with what it cannot serve. Returns what was raised, and the
-- line of the call.
local function call(...)
  local line = debug.getinfo(1, "l").currentline + 1
  local ok, err = pcall(function(...) return (serve(...)) end, ...)
  assert.is_false(ok)
  return err, ("%s:%d:"):format(file, line)
end

local quiet = { signals = false }

-- What argument errors have to contain.
local wrong = {
  { "endpoint expected", 8080, print },
  { "endpoint expected", "nonsense", print },
  { "endpoint expected", {}, print },
  { "endpoint expected", { "127.0.0.1:0", "nonsense" }, print },
  { "port", "127.0.0.1:-1", print },
  { "port", "*:-1", print },
  { "zero", "a\0b:1", print },
  { "function expected", "127.0.0.1:0" },
  { "unknown option 'nosuch'", "127.0.0.1:0", print,
    { listen = { nosuch = 1 } } },
  { "family", "127.0.0.1:0", print, { listen = { family = "nosuch" } } },
  { "backlog", "127.0.0.1:0", print, { listen = { backlog = 1 << 40 } } },
  { "SIGNOPE", "127.0.0.1:0", print, { signals = { "SIGNOPE" } } },
  { "channel expected", "127.0.0.1:0", print, { stop = { get = 1 } } },
  { "positive integer", "127.0.0.1:0", print, { connections = 0 } },
}

-- Sockets that cannot be served, and the code of the error.
local sockets = {
  { "EOPNOTSUPP", "that has no connections", function()
    return (sockeye.socket("inet", "dgram"):bind("127.0.0.1:0"))
  end },
  { "EOPNOTSUPP", "of Unix datagrams", function()
    return (sockeye.socketpair("unix", "dgram"))
  end },
  { "EINVAL", "that is connected", function()
    return (sockeye.socketpair())
  end },
  { "EINVAL", "that does not listen", function()
    return (sockeye.socket("inet", "stream"):bind("127.0.0.1:0"))
  end },
  { "EBADF", "that is closed", function()
    local s = sockeye.listen("127.0.0.1:0")
    s:close()
    return s
  end },
}

-- Runs f outside of tasks, and in one of each poller.
local function everywhere(f)
  f()
  for _, poller in ipairs(loops.pollers) do
    sockeye.run({ poller = poller }, f)
  end
end

describe("serve", function()
  descriptors.guard()

  for _, row in ipairs(wrong) do
    it(("refuses a wrong argument: %s"):format(row[1]), function()
      everywhere(function()
        local err, line = call(table.unpack(row, 2, 4))
        assert.equal("string", type(err))
        assert.equal(line, err:sub(1, #line))
        assert.matches(row[1], err, 1, true)
        assert.is_nil(err:find("/sockeye/", 1, true), err)
      end)
    end)
  end

  for _, row in ipairs(sockets) do
    it(("refuses a socket %s"):format(row[2]), function()
      everywhere(function()
        local s <close> = row[3]()
        local err, line = call(s, print, quiet)
        assert.same({ row[1], line, "serve" },
                    { err.code, err.where, err.caller })
      end)
    end)
  end

  it("refuses an endpoint that is in use, and closes the others", function()
    everywhere(function()
      local l <close> = sockeye.listen("127.0.0.1:0")
      local err, line = call({ "127.0.0.1:0", l:getsockname() }, print, quiet)
      assert.same({ "EADDRINUSE", "bind", line },
                  { err.code, err.call, err.where })
      assert.equal(l:getsockname(), err.address)
    end)
  end)

  it("refuses a signal that nobody can handle", function()
    everywhere(function()
      local err, line = call("127.0.0.1:0", print, { signals = { "SIGKILL" } })
      assert.same({ "EINVAL", line }, { err.code, err.where })
    end)
  end)

  it("refuses a host that is unknown", function()
    everywhere(function()
      local err, line = call("nosuch.invalid:1", print, quiet)
      assert.equal(line, err.where)
      assert.matches("^E", err.code)
    end)
  end)

  it("has its line also in a task of its own", function()
    sockeye.run(function()
      local l <close> = sockeye.listen("127.0.0.1:0")
      local line = debug.getinfo(1, "l").currentline + 1
      local task = sockeye.spawn(serve, l:getsockname(), print, quiet)
      local _, err = pcall(task.join, task)
      assert.equal(("%s:%d:"):format(file, line), err.where)
    end)
  end)
end)
