local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"

-- Debian's package of the server has a service, which starts with the system;
-- its tools have the same program, which is the server under the server's name.
local function server_command(folder)
  local can, reason = process.available("redis-server")
  if can then return "redis-server" end
  if not process.available("redis-check-rdb") then return nil, reason end
  local link = folder .. "/redis-server"
  assert(os.execute("ln -sf $(command -v redis-check-rdb) " .. link))
  return link
end

local function start_server(folder)
  return examples.start_on_free_port("stream", function(port)
    return {
      server_command(folder), "--port", tostring(port), "--bind", "127.0.0.1",
      "--unixsocket", folder .. "/redis.sock", "--dir", folder, "--save", "",
      "--appendonly", "no",
    }
  end, "Ready to accept")
end

describe("resp", function()
  descriptors.guard()

  it("speaks to redis-server #integration", function()
    examples.with_folder(function(folder)
      local can, reason = server_command(folder)
      if not can then return pending(reason) end
      local server <close>, address = start_server(folder)
      local unix = "unix:" .. folder .. "/redis.sock"
      local rows = {
        { address, { "PING" }, "PONG\n", 0 },
        { unix, { "PING" }, "PONG\n", 0 },
        { address, { "SET", "greeting", "hello, world" }, "OK\n", 0 },
        { address, { "GET", "greeting" }, '"hello, world"\n', 0 },
        { address, { "SET", "bytes", "a\r\nb\t\xff" }, "OK\n", 0 },
        { unix, { "STRLEN", "bytes" }, "(integer) 6\n", 0 },
        { address, { "GET", "none" }, "(nil)\n", 0 },
        { address, { "RPUSH", "list", "a", "b" }, "(integer) 2\n", 0 },
        { address, { "LRANGE", "list", "0", "-1" }, '1) "a"\n2) "b"\n', 0 },
        { address, { "LRANGE", "none", "0", "-1" }, "(empty)\n", 0 },
        { address, { "EVAL", "return {1, {2, 'x'}}", "0" },
          '1) (integer) 1\n2) 1) (integer) 2\n   2) "x"\n', 0 },
        { address, { "INCR", "greeting" }, "^%(error%) ERR .*\n$", 1 },
      }
      for _, row in ipairs(rows) do
        local endpoint, words, wanted, status = table.unpack(row)
        local result = examples.run("resp", { endpoint,
                                              table.unpack(words) })
        assert.equal("", result.stderr)
        if status == 0 then
          assert.equal(wanted, result.stdout)
        else
          assert.matches(wanted, result.stdout)
        end
        assert.equal(status, result.status)
      end
      assert.truthy(server)
    end)
  end)

  it("pipelines its input to redis-server #integration", function()
    examples.with_folder(function(folder)
      local can, reason = server_command(folder)
      if not can then return pending(reason) end
      local server <close>, address = start_server(folder)
      local lines, wanted = {}, {}
      for i = 1, 2000 do
        lines[i] = "INCR n\n"
        wanted[i] = ("(integer) %d\n"):format(i)
      end
      local result = examples.run("resp", { address },
                                  { stdin = table.concat(lines) .. "\n" })
      assert.equal(table.concat(wanted), result.stdout)
      assert.equal(0, result.status)
      assert.truthy(server)
    end)
  end)

  local broken = {
    { "", "closed the connection" }, { "$5\r\nab", "closed the connection" },
    { "HTTP/1.0 200 OK\r\n", "not RESP" }, { "$x\r\n", "not RESP" },
  }

  for _, row in ipairs(broken) do
    it(("fails on the reply %q"):format(row[1]), function()
      local l <close>, port = examples.listen()
      local resp = process.start(
        examples.words("resp", "127.0.0.1:" .. port, "PING"))
      local s <close> = l:accept()
      assert.equal("*1\r\n$4\r\nPING\r\n", s:recv(14, "waitall"))
      s:sendall(row[1])
      s:close()
      local result = resp:wait()
      assert.equal(1, result.status)
      assert.matches(row[2], result.stderr)
    end)
  end

  it("fails if nobody listens", function()
    local result = examples.run("resp", {
      "127.0.0.1:" .. examples.free_port(), "PING" })
    assert.equal(1, result.status)
    assert.matches("ECONNREFUSED", result.stderr)
  end)

  it("prints its usage when it is called wrongly", function()
    local result = examples.run("resp")
    assert.equal(2, result.status)
    assert.matches("^usage: lua resp", result.stderr)
  end)
end)
