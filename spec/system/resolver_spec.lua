local sockeye = require "sockeye"

local databases = require "spec.support.databases"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local libc = require "spec.support.libc"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local resolver = require "spec.support.resolver"
local worlds = require "spec.support.worlds"

for _, world in ipairs(worlds.pollers) do
  describe("a look-up " .. world[1], function()
    descriptors.guard()

    it("that has no time left checks its arguments all the same", function()
      world[2](function()
        errors.rejected("string expected, got table", sockeye.timeout, 0,
                        sockeye.resolve, {})
        errors.rejected("unknown hint 'typ'", sockeye.timeout, 0,
                        sockeye.resolve, "127.0.0.1", 80, { typ = "stream" })
      end)
    end)
  end)
end

-- Runs a script that may open few descriptors.
local function with_few_descriptors(text)
  local result = process.lua_script(text, {
    prefix = { "sh", "-c", 'ulimit -n 24; exec "$@"', "sh" },
  })
  assert.equal("", result.stderr)
  assert.equal(0, result.status)
  return result.stdout
end

local exhaust = [[
  local sockeye = require "sockeye"
  kept = {}
  pcall(function()
    while true do kept[#kept + 1] = sockeye.socket("inet", "dgram") end
  end)
]]

describe("the resolver", function()
  descriptors.guard()

  it("raises EMFILE, not an unknown name, without descriptors",
     function()
    -- musl has a table of protocols, and does without the file of services.
    local wanted = libc.is_musl() and "EMFILE none EMFILE none\n" or
      "EMFILE EMFILE EMFILE EMFILE\n"
    assert.equal(wanted, with_few_descriptors(
      exhaust .. [[
        local function code(f, ...)
          local ok, err = pcall(f, ...)
          return ok and "none" or err.code
        end
        print(code(sockeye.resolve, "no-such-host.invalid", 80) .. " " ..
              code(sockeye.nameinfo, "127.0.0.1:80") .. " " ..
              code(sockeye.getservbyname, "http") .. " " ..
              code(sockeye.getprotobynumber, 6))
      ]]))
  end)

  it("collects garbage before it raises EMFILE", function()
    for _, call in ipairs {
      'resolve("localhost", "http")', 'nameinfo("127.0.0.1:80")',
      'getservbyname("http")', 'getprotobyname("tcp")',
    } do
      local can, reason = databases.all_of(call)
      if not can then return pending(reason) end
      assert.equal("done\n", with_few_descriptors(exhaust .. ([[
        collectgarbage("stop")
        kept = nil
        assert(sockeye.%s)
        print("done")
      ]]):format(call)))
    end
  end)

  it("raises EAI_AGAIN if no name server can be reached #namespace",
     function()
    local can, reason = netns.available()
    if not can then return pending(reason) end
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write("nameserver 10.77.9.9\noptions timeout:1 attempts:1\n")
    file:close()
    netns.with_namespaces(function(ns)
      local result = ns.a:run({ "unshare", "-m", "sh", "-c",
        'mount --bind "$1" /etc/resolv.conf && exec "$2" -e "$3"', "sh", path,
        process.lua, [[
          local _, err = pcall(require "sockeye".resolve, "a.example", 80)
          print(err.code, err.call, err.address)
        ]] })
      assert.equal("EAI_AGAIN\tgetaddrinfo\ta.example\n", result.stdout,
                   result.stderr)
    end)
    os.remove(path)
  end)

  it("finds localhost while forty names wait for a silent server #namespace",
     function()
    local can, reason = netns.available()
    if can then can, reason = databases.localhost() end
    if not can then return pending(reason) end
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write("nameserver 127.0.0.1\noptions timeout:3 attempts:1\n")
    file:close()
    netns.with_namespaces(function(ns)
      local result = ns.a:run({ "unshare", "-m", "sh", "-c",
        'ip link set lo up && mount --bind "$1" /etc/resolv.conf && ' ..
        'exec "$2" -e "$3"', "sh", path, process.lua, [[
          local sockeye = require "sockeye"
          local silent = sockeye.socket("inet", "dgram"):bind "127.0.0.1:53"
          local asked = 0
          sockeye.run(function()
            local tasks = {}
            for i = 1, 40 do
              tasks[i] = sockeye.spawn(pcall, sockeye.resolve,
                                       ("host%d.example"):format(i), 80,
                                       { family = "inet", type = "stream" })
            end
            for _ = 1, 40 do silent:recv(512) end
            local list = sockeye.resolve("localhost", 80)
            print(#list > 0, sockeye.resolver().running)
            for i = 1, 40 do
              local ok, err = tasks[i]:join()
              if not ok and err.code == "EAI_AGAIN" then asked = asked + 1 end
            end
            print(asked)
          end)
        ]] })
      assert.equal("true\t40\n40\n", result.stdout, result.stderr)
    end)
    os.remove(path)
  end)
end)

for _, poller in ipairs { "epoll", "poll" } do
  local function printed(text) return resolver.printed(text, poller) end

  describe(("a name that a task asks for (%s)"):format(poller), function()
    descriptors.guard()

    it("is resolved without a thread if it is numeric", function()
      assert.equal("127.0.0.1:80\n[::1]:80\n127.0.0.1\t80\n1\n", printed [[
        sockeye.run(function()
          print(found("127.0.0.1"))
          print(found("::1"))
          pcall(sockeye.resolve, "127.0.0.1", "no-such-service")
          pcall(sockeye.resolve, nil, "no-such-service")
          sockeye.nameinfo("127.0.0.1:80", "numerichost")
          print(sockeye.nameinfo("127.0.0.1:80", "numerichost numericserv"))
          print(threads())
        end)
      ]])
    end)

    it("raises ETIMEDOUT at the deadline", function()
      assert.equal(("ETIMEDOUT getaddrinfo gate-105-107 true\n"):rep(2),
                   printed [[
        local function ask()
          return sockeye.timeout(0.3, sockeye.resolve, name, 80)
        end
        sockeye.run(function() print(code(ask)) end)
        print(code(ask))
        open(2)
      ]])
    end)

    it("may be an address to find the name of", function()
      local can, reason = databases.localhost()
      if not can then return pending(reason) end
      assert.equal("asked\nlocalhost\nETIMEDOUT getnameinfo 127.0.0.1:4057 " ..
                   "true\n", printed [[
        sockeye.run(function()
          local asking = sockeye.spawn(sockeye.nameinfo, "127.0.0.1:4057")
          questions(1)
          print("asked")
          open()
          print((asking:join()))
          print(code(sockeye.timeout, 0.3, sockeye.nameinfo,
                     "127.0.0.1:4057"))
          open()
        end)
      ]])
    end)

    it("collects garbage if descriptors run out", function()
      assert.equal("127.0.0.1:80\nEMFILE getaddrinfo gate-105-107 nil\n",
                   printed [[
        sockeye.run(function()
          local kept = {}
          local function exhaust()
            pcall(function()
              while true do kept[#kept + 1] = sockeye.pipe() end
            end)
          end
          open(2)
          collectgarbage("stop")
          exhaust()
          kept = {}
          print(found(name))
          exhaust()
          print(code(sockeye.resolve, name, 80))
        end)
      ]])
    end)
  end)
end

describe("a name outside of a task", function()
  it("is resolved by the calling thread", function()
    local result = resolver.lua [[
      open()
      print(found(name), questions(1), threads())
    ]]
    assert.equal("127.0.0.1:80\to\t1\n", result.stdout, result.stderr)
  end)
end)

describe("the limit of the resolver's threads", function()
  it("is 64 at first, and is set for the whole process", function()
    assert.equal("64 0 0 0 0\n7\n7\n", process.lua_script([[
      local sockeye = require "sockeye"
      local c = sockeye.resolver()
      print(c.threads .. " " .. c.running .. " " .. c.idle .. " " ..
            c.abandoned .. " " .. c.queued)
      print(sockeye.resolver({ threads = 7 }).threads)
      print(sockeye.resolver({}).threads)
    ]]).stdout)
  end)

  for _, threads in ipairs { 0, -1, 1025, 1.5, "x", false } do
    it("is not " .. tostring(threads), function()
      errors.rejected("bad argument #1 to '[%a.]*resolver' .*threads",
                      sockeye.resolver, { threads = threads })
    end)
  end

  it("is the only option", function()
    errors.rejected("bad argument #1 to '[%a.]*resolver' .*'thread'",
                    sockeye.resolver, { thread = 3 })
    errors.rejected("bad argument #1 to '[%a.]*resolver'", sockeye.resolver, 3)
  end)
end)
