-- Serves the files under a folder by HTTP/1.0 (RFC 1945): the parent accepts, a
-- child answers each client.
--
--   lua httpd_fork.lua 127.0.0.1:8080 /srv/www
--
-- It prints the address that it listens on, so that port 0 is useful. It
-- answers GET and HEAD; only a symbolic link leads out of the folder.

local sockeye = require "sockeye"

local folder = arg[0]:match "^.*/" or "./"
package.path = folder .. "../lib/?.lua;" .. package.path
local arguments = require "arguments"
local program = require "program"
local server = require "server"

local usage = program.usage "usage: lua httpd_fork.lua ADDRESS:PORT FOLDER"
local endpoint, root = table.unpack(arguments.words(arg, 2, 2, usage))

local head_limit <const>, seconds <const> = 8192, 10

local reasons = {
  [200] = "OK", [301] = "Moved Permanently", [400] = "Bad Request",
  [403] = "Forbidden", [404] = "Not Found", [501] = "Not Implemented",
}

local content_types = {
  css = "text/css", html = "text/html", jpg = "image/jpeg",
  js = "text/javascript", json = "application/json", png = "image/png",
  svg = "image/svg+xml", txt = "text/plain",
}

local function respond(client, status, fields, body)
  local lines = { ("HTTP/1.0 %d %s"):format(status, reasons[status]) }
  for name, value in pairs(fields) do
    lines[#lines + 1] = ("%s: %s"):format(name, value)
  end
  client:sendall(table.concat(lines, "\r\n"), "\r\n\r\n", body or "")
  return status
end

local function refuse(client, status, fields)
  local body = ("%d %s\n"):format(status, reasons[status])
  fields = fields or {}
  fields["Content-Type"], fields["Content-Length"] = "text/plain", #body
  return respond(client, status, fields, body)
end

-- The path that the target of a request names; nil if it leads out of the root.
local function decode(target)
  local path = target:gsub("[?#].*", ""):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  if path:find("^/") and not path:find("\0") and
     not (path .. "/"):find("/..", 1, true) then
    return path
  end
end

-- Returns an open file and its path; or nil and the status to answer with.
local function open(path)
  if path:find("/$") then path = path .. "index.html" end
  local file, _, code = io.open(root .. path, "rb")
  if not file then return nil, code == 13 and 403 or 404 end
  local _, problem = file:read(0)
  if not problem then return file, path end
  file:close()
  return nil, 301 -- a folder
end

local function send_file(client, file, path, with_body)
  local extension = path:match("%.(%w+)$")
  respond(client, 200, {
    ["Content-Type"] = content_types[extension] or "application/octet-stream",
    ["Content-Length"] = file:seek("end"),
  })
  file:seek("set")
  if with_body then
    for data in file:lines(65536) do client:sendall(data) end
  end
  return 200
end

local function read_head(client)
  local text = ""
  while not text:find("\r?\n\r?\n") and #text <= head_limit do
    local data = client:recv(head_limit)
    if not data then break end
    text = text .. data
  end
  return text:match("^(%u+) (%S+) HTTP/%d%.%d\r?\n.-\r?\n")
end

local function answer(client)
  client:settimeout(seconds)
  local method, target = read_head(client)
  if not method then return refuse(client, 400) end
  if method ~= "GET" and method ~= "HEAD" then return refuse(client, 501) end
  local path = decode(target)
  if not path then return refuse(client, 403) end
  local file <close>, found = open(path)
  if file then return send_file(client, file, found, method == "GET") end
  return refuse(client, found, found == 301 and
    { Location = target:gsub("[?#].*", "") .. "/" } or nil)
end

server.reap_children()
local listener <close> = server.listen(endpoint)

while true do
  local client <close>, peer = listener:accept()
  if sockeye.fork() == 0 then
    listener:close()
    local ok, status = pcall(answer, client)
    io.stderr:write(("%s %s\n"):format(peer, status))
    sockeye._exit(ok and 0 or 1)
  end
end
