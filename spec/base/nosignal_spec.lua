-- Sending in families that refuse MSG_NOSIGNAL.

local sockeye = require "sockeye"
local family = require "spec.support.family"

local rds <const>, qipcrtr <const> = 21, 42

-- Sends in every way, the last time to a peer that has gone: SIGPIPE would end
-- the script.
local script <const> = [[
  local sockeye = require "sockeye"

  local function try(name, ...)
    local a, b = sockeye.socketpair("unix", ...)
    a = sockeye.adopt(a:detach())
    local ways = {
      send = function(data) return a:send(data) end,
      ["send on"] = function(data) return a:settimeout(20):send(data) end,
      sendto = function(data) return a:sendto(data) end,
      sendall = function(data) return a:sendall(data) end,
      gathered = function(data) return a:sendall(data:sub(1, 2),
                                                 data:sub(3)) end,
      sendmsg = function(data) return a:sendmsg { iov = { data } } end,
      sendmany = function(data) return a:sendmany { data } end,
      write = function(data) return a:write(data) end,
      zerocopy = function(data) return a:send(data, "zerocopy") end,
    }
    local way = ways[name]
    way "hello"
    assert(b:recv(100) == "hello", name)
    b:close()
    local ok, err = pcall(way, "gone")
    assert(not ok and (err.code == "EPIPE" or err.code == "ECONNRESET"),
           name .. tostring(err))
    a:close()
  end

  -- A stream sends as soon as it has much to send.
  local function try_stream()
    local a, b = sockeye.socketpair()
    local s = sockeye.stream(sockeye.adopt(a:detach()))
    s:write "hello"
    s:flush()
    assert(b:recv(100) == "hello")
    s:write(("x"):rep(70000))
    b:close()
    local ok, err = pcall(function()
      s:write(("x"):rep(70000))
      s:flush()
    end)
    assert(not ok and (err.code == "EPIPE" or err.code == "ECONNRESET"))
    pcall(s.close, s)
  end

  local function everything()
    try_stream()
    for _, name in ipairs { "send", "send on", "sendto", "sendall", "gathered",
                            "sendmsg", "sendmany", "write", "zerocopy" } do
      try(name, "stream")
      try(name, "seqpacket")
    end
  end

  sockeye.signal("PIPE", "default")
  everything()
  sockeye.run(everything)
  print "done"
]]

describe("a family that refuses MSG_NOSIGNAL", function()
  for _, refusal in ipairs { { rds, "EOPNOTSUPP" }, { qipcrtr, "EINVAL" } } do
    for _, poller in ipairs { "epoll", "poll" } do
      it(("is sent to all the same, by %s: %d"):format(poller, refusal[1]),
        function()
          assert.equal("done\n", family.printed(script, {
            family = refusal[1], refusal = refusal[2],
            poller = poller,
          }))
        end)
    end
  end

  it("raises what it refuses beside", function()
    assert.equal("EINVAL\n", family.printed([[
      local sockeye = require "sockeye"
      local a = sockeye.socketpair()
      print(select(2, pcall(a.send, a, "x")).code)
    ]], { family = sockeye.AF_UNIX, refusal = "EINVAL" }))
  end)
end)
