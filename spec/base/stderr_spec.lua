-- What is written to standard error, whatever that is: nobody waits for it, and
-- nothing fails by it.

local process = require "spec.support.process"

-- A script whose standard error is what `prepare` puts there. `report` lets a
-- task fail that nothing joins, so that the loop reports it.
local function script(prepare, text)
  local result = process.lua_script(([[
    local sockeye = require "sockeye"
    local function report(err)
      sockeye.run(function()
        pcall(sockeye.group, function(g)
          g:spawn(error, "first", 0)
          g:spawn(function() error(err, 0) end)
        end)
      end)
    end
    %s
    %s
  ]]):format(prepare, text), { timeout = 20 })
  assert.equal(0, result.status, result.stderr)
  assert.is_false(result.timed_out)
  return result.stdout, result.stderr
end

describe("a report", function()
  for what, prepare in pairs {
    ["is closed"] = "sockeye.adopt(2):close()",
    ["is a full device"] = 'sockeye.dup2(io.open("/dev/full", "w"), 2)',
    ["is a pipe without a reader"] = [[
      local r, w = sockeye.pipe()
      sockeye.dup2(w, 2)
      r:close()
      sockeye.signal("PIPE", "default")
    ]],
    ["is a connection that its peer has reset"] = [[
      local a, b = sockeye.socketpair()
      sockeye.dup2(a, 2)
      b:close()
      sockeye.signal("PIPE", "default")
    ]],
    ["is not io.stderr, which a script has cleared"] = "io.stderr = nil",
  } do
    it("lets the script go on where standard error " .. what, function()
      local out = script(prepare, [[
        for _ = 1, 3 do report("second") end
        io.write "goes on"
      ]])
      assert.equal("goes on", out)
    end)
  end

  for what, ends in pairs {
    ["a pipe"] = "sockeye.pipe()", ["a socket"] = "sockeye.socketpair()",
  } do
    it("is dropped, and counted, where nobody reads " .. what, function()
      local out = script(("local r, w = %s sockeye.dup2(w, 2)"):format(ends), [[
        r:settimeout(0)
        for _ = 1, 100 do report(("x"):rep(10000)) end
        local held = ""
        for data in function() return r:read(65536) or nil end do
          held = held .. data
        end
        report("second")
        local rest = r:read(65536)
        print(#held < 1000000, (rest:gsub("\nstack.*", "")))
        report("third")
        print((r:read(65536):gsub("\nstack.*", "")))
      ]])
      local count = tonumber(out:match
        "^true\t\n?sockeye: (%d+) reports were dropped\ntask failed: second\n")
      assert.is_true(count ~= nil and count > 0 and count < 100, out)
      assert.matches("\ntask failed: third\n$", out)
    end)
  end

  it("is counted once, before the next one that fits", function()
    local out = script([[
      local r, w = sockeye.pipe()
      sockeye.dup2(w, 2)
      r:settimeout(0)
      w:settimeout(0)
    ]], [[
      while w:write(("."):rep(4096)) do end
      r:read(4096)
      w:write(("."):rep(4096 - 80))
      local function rest() return (r:read(1 << 20):gsub("^%.+", "")) end
      for _ = 1, 5 do report(("x"):rep(200)) end
      io.write("<", rest(), ">")
      report "next"
      report "last"
      io.write((rest():gsub("\nstack traceback:.-\n\t[^\n]+", "")))
      while w:write(("."):rep(4096)) do end
      report "lost"
      rest()
      report "next"
      io.write((rest():gsub("\nstack traceback:.-\n\t[^\n]+", "")))
    ]])
    out = out:gsub("\n\t[^\n]+", "")
    assert.equal("<>sockeye: 5 reports were dropped\ntask failed: next\n" ..
                 "task failed: last\n" ..
                 "sockeye: 1 report was dropped\ntask failed: next\n", out)
  end)

  it("leaves a file alone that got the number of standard error by chance",
    function()
      local out = script("sockeye.adopt(2):close()", [[
        local a, b = sockeye.socketpair()
        assert(tostring(a):find "fd 2[^%d]")
        report("second")
        a:write "data"
        print(b:read(100))
      ]])
      assert.equal("data\n", out)
    end)

  it("is written whole where standard error is a file", function()
    local _, err = script("", 'report(("x"):rep(100000))')
    assert.matches("^task failed: x+\nstack traceback:\n", err)
    assert.is_true(#err > 100000)
  end)

  it("changes no flag of standard error", function()
    local out = script([[
      local r, w = sockeye.pipe()
      sockeye.dup2(w, 2)
    ]], [[
      report("second")
      print(w:fcntl("O_NONBLOCK"), r:read(1000) ~= nil)
    ]])
    assert.equal("false\ttrue\n", out)
  end)
end)
