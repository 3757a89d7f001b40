-- That the benchmarks run and check what they move; not how fast.

local examples = require "spec.support.examples"
local process = require "spec.support.process"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- What a suite prints and writes.
local function run(suite, ...)
  local words = { "bench/run", "--quick", suite, ... }
  return examples.with_folder(function(folder)
    local result = process.run(words,
      { env = { BENCH_OUT = folder, LUA = process.lua }, timeout = 400 })
    assert.are.equal(0, result.status, result.stderr)
    local written = read(("%s/%s.md"):format(folder, suite))
    assert.are.equal(written,
      read(folder .. "/README-table.md"):match "\n\n(.*)")
    return result.stdout, written
  end)
end

-- The cells of a Markdown table's rows that begin with these.
local function row(markdown, ...)
  local wanted = { ... }
  for line in markdown:gmatch "[^\n]+" do
    local cells, matches = {}, true
    for cell in line:gmatch "|%s*([^|]-)%s*%f[|]" do
      table.insert(cells, cell)
    end
    for i, text in ipairs(wanted) do matches = matches and cells[i] == text end
    if matches and #cells > 0 then
      return table.unpack(cells, #wanted + 1)
    end
  end
end

describe("the benchmark #slow #ptrace", function()
  it("of servers compares every kind of work with C", function()
    local _, written = run("servers", "--peer=sockeye")
    for _, work in ipairs {
      "echo 64 B, 50 connections", "the same beside 900 idle ones",
      "echo 64 B, 1,000 connections", "echo 64 B, Unix socket",
      "line echo, one in flight", "line echo, 16 pipelined, per line",
      "accept, one exchange, close", "bulk receive, per 64 KiB",
      "UDP one way, 64 B, per packet",
    } do
      local c, ours = row(written, work)
      assert.is_truthy(tonumber(c), work)
      assert.is_truthy(ours:match "^[%d.]+ %([%d.]+%)$", work)
    end
    local _, bytes = row(written, "memory of an idle connection, bytes")
    assert.is_truthy(tonumber((bytes:gsub(",", ""))))
  end)

  it("of requests counts two calls for an echo, and fewer for lines", function()
    if not process.available "strace" then
      pending "strace is not installed"
      return
    end
    local _, written = run "requests"
    local _, echo = row(written, "echo 64 B, 50 connections")
    assert.is_truthy(tonumber(echo) < 2.2, echo)
    local _, lines = row(written, "line echo, 16 pipelined, per line")
    assert.is_truthy(tonumber(lines) < 0.3, lines)
  end)

  it("of tasks measures what each costs", function()
    local _, written = run "tasks"
    assert.is_truthy(tonumber((row(written, "a task, spawned and joined"))))
    for _, kind in ipairs { "one that waits for an event",
                            "one that sleeps, with its timer" } do
      local bytes = tonumber((row(written, kind):gsub(",", "")))
      assert.is_true(bytes > 500 and bytes < 4000, kind)
    end
  end)

  it("of system calls counts one for each call", function()
    if not process.available "strace" then
      pending "strace is not installed"
      return
    end
    local _, written = run "syscalls"
    -- 32-bit Linux has the two calls that take no address.
    local short = string.packsize "T" == 4
    assert.are.equal(short and "send 1" or "sendto 1", (row(written, "send")))
    assert.are.equal(short and "recv 1" or "recvfrom 1",
                     (row(written, "recv")))
    assert.are.equal("accept4 1", (row(written, "accept")))
    assert.are.equal("connect 1", (row(written, "connect")))
  end)

  it("of blocks compares with C, between two processes and in one", function()
    local _, written = run "bulk"
    for _, label in ipairs { "two processes", "one process" } do
      local _, ratio = row(written, label, "C")
      assert.are.equal("1.00", ratio)
      local _, ours = row(written, label, "Sockeye")
      assert.is_truthy(tonumber(ours))
    end
  end)

  it("of files compares with C, outside of tasks and inside", function()
    local _, written = run "files"
    for _, label in ipairs { "sendfile", "Stream:pipe", "splice" } do
      for _, where in ipairs { "", ", in a task" } do
        local _, ours, ratio = row(written, label .. where)
        assert.is_truthy(tonumber((ours:gsub(",", ""))))
        assert.is_truthy(tonumber(ratio))
      end
    end
  end)

  it("of zerocopy shows how much the kernel copied after all", function()
    local _, written = run "zerocopy"
    for _, size in ipairs { "4 KiB", "1024 KiB" } do
      local _, with, _, _, copied = row(written, "loopback", size)
      assert.is_truthy(tonumber((with:gsub(",", ""))))
      assert.is_truthy(copied:match "^%d+ %%$")
    end
  end)

  it("of instructions counts them", function()
    if not process.available "valgrind" then
      pending "valgrind is not installed"
      return
    end
    local _, written = run "instructions"
    local count = row(written, "Sockeye"):gsub(",", "")
    assert.is_truthy(tonumber(count) > tonumber((row(written, "C"))))
    local control = written:match "recvmsg.*"
    local costs = {}
    for i, cell in ipairs { row(control, "Sockeye") } do
      costs[i] = tonumber((cell:gsub(",", "")))
    end
    assert.is_truthy(costs[1] < costs[2] and costs[2] < costs[3], control)
    for _, part in ipairs {
      "an item through a channel of 64",
      "a select over three channels that are ready",
      "a yield of the only task", "sleep(0) of the only task",
      "a task, spawned and joined",
      "a task that sleeps, beside all the others",
    } do
      local cost, limit = row(written, part)
      -- Another Lua or another compiler may need some more.
      assert.is_true(tonumber((cost:gsub(",", ""))) <=
                     1.1 * tonumber((limit:gsub(",", ""))), part)
    end
  end)

  it("of datagrams compares with C, each way and each side", function()
    local _, written = run "datagrams"
    for _, side in ipairs { "sending, 64 B", "receiving, 1,400 B" } do
      for _, method in ipairs {
        "a system call each", "sendmany, recvmany: 32 to a system call",
      } do
        local _, _, ours = row(written, side, "Sockeye", method)
        assert.is_truthy(tonumber(ours), side .. method)
      end
    end
  end)
end)

describe("the page of the benchmarks", function()
  local page = read "bench/README.md"

  it("has a row for every suite", function()
    local suites = {}
    for name in read("bench/run.lua"):match("local suites = (%b{})")
        :gmatch '"(%l+)"' do
      table.insert(suites, name)
    end
    local named = {}
    for name in page:match("\n## What is measured.-\n## ")
        :gmatch "\n| `(%l+)` |" do
      table.insert(named, name)
    end
    assert.are.equal(10, #suites)
    assert.are.same(suites, named)
  end)

  it("has a row for every option", function()
    local named = {}
    for name in page:gmatch "\n| `%-%-(%l+)[=%u]*` |" do
      table.insert(named, name)
    end
    local options = {}
    for name in read("bench/run.lua"):gmatch "%-%-   %-%-(%l+)" do
      table.insert(options, name)
    end
    assert.are.same(options, named)
    assert.are.equal(6, #options)
  end)

  it("shows the plot and the figures between its markers", function()
    local figures = page:match "<!%-%- bench:begin %-%->(.-)<!%-%- bench:end"
    local plot = figures:match "!%[[^]]+%]%(([^)]+)%)"
    assert.is_truthy(read("bench/" .. plot):find "^<svg")
    assert.is_truthy(figures:find("**Servers: CPU time for each request**", 1,
                                  true))
  end)
end)
