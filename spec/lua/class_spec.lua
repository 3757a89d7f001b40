local class = require "sockeye.class"

describe("a type that is a table", function()
  local methods = {}
  function methods.answer() return 42 end
  local object = setmetatable({}, class.new("spec.Type", methods))

  it("has its methods, and hides its metatable", function()
    assert.equal(42, object:answer())
    assert.equal("spec.Type", getmetatable(object))
    assert.is_false(pcall(setmetatable, object, {}))
    assert.matches("^spec.Type: ", tostring(object))
  end)

  it("differs from others by its name", function()
    assert.is_true(class.is(object, "spec.Type"))
    assert.is_false(class.is(object, "spec.Other"))
    for _, value in ipairs { {}, "spec.Type", 5, print, io.stdout,
                             setmetatable({}, { __name = "spec.Type" }) } do
      assert.is_false(class.is(value, "spec.Type"))
    end
  end)

  it("is named in errors, as values of other types are", function()
    for _, row in ipairs {
      { object, "spec.Type" }, { {}, "table" }, { "x", "string" },
      { io.stdout, "FILE*" }, { setmetatable({}, {}), "table" },
      { setmetatable({}, { __metatable = 5 }), "table" },
    } do
      assert.equal(row[2], class.name_of(row[1]))
    end
    assert.equal("nil", class.name_of(nil))
  end)
end)
