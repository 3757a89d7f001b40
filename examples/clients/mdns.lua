-- Multicast DNS (RFC 6762): asks the link for a name, or answers for one.
--
--   lua mdns.lua [-4 | -6] [-i INTERFACE] [-1] [-w SECONDS] NAME [TYPE]
--   lua mdns.lua [-4 | -6] [-i INTERFACE] -a HOST [SERVICE PORT [TEXT …]]
--
--   lua mdns.lua printer.local              lua mdns.lua _http._tcp.local PTR
--   lua mdns.lua -a desk.local "Files._http._tcp" 8080 path=/
--
--   -1  ask as a plain resolver does: one answer, sent to the asker alone
--   -w  how long to listen, in seconds; 1 unless given
--   -a  answer for a host's addresses, and for a service that it offers,
--       until SIGINT or SIGTERM
--
-- On every interface that can multicast, unless one is named. Asking exits with
-- 1 if nobody answered, announcing if another host has the name. Two hosts that
-- claim a name in the same second both get it.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local dns = require "dns_message"
local link_local = require "link_local"
local program = require "program"

local port <const> = link_local.port
-- Of flags: this is an answer. Of a question: by unicast, please. Of a record:
-- nobody else has one.
local top_bit <const> = 0x8000
local response <const> = 0x8400 -- with authority
local host_ttl <const>, other_ttl <const> = 120, 4500

local usage = program.usage(
  "usage: lua mdns.lua [-4 | -6] [-i IF] [-1] [-w SECONDS] NAME [TYPE]",
  "       lua mdns.lua [-4 | -6] [-i IF] -a HOST [SERVICE PORT [TEXT …]]")

local kinds = {
  ["4"] = "flag", ["6"] = "flag", ["1"] = "flag", a = "flag", i = "text",
  w = { 0, 3600 },
}

local options, words = arguments.parse(arg, kinds, usage)

local function same_name(a, b) return a:lower() == b:lower() end

-- The contents of a record, to compare it with that of another sender.
local function key_of(r)
  return ("%s %s %s"):format(r.name:lower(), r.type, r.text:lower())
end

-- ---- asking ----

local function fits(r, question)
  return same_name(r.name, question.name) and
    (r.type == question.type or question.type == "ANY")
end

