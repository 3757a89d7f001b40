local sockeye = require "sockeye"

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
