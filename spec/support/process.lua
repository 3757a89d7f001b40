-- Other processes: Lua scripts that use the module under test, and foreign
-- commands. Each runs for a bounded time.
--
-- Options of all: args (a list), env (a table), stdin (a text), timeout (in
-- seconds, 30 unless given), prefix (a list of words to run the command by).

local asserted = require "spec.support.asserted"

local M = {}

local default_timeout <const> = 30

local function quote(word)
  return "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
end

local function quoted(words)
  local list = {}
  for i, word in ipairs(words) do list[i] = quote(word) end
  return table.concat(list, " ")
end

local function interpreter()
  local first = 0
  while arg and arg[first - 1] do first = first - 1 end
  return os.getenv("LUA") or (arg and arg[first]) or "lua5.4"
end

--- The name of the interpreter, for use in a command of one's own.
M.lua = interpreter()

local function read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function temporary(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text or "")
  return path
end

local function runs_lua(command)
  for _, word in ipairs(command) do
    if word:find(M.lua, 1, true) then return true end
  end
  return false
end

local function words_of(command, options)
  local words = {}
  local function add(list)
    table.move(list or {}, 1, #(list or {}), #words + 1, words)
  end
  add(options.prefix)
  add { "env" }
  -- A sanitizer is preloaded for Lua; it is nothing to foreign commands.
  if not runs_lua(command) then add { "-u", "LD_PRELOAD" } end
  for name, value in pairs(options.env or {}) do
    add { name .. "=" .. tostring(value) }
  end
  add(command)
  add(options.args)
  return words
end

--- Runs a command (a list of words) to its end. Returns a table of stdout,
-- stderr, status (nil after a signal), signal (nil after an exit) and
-- timed_out.
function M.run(command, options)
  options = options or {}
  local out, err = temporary(), temporary()
  local input = options.stdin and temporary(options.stdin)
  -- Not os.execute: with musl, it may report an errno in place of the status.
  local pipe = assert(io.popen(
    ("exec timeout -k 5 %s %s <%s >%s 2>%s"):format(
      options.timeout or default_timeout, quoted(words_of(command, options)),
      quote(input or "/dev/null"), quote(out), quote(err))))
  local _, kind, number = pipe:close()
  local result = {
    stdout = read_file(out),
    stderr = read_file(err),
    status = kind == "exit" and number or nil,
    signal = kind == "signal" and number or nil,
    timed_out = kind == "exit" and (number == 124 or number == 137),
  }
  for _, path in ipairs { out, err, input } do os.remove(path) end
  return result
end

--- Runs the text of a Lua script to its end; as run.
function M.lua_script(text, options)
  local path = temporary(text)
  local result = M.run({ M.lua, path }, options)
  os.remove(path)
  return result
end

local background = {}
local methods = {}
background.__index = methods
background.__name = "spec.process"

--- Starts a command in the background. Its stdout is read by line, its
-- stderr when it has ended. To be ended by stop, or by a <close> variable.
function M.start(command, options)
  options = options or {}
  local err = temporary()
  local input = options.stdin and temporary(options.stdin)
  -- The shell prints its process id, then becomes the command.
  local shell = ("echo $$; exec %s <%s 2>%s"):format(
    quoted(words_of(command, options)), quote(input or "/dev/null"),
    quote(err))
  local pipe = assert(io.popen(("exec timeout -s KILL %s sh -c %s"):format(
    options.timeout or default_timeout, quote(shell)), "r"))
  local self = setmetatable({
    pipe = pipe,
    output = {},
    files = { err, input },
    err = err,
  }, background)
  self.pid = assert(math.tointeger(pipe:read("n", "l")))
  return self
end

--- Starts the text of a Lua script in the background; as start.
function M.start_lua(text, options)
  local path = temporary(text)
  local self = M.start({ M.lua, path }, options)
  table.insert(self.files, path)
  return self
end

--- Reads lines until one matches the pattern (any line will do without one)
-- and returns that line and the pattern's captures.
function methods:line(pattern)
  if pattern then asserted.note() end
  for line in self.pipe:lines() do
    table.insert(self.output, line)
    if not pattern or line:find(pattern) then
      return line, line:match(pattern or "()")
    end
  end
  error(("ended before a line like %q; it wrote:\n%s\n%s"):format(
    pattern or "any", table.concat(self.output, "\n"), read_file(self.err)),
    2)
end

--- All that is still to come on its stdout, up to its end.
function methods:rest()
  return self.pipe:read("a")
end

--- Sends a signal, by name or number.
function methods:signal(name)
  os.execute(("kill -%s %d 2>/dev/null"):format(name or "TERM", self.pid))
end

--- Waits for its end. Returns a table as run does, stdout being what was
-- not yet read.
function methods:wait()
  if self.result then return self.result end
  local out = self.pipe:read("a")
  local _, kind, number = self.pipe:close()
  self.result = {
    stdout = out,
    stderr = read_file(self.err),
    status = kind == "exit" and number or nil,
    signal = kind == "signal" and number or nil,
  }
  for _, path in pairs(self.files) do os.remove(path) end
  return self.result
end

--- Ends it, by SIGTERM unless another signal is named, and waits for that.
function methods:stop(signal)
  if self.result then return self.result end
  self:signal(signal)
  return self:wait()
end

background.__close = function(self) self:stop("KILL") end
background.__gc = function(self) self:stop("KILL") end

--- Whether a command is installed; and if not, the reason to give.
function M.available(name)
  if os.execute(("command -v %s >/dev/null 2>&1"):format(quote(name))) then
    return true
  end
  return false, name .. " is not installed"
end

return M
