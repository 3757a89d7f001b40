local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"

describe("a text with a zero", function()
  local cases = {
    { "#1.*host contains a zero", "inet", "127.0.0.1\0" },
    { "#1.*name contains a zero", "if_nametoindex", "lo\0" },
    { "#1.*name contains a zero", "getprotobyname", "\0" },
    { "#2.*name contains a zero", "getservbyname", "http", "tcp\0" },
    { "#1.*it contains a zero", "address", "127.0.0.1:80\0" },
  }

  for _, case in ipairs(cases) do
    it("is an argument error of " .. case[2], function()
      errors.rejected(case[1], sockeye[case[2]], table.unpack(case, 3))
    end)
  end
end)

describe("a name that is followed by a zero", function()
  descriptors.guard()

  -- What is called with a datagram socket, and the error.
  local filter <const> = { group = "239.255.77.3", interface = "127.0.0.1",
                           mode = "include\0", sources = {} }
  local cases = {
    { "a field of a message", "unknown field 'iov\\x00', .* mean 'iov'",
      function(s) s:sendmsg { iov = "x", ["iov\0"] = "y" } end },
    { "a field of options", "unknown field 'iov\\x00y'",
      function(s) s:recvmsg { ["iov\0y"] = 9 } end },
    { "a form of descriptors", "'rights': 'sockets' or 'numbers' expected",
      function(s) s:recvmsg { iov = 9, rights = "numbers\0" } end },
    { "a control message", "message 'tos\\x00', did you mean 'tos'",
      function(s) s:sendmsg { iov = "x", control = { ["tos\0"] = 5 } } end },
    { "an option", "option 'SO_ERROR\\x00', did you mean 'SO_ERROR'",
      function(s) s:getsockopt "SO_ERROR\0" end },
    { "an option's level", "name contains a zero",
      function(s) s:getsockopt("AF_UNIX\0", 1) end },
    { "a mode of a filter", "'mode': 'include' or 'exclude' expected",
      function(s) s:setsockopt("MCAST_MSFILTER", filter) end },
    { "a descriptor's flag", "flag contains a zero",
      function(s) s:fcntl "O_NONBLOCK\0" end },
    { "a way to buffer", "mode contains a zero",
      function(s) sockeye.stream(s):setvbuf "no\0" end },
    { "an event", "unknown event '\\x00'",
      function(s) sockeye.poll({ [s] = "r\0" }, 0) end },
    { "a flag", "name contains a zero",
      function(s) s:recv(1, "peek\0") end },
    { "a hint", "unknown hint 'family\\x00', did you mean 'family'",
      function() sockeye.resolve("::1", 80, { ["family\0"] = "inet6" }) end },
    { "a poller", "unknown poller 'poll\\x00'",
      function() sockeye.run({ poller = "poll\0" }, print) end },
    { "a field of `run`", "unknown field 'poller\\x00'",
      function() sockeye.run({ ["poller\0"] = "poll" }, print) end },
    { "a field of an address", "of an address 'port\\x00', .* mean 'port'",
      function()
        local address <const> = sockeye.inet("127.0.0.1", 80)
        return address["port\0"]
      end },
    { "a signal", "name contains a zero",
      function() sockeye.kill(sockeye.getpid(), "TERM\0") end },
  }

  for _, case in ipairs(cases) do
    it("is not that name: " .. case[1], function()
      local s <close> = sockeye.socket("inet", "dgram"):connect "127.0.0.1:9"
      s:settimeout(0)
      errors.rejected(case[2], case[3], s)
    end)
  end
end)

describe("a number in a text", function()
  local function pid(text)
    return sockeye.address("netlink:" .. text).pid
  end

  local numbers = {
    ["0"] = 0, ["7"] = 7, ["0012"] = 12, ["4294967295"] = 0xffffffff,
    ["0x10"] = 16, ["0XfF"] = 255, ["0x00ffffffff"] = 0xffffffff,
  }

  for text, number in pairs(numbers) do
    it("is read: " .. text, function()
      assert.are.equal(number, pid(text))
    end)
  end

  for _, text in ipairs {
    "", "0x", "x10", "-1", "+1", " 1", "1 ", "1.0", "1e3", "ff", "0xfg",
    "4294967296", "0x100000000", "00000000001", "0x00000000001",
  } do
    it(("is not '%s'"):format(text), function()
      errors.rejected("pid is not a number", pid, text)
    end)
  end
end)
