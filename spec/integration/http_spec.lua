local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local data = examples.bytes(300000)

-- Runs f(root) with a folder to serve, which lies in another one.
local function with_root(f)
  examples.with_folder(function(folder)
    local root = folder .. "/root"
    assert(os.execute("mkdir -p " .. root .. "/sub"))
    write(folder .. "/secret", "secret")
    write(root .. "/data.bin", data)
    write(root .. "/empty.txt", "")
    write(root .. "/a b.txt", "space")
    write(root .. "/index.html", "<p>front</p>")
    write(root .. "/sub/index.html", "<p>sub</p>")
    f(root)
  end)
end

local servers = {}

function servers.python3(root)
  local server = process.start({ "python3", "-u", "-m", "http.server", "0",
                                 "--bind", "127.0.0.1", "--directory", root })
  local _, port = server:line("port (%d+)")
  return server, "http://127.0.0.1:" .. port
end

function servers.httpd_fork(root)
  local server, address = examples.serve("httpd_fork", { "127.0.0.1:0", root })
  return server, "http://" .. tostring(address)
end

for name, serve in pairs(servers) do
  describe("httpget", function()
    descriptors.guard()

    it(("fetches what %s serves #integration"):format(name), function()
      local can, reason = true, nil
      if name ~= "httpd_fork" then can, reason = process.available(name) end
      if not can then return pending(reason) end
      with_root(function(root)
        local server <close>, url = serve(root)
        local result = examples.run("httpget", { url .. "/data.bin" })
        assert.equal("", result.stderr)
        assert.is_true(result.stdout == data)

        local path = root .. "/../copy"
        result = examples.run("httpget", { url .. "/data.bin", path })
        assert.equal("", result.stdout)
        assert.equal(0, result.status)
        assert.is_true(read(path) == data)

        for target, wanted in pairs {
          [""] = "<p>front</p>", ["/empty.txt"] = "",
          ["/a%20b.txt"] = "space", ["/sub/"] = "<p>sub</p>",
          ["/sub"] = "<p>sub</p>", -- by a redirection
          ["/sub/index.html?query#fragment"] = "<p>sub</p>",
        } do
          result = examples.run("httpget", { url .. target })
          assert.equal("", result.stderr)
          assert.equal(wanted, result.stdout)
          assert.equal(0, result.status)
        end

        result = examples.run("httpget", { url .. "/none" })
        assert.equal(1, result.status)
        assert.matches("/none: 404 ", result.stderr)
        assert.equal("", result.stdout)
        assert.truthy(server)
      end)
    end)
  end)
end

describe("httpget", function()
  descriptors.guard()

  -- Answers each request in turn by the next of `replies`.
  local function against(replies)
    local l <close>, port = examples.listen()
    local get = process.start(examples.words(
      "httpget", ("http://127.0.0.1:%d/a/b"):format(port)))
    local requests = {}
    for i, reply in ipairs(replies) do
      local s <close> = l:accept()
      requests[i] = ""
      repeat
        requests[i] = requests[i] .. s:settimeout(20):recv(1000)
      until requests[i]:find("\r\n\r\n")
      s:sendall((reply:gsub("PORT", tostring(port))))
    end
    return get:wait(), requests
  end

  it("follows redirections of each kind", function()
    local result, requests = against {
      "HTTP/1.0 302 Found\r\nLocation: c?d\r\n\r\n",
      "HTTP/1.1 301 Moved\r\nlocation: /e\r\n\r\n",
      "HTTP/1.0 303 See\nLOCATION: //127.0.0.1:PORT/f\n\n",
      "HTTP/1.0 307 T\r\nLocation: HTTP://127.0.0.1:PORT/g\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nhello",
    }
    assert.equal("hello", result.stdout)
    local targets = {}
    for i, request in ipairs(requests) do
      targets[i] = request:match("^GET (%S+) HTTP/1.0\r\n")
    end
    assert.same({ "/a/b", "/a/c?d", "/e", "/f", "/g" }, targets)
  end)

  local broken = {
    { "too many redirections", 6, "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n" },
    { "not an http URL", 1, "HTTP/1.0 302 F\r\nLocation: ftp://x/\r\n\r\n" },
    { "head is cut short", 1, "HTTP/1.0 200 OK\r\n" },
    { "not HTTP", 1, "SSH-2.0-server\r\n\r\n" },
    { "5 of 6 bytes", 1,
      "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello" },
    { "500 Broken", 1, "HTTP/1.0 500 Broken\r\n\r\nhello" },
  }

  for _, row in ipairs(broken) do
    it("fails: " .. row[1], function()
      local replies = {}
      for i = 1, row[2] do replies[i] = row[3] end
      local result = against(replies)
      assert.equal(1, result.status)
      assert.matches(row[1], result.stderr)
    end)
  end

  it("fails if nobody listens, or without a URL", function()
    local result = examples.run("httpget", {
      "http://127.0.0.1:" .. examples.free_port() })
    assert.equal(1, result.status)
    assert.matches("ECONNREFUSED", result.stderr)
    result = examples.run("httpget", { "https://localhost/" })
    assert.equal(1, result.status)
  end)
end)

