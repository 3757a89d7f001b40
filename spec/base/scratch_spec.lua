local descriptors = require "spec.support.descriptors"
local process = require "spec.support.process"

-- Lines of /proc/self/status, in KiB.
local status = [[
  local sockeye = require "sockeye"
  local function status(name)
    local file <close> = io.open "/proc/self/status"
    return tonumber(file:read("a"):match(name .. ":%s*(%d+)"))
  end
]]

-- Within a limit, large blocks are given back to the system at once.
local function run(text, limit)
  local options = limit and {
    prefix = { "sh", "-c", ('ulimit -v %d && exec "$@"'):format(limit), "sh" },
    env = { MALLOC_MMAP_THRESHOLD_ = "131072" }, timeout = 120,
  }
  local result = process.lua_script(status .. text, options)
  return result.stdout .. result.stderr
end

-- A sanitizer needs more of the address space than a limit leaves.
local checked = os.getenv "SOCKEYE_CHECKED"

describe("memory to receive into", function()
  descriptors.guard()

  for _, size in ipairs { "1 << 20", "1 << 30", "math.maxinteger" } do
    it("is freed when more was asked for than arrived: " .. size,
       function()
      assert.equal("true\n", run(([[
        local a, b = sockeye.socketpair()
        local r, w = sockeye.pipe()
        local size = %s
        local address_space, peak
        local function give_back()
          local more = status "VmSize" - address_space
          assert(more < 1 << 15, more)
        end
        local function use()
          for _, flags in ipairs { "", "waitall dontwait", "peek" } do
            a:send "hello"
            assert(b:recv(size, flags):find "^hello")
            give_back()
          end
          assert(b:recv(5) == "hello")
          for _, method in ipairs { "recv", "recvfrom" } do
            assert(b[method](b, size, "dontwait") == false)
            give_back()
          end
          b:settimeout(0)
          r:settimeout(0)
          for _, s in ipairs { b, r } do
            assert(s:read(size) == false)
            give_back()
          end
          b:settimeout(0.001)
          local ok, err = pcall(b.recv, b, size)
          assert(not ok and err.timeout)
          give_back()
          a:send "hello"
          ok, err = pcall(b.recv, b, size, "waitall")
          assert(not ok and err.partial == "hello")
          give_back()
          b:settimeout(nil)
          w:write "hello"
          assert(r:read(size) == "hello")
          give_back()
        end
        b:recv(100000, "dontwait")
        address_space, peak = status "VmSize", status "VmHWM"
        use()
        print(status "VmHWM" - peak < 1 << 15)
      ]]):format(size)))
    end)
  end

  it("is less where the address space is small", function()
    if checked then return pending("limits unavailable under " .. checked) end
    assert.equal("hello\t5\thello\tnil\n", run([[
      local a, b = sockeye.socketpair()
      a:send "hello"
      local first = b:recv(1 << 30)
      local u, v = sockeye.socketpair("unix", "dgram")
      u:send "hello"
      local length = #v:recv(math.maxinteger)
      a:send "hello"
      a:close()
      print(first, length, b:read(1 << 30), b:recv(1 << 30))
    ]], 60000))
  end)

  it("may be less than waitall asks for, which still gets it all", function()
    if checked then return pending("limits unavailable under " .. checked) end
    assert.equal("700000\ttrue\n", run([[
      local a, b = sockeye.socketpair()
      local size = 700000
      local data = ("x"):rep(size)
      if sockeye.fork() == 0 then
        b:close()
        a:sendall(data)
        sockeye._exit(0)
      end
      data = nil
      b:recv(100000, "peek")
      -- What Lua gives back stays with malloc, below what is kept.
      local blocks = {}
      while pcall(function()
        blocks[#blocks + 1] = ("x"):rep(30000) .. #blocks
      end) do end
      for i = 1, 200 do blocks[i] = false end
      collectgarbage()
      local got = b:recv(size, "waitall")
      print(#got, got == ("x"):rep(size))
    ]], 60000))
  end)

  it("raises ENOMEM if there is none", function()
    if checked then return pending("limits unavailable under " .. checked) end
    assert.equal("ENOMEM\tmmap\nhello\n", run([[
      local a, b = sockeye.socketpair()
      a:send "hello"
      local blocks, size = {}, 1 << 20
      repeat
        if not pcall(function()
          blocks[#blocks + 1] = ("x"):rep(size) .. #blocks
        end) then size = size // 2 end
      until size < 1 << 12
      local ok, err = pcall(b.recv, b, 100000)
      blocks = nil
      collectgarbage()
      print(err.code, err.call)
      print(b:recv(100000))
    ]], 60000))
  end)
end)
