-- Decodes DNS messages as the examples do: bytes are rejected with a text, or
-- decoded to names within their limits, which encode and decode to the same.

package.path = package.path .. ";./examples/lib/?.lua"
local dns = require "dns_message"

local sections = { "questions", "answers", "authorities", "additionals" }

-- A name's bytes in a message: a length before each label, a zero at the end.
local function size_of(name)
  return name == "" and 1 or #name:gsub("\\(.)", "%1") + 2
end

local function check_names(m)
  for _, section in ipairs(sections) do
    for _, r in ipairs(m[section]) do
      assert(size_of(r.name) <= 255, "a long name")
      assert(type(r.type) == "string")
      assert(section == "questions" or type(r.text) == "string")
    end
  end
end

-- Replaces the data of records: names in it may point to places that moved.
local function without_data(m)
  for i = 2, #sections do
    for _, r in ipairs(m[sections[i]]) do r.type, r.data = "TYPE99", "data" end
  end
end

local function same(m, again)
  for _, section in ipairs(sections) do
    for i, r in ipairs(m[section]) do
      local other = again[section][i]
      if r.name ~= other.name or r.type ~= other.type or
         r.class ~= other.class or r.ttl ~= other.ttl then
        return false
      end
    end
  end
  return m.id == again.id and m.flags == again.flags
end

return function(input)
  local ok, m = pcall(dns.decode, input)
  if not ok then
    assert(type(m) == "string" and #m > 0)
    return
  end
  check_names(m)
  without_data(m)
  assert(same(m, dns.decode(dns.encode(m))), "not the same again")
end
