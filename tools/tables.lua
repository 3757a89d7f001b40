-- lua tools/tables.lua FOLDER [SOURCES]
-- Writes the pages options.md and control.md of the reference into FOLDER: the
-- rows of the C tables in SOURCES (csrc), joined with the texts in the .txt
-- file beside each table. Fails if a row has no text, or a text no row.

local folder, sources = arg[1], arg[2] or "csrc"

local levels <const> = {
  SOL_SOCKET = "every socket", IPPROTO_IP = "IPv4", IPPROTO_IPV6 = "IPv6",
  IPPROTO_TCP = "TCP", IPPROTO_UDP = "UDP", IPPROTO_UDPLITE = "UDP-Lite",
  SOL_RAW = "raw sockets", IPPROTO_ICMPV6 = "raw sockets of ICMPv6",
  SOL_MPTCP = "Multipath TCP", AF_VSOCK = "vsock", SOL_NETLINK = "netlink",
  SOL_PACKET = "packet sockets",
}

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

-- The C sources of a folder in one string.
local function read_folder(name)
  local command = ("ls '%s/%s'/*.c"):format(sources, name)
  local list <close> = assert(io.popen(command))
  local texts = {}
  for path in list:lines() do table.insert(texts, read(path)) end
  return table.concat(texts)
end

local function split(line)
  local fields = {}
  for field in (line .. " | "):gmatch "(.-) | " do
    table.insert(fields, field)
  end
  return fields
end

-- The texts by key; each has `fields`, those of its first line, and `about`.
local function read_texts(path)
  local texts = {}
  local current
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    local words = line:match "^  (%S.*)"
    if words and current then
      table.insert(current, words)
    elseif line:find "^[^#%s]" then
      local fields = split(line)
      assert(#fields == 3 and not line:find "|%s*|",
             ("%s:%d: three fields expected"):format(path, number))
      assert(not texts[fields[1]], path .. ": twice: " .. fields[1])
      current = { fields = fields }
      texts[fields[1]] = current
    end
  end
  for key, text in pairs(texts) do
    text.about = table.concat(text, " ")
    assert(text.about ~= "", path .. ": no text: " .. key)
  end
  return texts
end

-- Give each row its text, by its key.
local function join(rows, path)
  local texts = read_texts(path)
  for _, row in ipairs(rows) do
    row.text = texts[row.key] or error(path .. ": missing: " .. row.key, 0)
    texts[row.key] = nil
  end
  local extra = next(texts)
  assert(not extra, ("%s: no such row: %s"):format(path, extra))
  assert(#rows > 0, path .. ": no rows were found")
  return rows
end

-- The C name of a row's type, as the macro ROW makes it of its argument `type`.
local function read_type_name(source)
  local pattern = source:match "#define ROW%b() \\?\n?[^\n]-&([%w_#]+)"
  return function(id)
    return (pattern:gsub("%f[%w]type%f[^%w]", id):gsub("##", ""))
  end
end

local function read_options()
  local types = {}
  for name, text in read_folder "option"
      :gmatch 'struct option_type ([%w_]+) = {%s*%.name = "([%w_]+)"' do
    types[name] = text
  end
  local source = read(sources .. "/option/table.c")
  local type_name = read_type_name(source)
  local rows = {}
  for name, level, id, access in source
      :gmatch "\n%s*ROW%(([%w_]+),%s*([%w_]+),%s*([%w_]+),%s*([%u_]+)%)" do
    table.insert(rows, {
      key = name, level = level, access = access,
      type = types[type_name(id)] or error("unknown type: " .. id, 0),
    })
  end
  return join(rows, sources .. "/option/table.txt")
end

local function read_kinds()
  local source = read_folder "message"
  local type_name = read_type_name(source)
  local ways = {}
  for name, body in source:gmatch "struct control_type ([%w_]+) = (%b{})" do
    ways[name] = {
      sent = body:find "%.check = " ~= nil,
      received = body:find "%.push = " ~= nil,
    }
  end
  local rows = {}
  for name, level, number, id in source:gmatch(
      '\n%s*ROW%("([%w_]+)",%s*([%w_]+),%s*([%w_]+),%s*[%w_]+,%s*([%w_]+)%)') do
    table.insert(rows, {
      key = ("%s %s %s"):format(name, level, number),
      name = name, level = level, number = number,
      way = ways[type_name(id)] or error("unknown type: " .. id, 0),
    })
  end
  return join(rows, sources .. "/message/control.txt")
end

-- ---- the pages ----

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;",
                               [">"] = "&gt;" }))
end

