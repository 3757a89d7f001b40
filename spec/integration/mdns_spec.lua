local descriptors = require "spec.support.descriptors"
local examples = require "spec.support.examples"
local netns = require "spec.support.netns"

local service <const> = "My Files._http._tcp"

-- Runs f(ns, ask) with two hosts, of which b answers for "desk.local" and a
-- service. ask(…) runs mdns on a.
local function with_responder(f)
  return function()
    netns.with_namespaces(function(ns)
      ns.a:await_ipv6()
      ns.b:await_ipv6()
      local responder <close> = ns.b:start(examples.words(
        "mdns", "-a", "desk", service, "8080", "path=/", "a b"))
      responder:line "^desk.local$"
      f(ns, function(...)
        return examples.run("mdns", { ... }, {
          prefix = { "ip", "netns", "exec", ns.a.name },
        })
      end, responder)
    end)
  end
end

describe("mdns", function()
  descriptors.guard()

  local full <const> = service .. ".local"
  local address <const> = "desk.local\tT\tA\t10.77.0.2\n"
  local address6 <const> = "desk.local\tT\tAAAA\tfd00:77::2\n"
  local srv <const> = full .. "\tT\tSRV\t0 0 8080 desk.local\n"
  local txt <const> = full .. "\tT\tTXT\t\"path=/\" \"a b\"\n"

  -- What is asked for, and the lines that are said.
  local questions = {
    { "desk.local", "A", { address } },
    { "DESK.local.", "a", { address } },
    { "desk.local", "AAAA", { address6 } },
    { "desk.local", "ANY", { address, address6 } },
    { full, "SRV", { srv, address, address6 } },
    { full, "TXT", { txt } },
    { "_http._tcp.local", "PTR",
      { "_http._tcp.local\tT\tPTR\t" .. full .. "\n", srv, txt, address,
        address6 } },
    { "_services._dns-sd._udp.local", "PTR",
      { "_services._dns-sd._udp.local\tT\tPTR\t_http._tcp.local\n" } },
    { "2.0.77.10.in-addr.arpa", "PTR",
      { "2.0.77.10.in-addr.arpa\tT\tPTR\tdesk.local\n", address, address6 } },
  }

  -- One address of the host is the kernel's choice.
  local function without_link_local(text)
    return (text:gsub("[^\n]*\tfe80:[^\n]*\n", ""))
  end

  for _, family in ipairs { "-4", "-6" } do
    it(("finds everything that a host announces: %s #namespace"):format(family),
       with_responder(function(_, ask)
      for _, row in ipairs(questions) do
        local name, type, lines = table.unpack(row)
        local result = ask(family, "-1", name, type)
        assert.equal("", result.stderr)
        assert.equal(0, result.status)
        local said = without_link_local(result.stdout)
        assert.equal(table.concat(lines), (said:gsub("\t10\t", "\tT\t")))
      end
    end))

    it(("hears what a host announces to all: %s #namespace"):format(family),
       with_responder(function(ns)
      local asking <close> = ns.a:start(examples.words(
        "mdns", family, "-w", "20", "_http._tcp.local", "PTR"))
      for _, line in ipairs(questions[7][3]) do
        local said
        repeat said = asking:line() .. "\n" until not said:find "\tfe80:"
        local ttl = said:find "\tA" and 120 or said:find "\tSRV" and 120 or 4500
        assert.equal(line, (said:gsub("\t" .. ttl .. "\t", "\tT\t")))
      end
    end))
  end

  it("exits with 1 for a name that nobody has #namespace",
     with_responder(function(_, ask)
    for _, once in ipairs { "-1", "-4" } do
      local result = ask(once, "-w", "0.3", "nobody.local")
      assert.equal("", result.stdout .. result.stderr)
      assert.equal(1, result.status)
    end
  end))

  it("refuses a name that another host has #namespace",
     with_responder(function(_, ask)
    local result = ask("-a", "Desk")
    assert.equal("", result.stdout)
    assert.matches("somebody else has the name", result.stderr)
    assert.equal(1, result.status)
    result = ask("-a", "other", service, "80")
    assert.matches("somebody else has the name", result.stderr)
  end))

  -- What is sent is written here, and what comes is looked at as it is.
  local preamble <const> = [[
    package.path = "examples/lib/?.lua;" .. package.path
    local sockeye = require "sockeye"
    local dns = require "dns_message"
    local peer = arg[1]
    local group = sockeye.inet("224.0.0.251", 5353)
    local function open(port)
      local s = sockeye.socket("inet", "dgram"):settimeout(20)
      s:setsockopt("SO_REUSEADDR", true):bind(sockeye.inet(nil, port))
      s:setsockopt("IP_MULTICAST_IF", "wire1")
      if port ~= 0 then
        s:setsockopt("IP_ADD_MEMBERSHIP",
                     { group = "224.0.0.251", interface = "wire1" })
        s:setsockopt("IP_MULTICAST_LOOP", false)
      end
      s:setsockopt("IP_PKTINFO", true)
      return s
    end
    local function ask(s, m, to)
      s:sendto(dns.encode(m), to or group)
    end
    -- The next answer that is of `name`: it, and where it was sent.
    local function answer(s, name)
      while true do
        local packet = s:recvmsg { iov = 9000, control = true }
        local m = dns.decode(packet.data)
        for _, r in ipairs(m.flags & 0x8000 ~= 0 and m.answers or {}) do
          if r.name == name then
            return m, packet.control.pktinfo.destination, r
          end
        end
      end
    end
    local q = { name = "desk.local", type = "A" }
  ]]

  local function runs(script)
    return with_responder(function(ns)
      local result = ns.a:lua(preamble .. script,
                              { args = { ns.b.address } })
      assert.equal("", result.stderr)
      assert.equal(0, result.status)
    end)
  end

  it("answers a plain resolver directly #namespace", runs [[
    local s = open(0)
    ask(s, { id = 4711, questions = { q } })
    local m, to, r = answer(s, q.name)
    assert(m.id == 4711 and #m.questions == 1 and m.questions[1].type == "A")
    assert(r.ttl <= 10 and r.class == 1)
    assert(to == "10.77.0.1")
  ]])

  it("answers the group, or one host that asks for it #namespace", runs [[
    local s = open(5353)
    ask(s, { questions = { q } })
    local m, to, r = answer(s, q.name)
    assert(m.id == 0 and #m.questions == 0 and to == "224.0.0.251")
    assert(r.ttl == 120 and r.class == 0x8001)
    q.class = 0x8001
    repeat
      ask(s, { questions = { q } })
      m, to = answer(s, q.name)
    until to == "10.77.0.1"
    assert(m.id == 0 and #m.questions == 0)
    ask(s, { questions = { { name = "_http._tcp.local", type = "PTR" } } })
    m, to, r = answer(s, "_http._tcp.local")
    assert(to == "224.0.0.251" and r.class == 1)
  ]])

  it("leaves out answers that the question lists #namespace", runs [[
    local s = open(0)
    local known = dns.record("DESK.local", "A", 120, peer)
    ask(s, { id = 1, questions = { q }, answers = { known } })
    known.ttl = 59
    ask(s, { id = 2, questions = { q }, answers = { known } })
    assert(answer(s, q.name).id == 2)
    known = dns.record("desk.local", "A", 120, "10.77.0.77")
    ask(s, { id = 3, questions = { q }, answers = { known } })
    assert(answer(s, q.name).id == 3)
  ]])

  it("ignores what is no message, and continues #namespace", runs [[
    local s = open(0)
    local whole = dns.encode { questions = { q } }
    for size = 0, #whole - 1 do s:sendto(whole:sub(1, size), group) end
    local head = string.pack(">I2I2I2I2I2I2", 0, 0, 1, 0, 0, 0)
    s:sendto(head .. "\xc0\x0c\0\1\0\1", group)
    s:sendto(head .. "\xff\xff", group)
    s:sendto(("\xff"):rep(1400), group)
    s:sendto("", group)
    ask(s, { id = 9, questions = { q } })
    repeat until answer(s, q.name).id == 9
  ]])

  it("withdraws its records when it ends #namespace",
     with_responder(function(ns, _, responder)
    local listener <close> = ns.a:start_lua(preamble .. [[
      local s = open(5353)
      print "ready"
      io.stdout:flush()
      local r
      repeat r = select(3, answer(s, q.name)) until r.ttl == 0
      print(r.type, r.text)
    ]], { args = { ns.b.address } })
    listener:line "ready"
    responder:signal "TERM"
    assert.equal("A\t10.77.0.2", (listener:line "%S"))
    local result = responder:wait()
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
  end))

  it("prints its usage when it is called wrongly", function()
    local wrong = {
      {}, { "-x", "a" }, { "a", "XYZ" }, { "a", "A", "b" }, { "-w", "x", "a" },
      { "-a" }, { "-a", "host", "noservice", "80" }, { "-i" },
      { "-a", "host", "S._http._tcp", "port" },
    }
    for _, arguments in ipairs(wrong) do
      local result = examples.run("mdns", arguments)
      assert.matches("^usage: lua mdns", result.stderr)
      assert.equal(2, result.status)
    end
  end)
end)
