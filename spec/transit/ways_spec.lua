local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local sockets = require "spec.support.sockets"
local trace = require "spec.support.trace"

-- What moves ten bytes between two ends, and the calls by which they go; a
-- script's `ends` are in `prelude`.
local ways = {
  { "a file to TCP", [[c:sendfile(path)]], "sendfile sendfile" },
  { "a file to a Unix socket", [[a:sendfile(path, 0, 10)]], "sendfile" },
  { "a file to a Unix socket, spliced", [[sockeye.splice(path, a, 10)]],
    "sendfile" },
  { "a pipe to TCP", [[w:write(ten) sockeye.splice(r, c, 10)]],
    "write splice" },
  { "TCP to a pipe", [[d:sendall(ten) sockeye.splice(c, w, 10)]],
    "sendto splice" },
  { "a Unix socket to TCP", [[b:sendall(ten) a:splice(c, 10)]],
    "sendto pipe2 splice splice close close" },
  { "a pipe to a pipe", [[w:write(ten) sockeye.splice(r, w2, 10)]],
    "write splice" },
  { "a stream to a stream", [[
      b:sendall(ten) sockeye.stream(a):pipe(sockeye.stream(c), 10)
    ]], "sendto pipe2 splice splice close close" },
}

local prelude <const> = [[
  local sockeye = require "sockeye"
  local sockets = require "spec.support.sockets"
  local ten = "0123456789"
  local path = os.tmpname()
  local file <close> = io.open(path, "w")
  file:write(ten):flush()
  local a, b = sockeye.socketpair()
  local c, d = sockets.tcp()
  c:settimeout(nil)
  local r, w = sockeye.pipe()
  local r2, w2 = sockeye.pipe()
]]

local calls <const> =
  "sendfile,splice,read,pread64,write,sendto,recvfrom,pipe2,close,getppid"

-- The calls that a line of Lua makes between two marks, in order; what opens
-- the file itself, and ends it, left out.
local function calls_of(code)
  local text = trace.calls(calls, prelude .. "sockeye.getppid() " .. code ..
                           " sockeye.getppid() os.remove(path)")
  local part = text:match "getppid%(%).-\n(.-)[^\n]*getppid"
  local list = {}
  for call in part:gmatch "(%l[%l%d]*)%(" do list[#list + 1] = call end
  return table.concat(list, " ")
end

describe("the way", function()
  if not trace.available() then
    pending "of each pair of ends (strace cannot be used)"
    return
  end

  for _, row in ipairs(ways) do
    it(("of %s follows from the kinds of its ends #ptrace"):format(row[1]),
       function()
      local made = calls_of(row[2])
      -- A file has a descriptor for the call.
      if row[3]:find "sendfile" then made = made:gsub(" close$", "") end
      assert.equal(row[3], made)
    end)
  end

  it("for files that the system cannot send is a copy #ptrace", function()
    local made = calls_of [[
      assert(a:sendfile("/proc/self/comm") == #b:recv(99))
    ]]
    assert.matches("^sendfile p?read%d* sendto", made)
  end)
end)

describe("O_NONBLOCK of the ends", function()
  descriptors.guard()

  for _, flag in ipairs { false, true } do
    it(("is %s again when a call has set it"):format(flag), function()
      local a, b = sockets.unix()
      local c, d = sockets.unix()
      for _, s in ipairs { b, c } do s:fcntl("O_NONBLOCK", flag) end
      sockeye.run(function()
        a:send "hello"
        assert.are.equal(5, sockeye.splice(b, c, 5))
      end)
      assert.are.equal("hello", d:recv(5))
      for _, s in ipairs { b, c } do
        assert.are.equal(flag, s:fcntl "O_NONBLOCK")
      end
      sockets.close(a, b, c, d)
    end)
  end
end)
