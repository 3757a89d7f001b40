-- tools/layers, over small trees of sources that break one rule each.

local process = require "spec.support.process"
local temporary = require "spec.support.temporary"

local compiler <const> = os.getenv "CC" or "cc"

local function run(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1; echo $?"))
  return pipe:read("a"):match "^(.-)(%d+)\n$"
end

local function write(path, text)
  assert(os.execute("mkdir -p '" .. path:match "^(.*)/" .. "'"))
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

-- What tools/layers says of a tree with these files, and its exit status.
local function check(files)
  local place <close> = temporary.folder()
  local folder <const> = place.path
  for path, text in pairs(files) do write(folder .. "/csrc/" .. path, text) end
  for path in pairs(files) do
    if path:find "%.c$" then
      local object <const> = folder .. "/obj/" .. path:gsub("c$", "o")
      assert(os.execute(("mkdir -p '%s' && %s -I'%s/csrc' -c -o '%s' '%s'")
        :format(object:match "^(.*)/", compiler, folder, object,
                folder .. "/csrc/" .. path)))
    end
  end
  local output <const>, status <const> = run(
    ("%s tools/layers '%s/csrc' '%s/obj'"):format(process.lua, folder, folder))
  return output, tonumber(status)
end

-- A tree without a breach.
local function sound()
  return {
    ["core.c"] = '#include "socket/socket.h"\n' ..
      "int luaopen_core(void) { return socket_open(); }\n",
    ["socket/socket.c"] = '#include "base/names.h"\n' ..
      '#include "socket/socket.h"\n' ..
      "int socket_open(void) { return names_find(); }\n",
    ["socket/socket.h"] = "int socket_open(void);\n",
    ["base/names.c"] = '#include "base/names.h"\n' ..
      "int names_find(void) { return 0; }\n",
    ["base/names.h"] = "int names_find(void);\n",
  }
end

local function with(changes)
  local files <const> = sound()
  for path, text in pairs(changes) do files[path] = text end
  return files
end

local function long_function(count)
  return "int names_find(void)\n{\n" .. (";\n"):rep(count) .. "return 0;\n}\n"
end

local breaches <const> = {
  ["an include of a folder above"] = {
    files = { ["base/names.h"] = '#include "socket/socket.h"\n' ..
              "int names_find(void);\n" },
    message = 'base/names.h: includes "socket/socket.h": ' ..
              "socket is not below base",
  },
  ["an include without its folder"] = {
    files = { ["socket/socket.c"] = '#include "socket.h"\n' ..
              "int socket_open(void) { return 0; }\n" },
    message = 'socket/socket.c: includes "socket.h": no such file',
  },
  ["a use of a folder above without an include"] = {
    files = { ["base/names.c"] = "int socket_open(void);\n" ..
              "int names_find(void) { return socket_open(); }\n" },
    message = "base/names: uses socket_open of socket/socket",
  },
  ["a folder that is no floor"] = {
    files = { ["cellar/cellar.c"] = "int cellar_open(void) { return 0; }\n" },
    message = "cellar/cellar.c: cellar/ is no floor",
  },
  ["an include of Lua's own argument errors"] = {
    files = { ["base/field.h"] = "#include <lauxlib.h>\n" },
    message = 'base/field.h: includes <lauxlib.h>: "base/argument.h" is meant',
  },
  ["a circle of files by symbol"] = {
    files = {
      ["base/field.c"] = "int names_find(void);\n" ..
        "int field_get(void) { return names_find(); }\n",
      ["base/names.c"] = "int field_get(void);\n" ..
        "int names_find(void) { return field_get(); }\n",
    },
    message = "a circle of files: base/field, base/names",
  },
  ["a circle of files by include"] = {
    files = {
      ["base/field.h"] = '#include "base/error.h"\n',
      ["base/error.h"] = '#include "base/block.h"\n',
      ["base/block.h"] = '#include "base/field.h"\n',
    },
    message = "a circle of files: base/block, base/error, base/field",
  },
  ["a prototype in another file's header"] = {
    files = { ["socket/socket.h"] = "int socket_open(void);\n" ..
              "int names_find(void);\n" },
    message = "socket/socket.h: declares names_find, which base/names.c " ..
              "defines",
  },
  ["a name without its noun"] = {
    files = { ["base/field.c"] = "int find_field(void) { return 0; }\n" },
    message = "base/field: find_field begins with the noun of neither",
  },
  ["an external name that is static elsewhere"] = {
    files = { ["base/field.c"] =
              "static int names_find(void) { return 0; }\n" ..
              "int field_get(void) { return names_find(); }\n" },
    message = "base/names: names_find is also a static name of base/field",
  },
  ["a function that is too long"] = {
    files = { ["base/names.c"] = long_function(40) },
    message = "base/names.c:2: a function of 42 lines",
  },
  ["a file that is too long"] = {
    files = { ["base/names.c"] = "int names_find(void) { return 0; }\n" ..
              ("\n"):rep(500) },
    message = "base/names.c: has 501 lines",
  },
}

describe("tools/layers", function()
  it("accepts calls that go down", function()
    assert.same({ "", 0 }, { check(sound()) })
  end)

  it("accepts a function of 40 lines and a noun in the plural", function()
    assert.same({ "", 0 }, { check(with {
      ["base/names.c"] = long_function(38),
      ["base/field.c"] = "int fields_count(void) { return 0; }\n",
    }) })
  end)

  for what, case in pairs(breaches) do
    it("reports " .. what, function()
      local output <const>, status <const> = check(with(case.files))
      assert.equal(1, status)
      assert.is_truthy(output:find(case.message, 1, true), output)
    end)
  end

  it("fails where there are no objects", function()
    local output <const>, status <const> = check {
      ["base/names.h"] = "int names_find(void);\n",
    }
    assert.equal(1, status)
    assert.is_truthy(output:find("run make first", 1, true), output)
  end)
end)
