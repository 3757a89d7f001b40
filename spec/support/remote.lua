-- Lua on another host: a script there runs the chunks of text that a script
-- here sends it, over a connection of TCP.
--
--   there   require("spec.support.remote").serve(address)
--   here    local remote = require("spec.support.remote").connect(address)
--           remote [[s = sockeye.socket("inet", "dgram"):bind("*:0")]]
--           local port = remote [[return s:getsockname().port]]

local sockeye = require "sockeye"

local asserted = require "spec.support.asserted"

local M = {}

local limit <const> = 20

local function receive(s)
  local head = s:recv(4, "waitall")
  return head and s:recv(string.unpack(">I4", head), "waitall")
end

local function describe(err)
  return sockeye.is_error(err) and err.code or tostring(err)
end

--- Prints its address in a line, then runs the scripts that it receives until
-- the other end has gone.
function M.serve(host)
  local l <close> = sockeye.listen(sockeye.inet(host, 0))
  print(l:getsockname())
  io.stdout:flush()
  local s <close> = l:accept()
  local globals = setmetatable({ sockeye = sockeye }, { __index = _G })
  for text in function() return receive(s) end do
    local chunk, err = load(text, "=remote", "t", globals)
    local ok, value = false, err
    if chunk then ok, value = pcall(chunk) end
    s:sendall(string.pack(">s4", (ok and "+" or "-") ..
      (ok and tostring(value) or describe(value))))
  end
end

--- A function that has a text run there, and returns its value as a string. An
-- error there is one here: a string, the code of a sockeye error.
function M.connect(address)
  local s = sockeye.socket("inet", "stream"):settimeout(limit)
  s:connect(address)
  return function(text)
    s:sendall(string.pack(">s4", text))
    local answer = assert(receive(s), "the other host has gone")
    if answer:sub(1, 1) == "-" then error(answer:sub(2), 2) end
    return answer:sub(2)
  end
end

--- Starts a server on one host and runs the text of a script on the other, with
-- the server's address before the arguments. Both have to end well; what the
-- script has said is returned.
function M.run(here, there, text, arguments)
  local server <close> = there:start_lua(
    [[require("spec.support.remote").serve(arg[1])]],
    { args = { there.address } })
  local result = here:lua(text, {
    args = { server:line(), table.unpack(arguments or {}) },
  })
  asserted.note()
  if result.status ~= 0 then
    require("busted").fail(result.stderr .. result.stdout, 2)
  end
  return result.stdout
end

return M
