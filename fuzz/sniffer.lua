-- Packets as the sniffer prints them: any bytes become one line, or are told
-- to be malformed.
--
-- The example is a script; here it ends where its work would begin.

local function load_example(path)
  local file <close> = assert(io.open(path))
  local text = file:read "a"
  local last = assert(text:find("\nlocal function main(", 1, true))
  return load(text:sub(1, last) .. "return say_line", "@" .. path)
end

local say_line = assert(load_example "examples/sniffer.lua")()

local protocols = { "ip", "ipv6", "arp", 0x1234 }

local function check(is_cooked, data, from)
  local line = say_line { is_cooked = is_cooked, data = data, from = from,
                          length = #data, seconds = 0, nanoseconds = 0 }
  assert(not line:find "\n", "several lines")
  assert(#line < 300 + 20 * #data, "a line without an end")
end

return function(input)
  check(false, input)
  check(true, input:sub(2), core.packet(
    1, protocols[(input:byte() or 0) % #protocols + 1],
    { address = "02:42:ac:11:00:02" }))
end
