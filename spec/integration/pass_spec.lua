local sockeye = require "sockeye"

local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"

-- Starts a server in a folder of its own, and calls f with it, its path, and
-- what runs the other half.
local function with_server(f)
  examples.with_folder(function(folder)
    local path = folder .. "/pass"
    local server <close> = process.start(
      examples.words("pass", "serve", path))
    server:line "^waiting at "
    f(server, path, function(...)
      return examples.run("pass", { "hand", path, ... })
    end)
  end)
end

local function ask(address, line)
  local conn <close> = sockeye.connect(address):settimeout(20)
  conn:write(line, "\n")
  return conn:read()
end

describe("pass", function()
  descriptors.guard()

  it("hands over a listener, whose clients are served", function()
    with_server(function(server, _, hand)
      for _ = 1, 3 do
        local result = hand "127.0.0.1:0"
        assert.equal("", result.stderr)
        assert.equal(0, result.status)
        local address = result.stdout:match "^handed over (.-)\n$"
        server:line("^serving " .. address:gsub("%p", "%%%0") .. "$")
        assert.equal("hello", ask(address, "hello"))
      end
      local result = server:stop "TERM"
      assert.same({ "", 0 }, { result.stderr, result.status })
    end)
  end)

  it("refuses no client while it is on its way", function()
    with_server(function(server, path)
      local l = sockeye.listen "127.0.0.1:0"
      local address = l:getsockname()
      local clients = {}
      for i = 1, 20 do
        clients[i] = sockeye.connect(address):settimeout(20)
        clients[i]:write(i, "\n")
        if i == 10 then
          local s <close> = sockeye.connect("unix:" .. path)
          s:socket():sendmsg { iov = "l", control = { rights = { l } } }
          l:close()
          assert.equal("ok", s:settimeout(20):read())
        end
      end
      server:line "^serving "
      for i, conn in ipairs(clients) do
        assert.equal(tostring(i), conn:read())
        conn:close()
      end
    end)
  end)

  it("refuses what is no listening socket", function()
    with_server(function(_, path)
      local a, b = sockeye.socketpair()
      for _, rights in ipairs { {}, { a }, { io.stdout }, { 0, 1, 2 } } do
        local s <close> = sockeye.connect("unix:" .. path):settimeout(20)
        s:socket():sendmsg { iov = "l", control = { rights = rights } }
        assert.equal("no listening socket", s:read())
      end
      do
        local s <close> = sockeye.connect("unix:" .. path)
        s:shutdown "wr"
        assert.equal("no listening socket", s:settimeout(20):read())
      end
      a:close()
      b:close()
    end)
  end)

  it("reports what is wrong", function()
    local result = examples.run("pass", { "hand", "/nosuch/path",
                                          "127.0.0.1:0" })
    assert.equal(1, result.status)
    assert.matches("ENOENT", result.stderr)
    for _, words in ipairs { {}, { "serve" }, { "hand", "x" }, { "x", "y" } } do
      result = examples.run("pass", words)
      assert.equal(2, result.status)
      assert.matches("^usage: ", result.stderr)
    end
  end)
end)
