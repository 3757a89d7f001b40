local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"
local process = require "spec.support.process"
local unprivileged = require "spec.support.unprivileged"

-- What two hosts say to each other: every kind of packet that has a line of its
-- own, and at the end a datagram to port 9999.
local peer <const> = [[
  local sockeye = require "sockeye"
  io.stdout:setvbuf "no"
  local l = sockeye.socket("inet6", "stream")
  l:setsockopt("IPV6_V6ONLY", false):bind("[::]:17000"):listen()
  local u = sockeye.socket("inet", "dgram"):bind("*:17001"):settimeout(20)
  print "ready"
  for _ = 1, 2 do
    local s <close> = l:accept()
    s:settimeout(20):sendall((s:recv(100)):upper())
    s:recv(100)
  end
  local data, from = u:recvfrom(100)
  u:sendto(data:reverse(), from)
]]

local traffic <const> = [[
  local sockeye = require "sockeye"
  local four, six = arg[1], arg[2]
  for _, address in ipairs { four .. ":17000", ("[%s]:17000"):format(six) } do
    local a = sockeye.address(address)
    local s <close> = sockeye.socket(a.family, "stream"):settimeout(20)
    s:connect(a):sendall "hello"
    assert(s:recv(100) == "HELLO")
  end
  local u = sockeye.socket("inet", "dgram"):settimeout(20)
  u:connect(four .. ":17001"):send "datagram"
  assert(u:recv(100) == "margatad")
  for _, address in ipairs { four .. ":17009", ("[%s]:17009"):format(six) } do
    local a = sockeye.address(address)
    local s <close> = sockeye.socket(a.family, "dgram"):settimeout(20)
    s:connect(a):send "anybody?"
    assert(select(2, pcall(s.recv, s, 9)).code == "ECONNREFUSED")
    local t <close> = sockeye.socket(a.family, "stream"):settimeout(20)
    assert(select(2, pcall(t.connect, t, a)).code == "ECONNREFUSED")
  end
  local p <close> = sockeye.socket("inet", "raw", "icmp"):settimeout(20)
  p:connect(sockeye.inet(four)):send("\8\0\xf7\xf6\0\1\0\8")
  p:recv(100)
  local raw <close> = sockeye.socket("packet", "dgram")
  raw:sendto("experiment", sockeye.packet(arg[3], "802_ex1", {
    address = "ff:ff:ff:ff:ff:ff" }))
  u:disconnect():sendto("the end", four .. ":9999")
]]

-- Runs f(ns, running) where a sniffer runs on host a with the arguments.
local function with_sniffer(arguments, f)
  return netns.with_namespaces(function(ns)
    local running = ns.a:start(
      examples.words("sniffer", table.unpack(arguments(ns))))
    -- Type 3 is SOCK_RAW, 2 SOCK_DGRAM; protocol 3 is all of them.
    assert.is_truthy(examples.eventually(function()
      return ns.a:must("cat /proc/net/packet"):find " [23] +0003 "
    end))
    return f(ns, running)
  end)
end

local function talk(ns)
  local other = ns.b:start_lua(peer)
  other:line "ready"
  local result = ns.a:lua(traffic, {
    args = { ns.b.address, ns.b.address6, ns.a.interface } })
  assert.equal("", result.stderr)
end

-- What tcpdump says. It has other words for what it does not know, and a dump
-- of it follows.
local function lines_of_tcpdump(file)
  local dump = process.run { "tcpdump", "-n", "-S", "-r", file }
  assert.equal(0, dump.status, dump.stderr)
  local lines = {}
  for line in dump.stdout:gmatch "[^\n]+" do
    if not line:find "^\t" then
      lines[#lines + 1] = line:gsub("ethertype Unknown %((0x%x+)%)(.*): $",
                                    "ethertype %1%2")
    end
  end
  return lines
end

-- What a sniffer has said in all, line by line.
local function lines_of(running, ended)
  local lines = {}
  local said = table.concat(running.output, "\n") .. "\n" .. ended.stdout
  for line in said:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

local function count_of(stderr, what)
  return tonumber(stderr:match("(%d+) packets " .. what))
end

-- Calls f with what a sniffer of the interface said, its end and its file, when
-- the hosts have talked.
local function with_talk(interface, f)
  examples.with_folder(function(folder)
    local file = folder .. "/packets.pcap"
    with_sniffer(function() return { "-i", interface, "-w", file } end,
      function(ns, running)
        talk(ns)
        running:line "%.9999: UDP, length 7$"
        local ended = running:stop "INT"
        assert.equal(0, ended.status, ended.stderr)
        f(lines_of(running, ended), ended, file)
      end)
  end)
end