local function query(ends, question)
  local known, count = {}, 0
  local done = sockeye.channel(1)

  local function note(r)
    if not known[key_of(r)] and r.ttl > 0 then
      known[key_of(r)] = r
      print(r.name, r.ttl, r.type, r.text)
    end
  end

  local function take(_, _, m, from)
    local fitting = {}
    for _, r in ipairs(m.answers) do
      if fits(r, question) then fitting[#fitting + 1] = r end
    end
    if m.flags & top_bit == 0 or from.port ~= port or not fitting[1] then
      return
    end
    for _, r in ipairs(fitting) do note(r) end
    for _, r in ipairs(m.additionals) do note(r) end
    count = count + 1
    if options["1"] then done:close() end
  end

  -- Records that are known already are sent along, so that nobody repeats them.
  local function ask()
    local m = { id = options["1"] and math.random(0xffff) or 0,
                questions = { question }, answers = {} }
    for _, r in pairs(options["1"] and {} or known) do
      if fits(r, question) then
        m.answers[#m.answers + 1] = { name = r.name, type = r.type,
                                      ttl = r.ttl, data = r.data }
      end
    end
    for _, self in ipairs(ends) do
      for index in pairs(self.links) do link_local.send(self, index, m) end
    end
  end

  sockeye.group(function(g)
    for _, self in ipairs(ends) do g:spawn(link_local.receive, self, take) end
    g:spawn(function()
      local pause = 1
      while true do
        ask()
        sockeye.sleep(pause)
        pause = pause * 2
      end
    end)
    sockeye.within(options.w or 1, done.get, done)
    g:cancel()
  end)
  return count > 0 and 0 or 1
end

-- ---- answering ----

-- "1.2.0.192.in-addr.arpa", or that of IPv6.
local function reverse_name(address)
  if address.family == "inet" then
    local bytes = { address.host:match "(%d+)%.(%d+)%.(%d+)%.(%d+)" }
    return ("%s.%s.%s.%s.in-addr.arpa"):format(bytes[4], bytes[3], bytes[2],
                                              bytes[1])
  end
  local digits = address:pack():sub(9, 24):gsub(".", function(char)
    return ("%02x"):format(char:byte())
  end)
  return digits:reverse():gsub(".", "%0.") .. "ip6.arpa"
end

-- The records that this host answers with on one interface. One that no other
-- host may have is marked as such.
local function own_records(link, host, service)
  local list = {}
  local function add(unique, ...)
    local r = dns.record(...)
    r.unique, r.class = unique, unique and 1 | top_bit or 1
    list[#list + 1] = r
  end
  for _, family in ipairs { "inet", "inet6" } do
    for _, address in ipairs(link[family]) do
      add(true, host, family == "inet" and "A" or "AAAA", host_ttl,
          address.host:match "^[^%%]*")
      add(true, reverse_name(address), "PTR", host_ttl, host)
    end
  end
  if service then
    local kind = service.name:match "(_[^.]+%._[^.]+%.local)$"
    add(true, service.name, "SRV", host_ttl, 0, 0, service.port, host)
    add(true, service.name, "TXT", other_ttl, table.unpack(service.texts))
    add(false, kind, "PTR", other_ttl, service.name)
    add(false, "_services._dns-sd._udp.local", "PTR", other_ttl, kind)
  end
  return list
end

local function knows(answers, r)
  for _, known in ipairs(answers) do
    if key_of(known) == key_of(r) and known.ttl >= r.ttl // 2 then
      return true
    end
  end
  return false
end

-- The answers to a message, what will be asked next, and whether others may
-- have answers too.
local function answers_to(m, records)
  local answers, additionals, taken, shared = {}, {}, {}, false
  for _, q in ipairs(m.questions) do
    for _, r in ipairs(records) do
      if fits(r, q) and not taken[r] and not knows(m.answers, r) then
        answers[#answers + 1], taken[r] = r, true
        shared = shared or not r.unique
      end
    end
  end
  local function follow(list)
    for _, r in ipairs(list) do
      local target = r.type == "PTR" and r.text or r.text:match "%S+$"
      for _, other in ipairs(records) do
        if (r.type == "PTR" or r.type == "SRV") and other.type ~= "PTR" and
           not taken[other] and same_name(other.name, target) then
          additionals[#additionals + 1], taken[other] = other, true
        end
      end
    end
  end
  follow(answers)
  follow(additionals)
  return answers, additionals, shared
end

-- The answer for a plain resolver (RFC 6762, section 6.7).
local function for_legacy(list)
  local copies = {}
  for i, r in ipairs(list) do
    copies[i] = { name = r.name, type = r.type, ttl = math.min(r.ttl, 10),
                  data = r.data }
  end
  return copies
end

local function answer(self, index, m, from, records)
  local answers, additionals, shared = answers_to(m, records)
  if #answers == 0 then return end
  local reply = { flags = response, answers = answers,
                  additionals = additionals }
  if from.port ~= port then
    reply.id, reply.questions = m.id, m.questions
    reply.answers = for_legacy(answers)
    reply.additionals = for_legacy(additionals)
    return link_local.send(self, index, reply, from)
  end
  local alone = true
  for _, q in ipairs(m.questions) do
    alone = alone and (q.class or 1) & top_bit ~= 0
  end
  if shared then sockeye.sleep(0.02 + math.random() / 10) end
  link_local.send(self, index, reply, alone and from or nil)
end

-- Whether another host has records for a name that only this one may have.
local function conflict_in(m, records)
  local own, ours = {}, {}
  for _, r in ipairs(records) do
    if r.unique then own[r.name:lower()] = true end
    ours[key_of(r)] = true
  end
  for _, r in ipairs(m.answers) do
    if own[r.name:lower()] and not ours[key_of(r)] and r.ttl > 0 then
      return r.name
    end
  end
end

local function parse_host()
  local host, service, given_port = table.unpack(words)
  if not host then usage() end
  host = host:match "%.local%.?$" and host:gsub("%.$", "") or host .. ".local"
  if not service then return host end
  service = service:gsub("%.$", ""):gsub("%.local$", "")
  local number = math.tointeger(tonumber(given_port))
  if not number or not service:match "^.+%._[%w-]+%._[tu][cd]p$" then
    usage()
  end
  return host, { name = service .. ".local", port = number,
                 texts = { table.unpack(words, 4) } }
end

-- Calls f(self, index, records) for each interface of each family.
local function everywhere(ends, f)
  for _, self in ipairs(ends) do
    for index, link in pairs(self.links) do f(self, index, link.records) end
  end
end

-- A question for each name that only this host may have, and its records.
local function probe_of(records)
  local m, asked = { questions = {}, authorities = {} }, {}
  for _, r in ipairs(records) do
    if r.unique then
      m.authorities[#m.authorities + 1] = { name = r.name, type = r.type,
                                            ttl = r.ttl, data = r.data }
    end
    if r.unique and not asked[r.name] then
      asked[r.name] = true
      m.questions[#m.questions + 1] = { name = r.name, type = "ANY",
                                        class = 1 | top_bit }
    end
  end
  return m
end

-- Asks three times whether another host has the names.
local function claim(ends)
  for _ = 1, 3 do
    everywhere(ends, function(self, index, records)
      link_local.send(self, index, probe_of(records))
    end)
    sockeye.sleep(0.25)
  end
end

local function announce(ends)
  everywhere(ends, function(self, index, records)
    link_local.send(self, index, { flags = response, answers = records })
  end)
end

local function say_goodbye(ends)
  everywhere(ends, function(_, _, records)
    for _, r in ipairs(records) do r.ttl = 0 end
  end)
  announce(ends)
end

local function respond(ends, links, host, service)
  local claimed, taken = false, nil
  for _, link in pairs(links) do
    link.records = own_records(link, host, service)
  end
  local come, _, _, _ <close> = sockeye.signals("SIGINT", "SIGTERM")
  sockeye.group(function(g)
    local function take(self, index, m, from)
      local records = self.links[index].records
      if m.flags & top_bit ~= 0 then
        taken = taken or conflict_in(m, records)
      elseif claimed then
        g:spawn(answer, self, index, m, from, records)
      end
    end
    for _, self in ipairs(ends) do g:spawn(link_local.receive, self, take) end
    claim(ends)
    if taken then error(taken .. ": somebody else has the name", 0) end
    claimed = true
    announce(ends)
    print(host)
    g:spawn(function()
      sockeye.sleep(1)
      announce(ends)
    end)
    come()
    g:cancel()
  end)
  say_goodbye(ends)
  return 0
end

local function main()
  local links = link_local.find(options.i)
  local family = arguments.family(options)
  if options.a then
    local host, service = parse_host()
    local ends <close> = link_local.open(links, port, family)
    return respond(ends, links, host, service)
  end
  local name, type = words[1], (words[2] or "A"):upper()
  if not name or words[3] or not dns.types[type] then usage() end
  local ends <close> =
    link_local.open(links, options["1"] and 0 or port, family)
  return query(ends, { name = name:gsub("%.$", ""), type = type })
end

io.stdout:setvbuf "line"
program.run(function() return sockeye.run(main) end, "mdns: ")
