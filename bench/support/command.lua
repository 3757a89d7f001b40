-- Commands for the benchmarks: each runs for a bounded time.

local M = {}

--- Quotes a word for the shell.
function M.quote(word)
  return "'" .. tostring(word):gsub("'", [['\'']]) .. "'"
end

--- Quotes a list of words for the shell.
function M.join(words)
  local list = {}
  for i, word in ipairs(words) do list[i] = M.quote(word) end
  return table.concat(list, " ")
end

--- Returns what a line of shell writes to its standard output.
function M.output(line)
  local pipe <close> = assert(io.popen(line, "r"))
  return pipe:read("a")
end

--- Runs a list of words, at most for `seconds`. Returns what it wrote, both
-- outputs together, and raises where it failed.
function M.run(words, seconds)
  local line = ("timeout -k 5 %d %s 2>&1"):format(seconds, M.join(words))
  local pipe = assert(io.popen(line, "r"))
  local text = pipe:read("a")
  local ok, kind, number = pipe:close()
  if not ok then
    local why = number == 124 and "ran out of time" or kind .. " " .. number
    error(("%s: %s\n%s"):format(table.concat(words, " "), why, text), 0)
  end
  return text
end

--- Returns the path of a command, or nil if it is not installed.
function M.which(name)
  local path = M.output("command -v " .. M.quote(name))
  return path:match("[^\n]+")
end

--- Returns the words that run a list of words on one core. Without taskset, or
-- with one core, they are the list itself.
function M.pinned(core, words)
  local cores = tonumber(M.output "nproc 2>/dev/null") or 1
  if not M.which "taskset" or cores < 2 then return words end
  return { "taskset", "-c", tostring(core), table.unpack(words) }
end

local compiled = {}

-- Compiles the sources of a program, once. Returns its path.
local function compile(program, sources)
  if compiled[program] then return program end
  M.run({ "mkdir", "-p", program:match("^(.*)/") }, 10)
  local words = { os.getenv("CC") or "cc", "-std=c11", "-D_GNU_SOURCE", "-O2",
                  "-Wall", "-Wextra", "-o", program }
  table.move(sources, 1, #sources, #words + 1, words)
  M.run(words, 60)
  compiled[program] = true
  return program
end

--- Compiles a C program of the benchmarks. Returns its path.
function M.compile(source)
  return compile("build/bench/" .. source:match("^bench/(.*)%.c$"), { source })
end

--- Compiles a C program from all sources in a folder. Returns its path.
function M.compile_folder(folder)
  local sources = {}
  for path in M.output("ls " .. folder .. "/*.c"):gmatch "[^\n]+" do
    table.insert(sources, path)
  end
  local name = folder:match "[^/]*$"
  return compile(("build/%s/%s"):format(folder, name), sources)
end

return M
