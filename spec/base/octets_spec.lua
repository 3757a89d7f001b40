local sockeye = require "sockeye"

local errors = require "spec.support.errors"

local ether <const> = "02:42:ac:11:00:02"

local function read(text)
  return sockeye.packet("lo", "ip", { address = text }).address
end

describe("a hardware address", function()
  local forms = {
    ["its text"] = { ether, ether },
    ["its text in upper case"] = { ether:upper(), ether },
    ["its octets"] = { "\x02\x42\xac\x11\x00\x02", ether },
    ["as many as eight octets"] = { "12345678", "31:32:33:34:35:36:37:38" },
    ["a longer text"] = { ("ab:"):rep(19) .. "cd", ("ab:"):rep(19) .. "cd" },
  }

  for title, form in pairs(forms) do
    it("may be " .. title, function()
      assert.are.equal(form[2], read(form[1]))
    end)
  end

  it("is absent if the text is empty", function()
    assert.is_nil(read "")
  end)

  local wrong = {
    ["a text that ends with a colon"] = ether .. ":",
    ["a text with a zero"] = ether .. "\0",
    ["a text with another letter"] = "02:42:ac:11:00:0g",
    ["a text with other separators"] = "0242.ac11.0002",
    ["nine octets"] = "123456789",
    ["a text of more octets than a structure holds"] =
      ("ab:"):rep(116) .. "cd",
  }

  for title, text in pairs(wrong) do
    it("is not " .. title, function()
      errors.rejected("#3.*'address'.*no hardware address", read, text)
    end)
  end
end)