-- A text with its `code`; what `links` has is a link.
local function html(text, links)
  return (escape(text):gsub("`(.-)`", function(code)
    local element = "<code>" .. code .. "</code>"
    local target = links[code]
    return target and ('<a href="%s">%s</a>'):format(target, element) or element
  end))
end

local function cell(text)
  return text == "-" and "" or escape(text)
end

local access_words <const> = {
  READ = "read", WRITE = "write", BOTH = "read, write",
  FAMILY = "write", BOTH_FAMILY = "read, write",
}

local function option_row(row, links)
  local unit, manual = row.text.fields[2], row.text.fields[3]
  local access = access_words[row.access] or error(row.access)
  local about = html(row.text.about, links)
  if row.access:find "FAMILY" then
    about = about .. " Of a socket of IPv6, its level is IPPROTO_IPV6."
  end
  return ('<tr id="%s"><td><code>%s</code></td><td>%s</td><td>%s</td>' ..
          "<td>%s</td><td>%s</td><td>%s</td></tr>")
    :format(row.key, row.key, row.type, cell(unit), access, about, cell(manual))
end

-- Whether an option can be read and written: what its C type can do, except
-- what the system does not support.
local function direction(row)
  local received = row.text.fields[2] ~= "never"
  assert(row.way.received or not received, row.key .. ": is never received")
  return (row.way.sent and received and "sent, received") or
    (row.way.sent and "sent") or "received"
end

local function kind_row(row, links)
  local option, manual = row.text.fields[2], row.text.fields[3]
  if option == "never" then option = "-" end
  assert(option == "-" or links[option], "no such option: " .. option)
  local received = links[option] and
    ('<a href="%s"><code>%s</code></a>'):format(links[option], option) or
    cell(option)
  return ('<tr id="%s.%s"><td><code>%s</code></td><td><code>%s</code></td>' ..
          "<td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>")
    :format(row.level, row.number, row.name, row.number, direction(row),
            received, html(row.text.about, links), cell(manual))
end

-- The rows by level, in the order of the C table.
local function by_level(rows)
  local sections = {}
  for _, row in ipairs(rows) do
    if not sections[row.level] then
      sections[row.level] = {}
      table.insert(sections, row.level)
    end
    table.insert(sections[row.level], row)
  end
  return sections
end

-- LDoc copies the page, except for references and empty lines.
local function write_page(page)
  local lines = { ("<h1>%s</h1>"):format(page.title), page.introduction,
                  "<ul>" }
  local function add(line) table.insert(lines, line) end
  local sections = by_level(page.rows)
  for _, level in ipairs(sections) do
    add(('<li><a href="#%s">%s</a>: %s</li>')
      :format(level, level, levels[level] or error("no title: " .. level, 0)))
  end
  add "</ul>"
  for _, level in ipairs(sections) do
    add(('<h2 id="%s">%s: %s</h2>'):format(level, level, levels[level]))
    add '<table class="module_list">'
    add("<tr><th>" .. table.concat(page.heads, "</th><th>") .. "</th></tr>")
    for _, row in ipairs(sections[level]) do
      add(page.write_row(row, page.links))
    end
    add "</table>"
  end
  local file <close> = assert(io.open(folder .. "/" .. page.file, "w"))
  assert(file:write(table.concat(lines, "\n"), "\n"))
end

local options = read_options()
local kinds = read_kinds()
local here, there = {}, {}
for _, row in ipairs(options) do
  here[row.key] = "#" .. row.key
  there[row.key] = "options.md.html#" .. row.key
end

write_page {
  file = "options.md", title = "Socket options", rows = options,
  heads = { "name", "type", "unit", "access", "what it does", "described in" },
  write_row = option_row, links = here,
  introduction = ([[
<p>All %d options that `Socket:getsockopt` and `Socket:setsockopt` know by name,
where the system has them; `sockeye.options` lists those of the system at hand.
The types are explained at `Socket:setsockopt` and `Socket:getsockopt`. An
option that attaches something to what is received turns on
<a href="control.md.html">control data</a>. The levels:</p>]]):format(#options),
}

write_page {
  file = "control.md", title = "Control data", rows = kinds,
  heads = { "field", "message", "direction", "enabled by", "what it holds",
            "described in" },
  write_row = kind_row, links = there,
  introduction = ([[
<p>The %d kinds of control messages that `Socket:sendmsg`, `Socket:recvmsg`,
`Socket:sendmany` and `Socket:recvmany` have as fields of the table `control`.
What has no kind is in the table's list part, as `{level=, type=, data=}`. Most
are received only after the <a href="options.md.html">option</a> in the fourth
column has been set. The levels:</p>]]):format(#kinds),
}
