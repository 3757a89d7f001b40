local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"

-- Starts nc so that what it says on standard error can be read by line.
local function start(arguments, options)
  local words = { "sh", "-c", 'exec "$@" 2>&1', "sh" }
  for _, word in ipairs(examples.words("nc", table.unpack(arguments))) do
    table.insert(words, word)
  end
  return process.start(words, options)
end

local function listening(arguments, options)
  local started = start(arguments, options)
  local _, address = started:line("^listening on (.+)$")
  return started, sockeye.address(address)
end

describe("nc", function()
  descriptors.guard()

  it("half-closes when its input ends, and prints what comes after", function()
    local l <close>, port = examples.listen()
    local nc = examples.open("nc", "127.0.0.1", port)
    local s <close> = l:accept()
    nc.input:write("question")
    nc.input:close()
    assert.equal("question", examples.read_all(s))
    s:sendall("answer\r\n\0")
    s:close()
    assert.equal("answer\r\n\0", examples.read_all(nc.output))
    assert.same({ 0, "" }, { examples.finish(nc) })
  end)

  it("goes on sending when the peer has half-closed", function()
    local l <close>, port = examples.listen()
    local nc = examples.open("nc", "127.0.0.1", port)
    local s <close> = l:accept()
    s:sendall("all that I say")
    s:shutdown("wr")
    assert.equal("all that I say", examples.read_all(nc.output))
    nc.input:write("still here")
    nc.input:close()
    assert.equal("still here", examples.read_all(s:settimeout(20)))
    assert.same({ 0, "" }, { examples.finish(nc) })
  end)

  it("moves megabytes in both directions at once", function()
    local data = examples.bytes(3000001)
    local server <close>, address = examples.serve("echo_poll",
                                                   { "127.0.0.1:0" })
    local result = examples.run("nc", { address.host, address.port },
                                { stdin = data })
    assert.is_true(result.stdout == data)
    assert.equal(0, result.status)
    assert.truthy(server)
  end)

  it("waits for a peer", function()
    local nc <close>, address = listening({ "-lv", "127.0.0.1", "0" },
                                          { stdin = "from nc" })
    local s <close> = examples.connect(address)
    nc:line("^socket")
    assert.equal("from nc", examples.read_all(s))
    s:sendall("to nc")
    s:close()
    local result = nc:wait()
    assert.equal("to nc", result.stdout)
    assert.equal(0, result.status)
  end)

  it("speaks over a Unix socket, from either end", function()
    examples.with_folder(function(folder)
      local path = folder .. "/s"
      local server <close> = listening({ "-lvU", path }, { stdin = "one" })
      local client = examples.run("nc", { "-U", path }, { stdin = "two" })
      assert.equal("one", client.stdout)
      assert.matches("two$", server:wait().stdout)
    end)
  end)

  it("speaks UDP", function()
    local s <close> = sockeye.socket("inet", "dgram"):settimeout(20)
    s:bind("127.0.0.1:0")
    local nc = examples.open("nc", "-u", "127.0.0.1", s:getsockname().port)
    nc.input:write("ping")
    local data, from = s:recvfrom(100)
    assert.equal("ping", data)
    s:sendto("", from)
    s:sendto("pong", from)
    assert.equal("pong", nc.output:read(100))
    s:close()
    nc.input:write("nobody is there")
    local status, said = examples.finish(nc)
    assert.equal(1, status)
    assert.matches("ECONNREFUSED", said)
  end)

  it("waits for a UDP peer", function()
    local nc <close>, address = listening({ "-luv", "127.0.0.1", "0" },
                                          { stdin = "from nc" })
    local s <close> = sockeye.socket("inet", "dgram"):settimeout(20)
    s:connect(address):send("to nc\n")
    assert.equal("from nc", s:recv(100))
    nc:line("^to nc$")
    nc:stop()
  end)

  it("ends after a silence of the time given", function()
    local l <close>, port = examples.listen()
    local nc = examples.open("nc", "-w", "0.1", "127.0.0.1", port)
    assert.equal("", examples.read_all(nc.output))
    assert.same({ 0, "" }, { examples.finish(nc) })
    assert.truthy(l)
  end)

  it("talks to the nc of the system #integration", function()
    local can, reason = process.available("nc")
    if not can then return pending(reason) end
    local nc <close>, address = listening({ "-lv", "127.0.0.1", "0" },
                                          { stdin = "from ours" })
    local other = process.run({ "nc", "-N", address.host,
                                tostring(address.port) },
                              { stdin = "from the other" })
    assert.equal("from ours", other.stdout)
    assert.matches("from the other$", nc:wait().stdout)
  end)

  it("fails if nobody listens", function()
    local result = examples.run("nc", { "127.0.0.1", examples.free_port() })
    assert.equal(1, result.status)
    assert.matches("ECONNREFUSED", result.stderr)
    result = examples.run("nc", { "-U", "/no/such/path" })
    assert.equal(1, result.status)
    assert.matches("ENOENT", result.stderr)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, arguments in ipairs {
      {}, { "127.0.0.1" }, { "-x", "127.0.0.1", "1" }, { "-l" }, { "-U" },
      { "-uU", "path" }, { "-w", "long", "127.0.0.1", "1" },
      { "a", "b", "c" }, { "-U", "a", "b" }, { "-w" },
    } do
      local result = examples.run("nc", arguments)
      assert.equal(2, result.status, table.concat(arguments, " "))
      assert.matches("^usage: lua nc", result.stderr)
    end
  end)
end)
