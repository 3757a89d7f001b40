-- Files that are gone after the spec.

local M = {}

local temporary = {}
temporary.__index = temporary

function temporary:__close()
  os.remove(self.path)
end

--- What is in the file.
function temporary:read()
  local file <close> = assert(io.open(self.path, "rb"))
  return file:read "a"
end

--- A file that holds this, to be held by a <close> variable; its `path`.
function M.file(text)
  local self = setmetatable({ path = os.tmpname() }, temporary)
  local file <close> = assert(io.open(self.path, "wb"))
  file:write(text or "")
  return self
end

local folder = {}
folder.__index = folder

function folder:__close()
  assert(os.execute(("rm -rf '%s'"):format(self.path)))
end

--- An empty folder, to be held by a <close> variable; its `path`.
function M.folder()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute(("mkdir '%s'"):format(path)))
  return setmetatable({ path = path }, folder)
end

-- A thousand numbered lines.
local function numbered_lines()
  local lines = {}
  for i = 1, 1000 do lines[i] = ("%d\n"):format(i) end
  return table.concat(lines)
end

--- n bytes, of which no part is like another: numbered lines, in blocks that
-- are numbered too, since a string for each line takes long under valgrind.
function M.text(n)
  local block <const> = numbered_lines()
  local parts = {}
  for i = 1, n // #block + 1 do
    parts[i] = ("block %d\n"):format(i) .. block
  end
  return table.concat(parts):sub(1, n)
end

return M