describe("httpd_fork", function()
  descriptors.guard()

  local function curl(...)
    return process.run { "curl", "--silent", "--show-error", "--max-time",
                         "20", "--noproxy", "*", ... }
  end

  it("is read by curl #integration", function()
    local can, reason = process.available("curl")
    if not can then return pending(reason) end
    with_root(function(root)
      local server <close>, url = servers.httpd_fork(root)
      assert.is_true(curl(url .. "/data.bin").stdout == data)
      assert.equal("<p>front</p>", curl(url).stdout)
      assert.equal("<p>sub</p>", curl("--location", url .. "/sub").stdout)
      assert.equal("space", curl(url .. "/a%20b.txt").stdout)

      local head = curl("--head", url .. "/data.bin").stdout
      assert.matches("^HTTP/1.0 200 OK\r\n", head)
      assert.matches("\r\nContent%-Length: 300000\r\n", head)
      assert.matches("\r\n\r\n$", head)
      head = curl("--head", url .. "/index.html").stdout
      assert.matches("\r\nContent%-Type: text/html\r\n", head)
      assert.truthy(server)
    end)
  end)

  it("answers each path with its status #integration", function()
    local can, reason = process.available("curl")
    if not can then return pending(reason) end
    with_root(function(root)
      local server <close>, url = servers.httpd_fork(root)
      local rows = {
        ["/none"] = 404, ["/none/"] = 404, ["/../secret"] = 403,
        ["/sub/../../secret"] = 403, ["/%2e%2e/secret"] = 403,
        ["/..%2fsecret"] = 403, ["/data.bin%00.txt"] = 403, ["/sub/.."] = 403,
        ["/sub"] = 301, ["//data.bin"] = 200, ["/data.bin?x=/.."] = 200,
      }
      for path, status in pairs(rows) do
        local result = curl("--path-as-is", "--output", "/dev/null",
                            "--write-out", "%{http_code}", url .. path)
        assert.equal(tostring(status), result.stdout, path)
      end
      local result = curl("--data", "x", "--output", "/dev/null",
                          "--write-out", "%{http_code}", url .. "/")
      assert.equal("501", result.stdout)
      assert.truthy(server)
    end)
  end)

  it("answers 400 to what is no request", function()
    with_root(function(root)
      local server <close>, address = examples.serve("httpd_fork",
                                                     { "127.0.0.1:0", root })
      for _, request in ipairs { "nonsense\r\n\r\n", "GET /\r\n\r\n",
                                 ("x"):rep(8192) .. "\r\n\r\n", "" } do
        local s <close> = examples.connect(address)
        s:sendall(request)
        s:shutdown("wr")
        assert.matches("^HTTP/1.0 400 ", examples.read_all(s))
      end
      assert.truthy(server)
    end)
  end)

  it("answers a client while another is slow to ask", function()
    with_root(function(root)
      local server <close>, address = examples.serve("httpd_fork",
                                                     { "127.0.0.1:0", root })
      local slow <close> = examples.connect(address)
      slow:sendall("GET / HTTP/1.0\r\n")
      local s <close> = examples.connect(address)
      s:sendall("GET / HTTP/1.0\r\n\r\n")
      assert.matches("front", examples.read_all(s))
      slow:sendall("\r\n")
      assert.matches("front", examples.read_all(slow))
      assert.truthy(server)
    end)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, name in ipairs { "httpd_fork", "httpget" } do
      local result = examples.run(name)
      assert.equal(2, result.status)
      assert.matches("^usage: lua " .. name, result.stderr)
    end
  end)
end)
