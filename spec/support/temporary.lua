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

--- n bytes, of which no part is like another.
function M.text(n)
  local list, size = {}, 0
  while size < n do
    list[#list + 1] = ("%d\n"):format(#list)
    size = size + #list[#list]
  end
  return table.concat(list):sub(1, n)
end

return M