describe("sniffer", function()
  descriptors.guard()

  it("prints and writes what tcpdump does #namespace", function()
    local available, reason = process.available "tcpdump"
    if not available then return pending(reason) end
    with_talk("wire1", function(lines, ended, file)
      assert.same(lines_of_tcpdump(file), lines)
      assert.equal(#lines, count_of(ended.stderr, "captured"))
      assert.equal(0, count_of(ended.stderr, "dropped"))
    end)
  end)

  it("prints the interface and direction of each packet #namespace",
     function()
    local available, reason = process.available "tcpdump"
    if not available then return pending(reason) end
    with_talk("any", function(lines, _, file)
      local ours, seen = {}, {}
      for i, line in ipairs(lines) do
        local interface, direction = line:match "^%S+ (%S+) +(%S+) "
        seen[interface .. " " .. direction] = true
        ours[i] = line:gsub("^(%S+) %S+ +%S+ +", "%1 ", 1)
      end
      -- What the file does not hold, or tcpdump prints of the header.
      local theirs = lines_of_tcpdump(file)
      assert.equal(#theirs, #ours)
      for i, line in ipairs(theirs) do
        if not line:find "ethertype" then assert.equal(line, ours[i]) end
      end
      assert.is_true(seen["wire1 In"] and seen["wire1 Out"])
    end)
  end)

  it("writes what tshark reads, to the nanosecond #namespace", function()
    local available, reason = process.available "tshark"
    if not available then return pending(reason) end
    with_talk("wire1", function(lines, ended, file)
      local dump = process.run({
        "tshark", "-n", "-r", file, "-T", "fields", "-e", "frame.time_epoch",
        "-e", "frame.protocols" }, { timeout = 60 })
      local protocols, count, fine = {}, 0, false
      for nanoseconds, names in dump.stdout:gmatch "%d+%.(%d+)\t(%S+)\n" do
        count = count + 1
        fine = fine or not nanoseconds:find "000$"
        for name in names:gmatch "[^:]+" do protocols[name] = true end
      end
      assert.equal(#lines, count, dump.stderr)
      assert.equal(count, count_of(ended.stderr, "captured"))
      assert.is_true(fine)
      for _, name in ipairs { "arp", "ip", "ipv6", "tcp", "udp", "icmp",
                              "icmpv6" } do
        assert.is_true(protocols[name], name)
      end
    end)
  end)

  it("ends after COUNT packets that pass its filter #namespace",
     function()
    examples.with_folder(function(folder)
      local path = folder .. "/filter"
      local file <close> = assert(io.open(path, "w"))
      -- What "icmp" is to tcpdump -ddd -y EN10MB.
      file:write("6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 1\n",
                 "6 0 0 262144\n6 0 0 0\n")
      file:flush()
      with_sniffer(function()
        return { "-i", "wire1", "-f", path, "-c", "3" }
      end, function(ns, running)
        talk(ns)
        local ended = running:wait()
        assert.equal(0, ended.status, ended.stderr)
        local lines = lines_of(running, ended)
        assert.equal(3, #lines)
        for _, line in ipairs(lines) do
          assert.matches("^%d+:%d+:%d+%.%d+ IP %S+ > %S+: ICMP ", line)
        end
      end)
    end)
  end)

  it("is promiscuous only with -p #namespace", function()
    for _, case in ipairs { { {}, 0 }, { { "-p" }, 1 } } do
      with_sniffer(function()
        return { "-i", "wire1", table.unpack(case[1]) }
      end, function(ns)
        assert.matches("promiscuity " .. case[2],
                       ns.a:must "ip -d link show wire1")
      end)
    end
  end)

  it("puts the tag of a virtual network back into the frame #namespace",
     function()
    local available, reason = process.available "tcpdump"
    if not available then return pending(reason) end
    examples.with_folder(function(folder)
      local path = folder .. "/packets.pcap"
      with_sniffer(function() return { "-i", "wire1", "-w", path } end,
        function(ns, running)
          local sent = ns.b:lua [[
            local sockeye = require "sockeye"
            local s = sockeye.socket("packet", "raw")
            s:bind(sockeye.packet("wire2"))
            s:send(string.pack(">c6 c6 HHH c46", ("\255"):rep(6),
                               "\2\2\2\2\2\2", 0x8100, 77, 0x88b5, "tagged"))
          ]]
          assert.equal("", sent.stderr)
          running:line "ethertype 0x88b5"
          running:stop "INT"
          local dump = process.run { "tcpdump", "-n", "-e", "-r", path }
          assert.matches("vlan 77, p 0, ethertype [^\n]*0x88b5", dump.stdout)
        end)
    end)
  end)

  it("names the privilege that it lacks", function()
    local options, reason = unprivileged.options()
    if not options then return pending(reason) end
    local result = examples.run("sniffer", { "-i", "lo" }, options)
    assert.equal(1, result.status)
    assert.matches("socket packet raw: .*EPERM", result.stderr)
  end)

  it("prints its usage when it is called wrongly", function()
    for _, arguments in ipairs {
      { "-x" }, { "eth0" }, { "-c" }, { "-c", "0" }, { "-c", "many" },
      { "-i" }, { "-p" }, { "-f", "filter" },
    } do
      local result = examples.run("sniffer", arguments)
      assert.equal(2, result.status)
      assert.matches("usage: lua sniffer", result.stderr)
    end
  end)

  it("names what is wrong with its arguments", function()
    local ok, s = pcall(sockeye.socket, "packet", "raw")
    if not ok then return pending(tostring(s)) end
    s:close()
    for _, case in ipairs {
      { "/nosuch/file: No such file", "-w", "/nosuch/file" },
      { "/nosuch/file: No such file", "-f", "/nosuch/file" },
      { "not a filter: line 1", "-f", examples.path "sniffer" },
      { "no interface has this name", "-i", "nosuch0" },
    } do
      local result = examples.run("sniffer", { "-i", "lo", "-c", "1",
                                               table.unpack(case, 2) })
      assert.equal(1, result.status)
      assert.matches(case[1], result.stderr)
    end
  end)
end)
