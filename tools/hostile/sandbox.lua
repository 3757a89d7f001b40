-- What keeps the hostile caller from harm to others: calls that end, replace,
-- copy or signal processes, or take over descriptors, are made where and as
-- they harm nobody.

local M = {}

-- ---- descriptors ----

local limit <const> = 600
-- Scripts change what files have for a method.
local open <const>, close <const> = io.open, io.stdout.close

--- How many are open.
function M.descriptors()
  local count = 0
  for fd = 0, limit do
    local file <const> = open("/proc/self/fdinfo/" .. fd)
    if file then
      count = count + 1
      close(file)
    end
  end
  return count
end

-- ---- children ----

local is_child = false
local children <const> = {}

local function wait_for(kit, pid)
  local waitpid <const> = kit.S.waitpid
  for turn = 1, 400 do
    local ok <const>, got <const>, how <const>, number <const> =
      pcall(waitpid, pid, "nohang")
    if not ok then return end
    if got then return how, number end
    if turn > 10 then os.execute "sleep 0.02" end
  end
  os.execute("kill -KILL " .. pid)
  kit.fault("a child does not end")
  pcall(waitpid, pid)
end

--- Runs a function in a child and waits for its end, whatever that is.
function M.child(kit, f)
  if is_child then return f() end
  local ok <const>, pid <const> = pcall(kit.S.fork)
  if not ok then return end
  if pid == 0 then
    is_child = true
    pcall(f)
    kit.S._exit(0)
  end
  children[#children + 1] = pid
  local how <const>, number <const> = wait_for(kit, pid)
  if how == "signal" and number ~= 9 and number ~= "SIGKILL" then
    kit.fault("a child ends by signal %s", number)
  end
end

-- ---- calls that are tamed ----

local programs <const> = { ["true"] = true, ["false"] = true,
                           ["/bin/true"] = true, ["/nosuch"] = true }

-- Only in a child. New functions of these names are found here already.
local for_children <const> = {
  "_exit", "execv", "execve", "execvp", "setuid", "setgid", "setgroups",
  "setsid", "umask", "chdir", "chroot", "setrlimit", "setegid", "seteuid",
}

local function safe_program(name)
  if type(name) == "string" and not programs[name] and
      not name:find("\0", 1, true) then
    return "/nosuch"
  end
  return name
end

local deadly <const> = { SEGV = true, BUS = true, FPE = true, ILL = true,
                         ABRT = true, KILL = true, TRAP = true, SYS = true }

local function harmless_signal(name)
  local number <const> = tonumber(name)
  if number and number >= 1 and number < 65 then return 23 end
  if type(name) == "string" and
      deadly[(name:upper():gsub("^SIG", ""))] then
    return "SIGURG"
  end
  return name
end

-- Process groups are others, too.
local function own_process(pid)
  local number <const> = tonumber(pid)
  if number and number < 0x7fffffff then return nil end
  return pid
end

-- A number for a copy, which is closed at once.
local function out_of_use(number)
  local value <const> = tonumber(number)
  if value and value >= -0x80000000 and value < 400 then return 400 end
  return number
end

-- A number that is detached is closed, as a script has to see to.
local function detach(kit)
  local method <const> = kit.F["Socket:detach"]
  return function(...)
    local fd <const> = method(...)
    kit.S.adopt(fd):close()
    return fd
  end
end

--- Stand-ins, by name, for what a script must not call as it is.
function M.replace(kit)
  local S <const> = kit.S
  local list <const> = {}
  for _, name in ipairs(for_children) do
    if S[name] then
      list["sockeye." .. name] = function(first, ...)
        if name:find "^exec" then first = safe_program(first) end
        local rest <const> = table.pack(...)
        M.child(kit, function()
          S[name](first, table.unpack(rest, 1, rest.n))
        end)
      end
    end
  end
  list["sockeye.fork"] = function(...)
    local rest <const> = table.pack(...)
    M.child(kit, function()
      if S.fork(table.unpack(rest, 1, rest.n)) == 0 then S._exit(0) end
    end)
  end
  list["sockeye.kill"] = function(pid, name, ...)
    pid = own_process(pid)
    if pid == nil then pid, name = S.getpid(), "SIGURG" end
    return S.kill(pid, name, ...)
  end
  list["sockeye.signal"] = function(name, ...)
    return S.signal(harmless_signal(name), ...)
  end
  list["sockeye.signals"] = function(first, ...)
    return S.signals(harmless_signal(first), ...)
  end
  list["sockeye.adopt"] = function(number, ...)
    if tonumber(number) then number = 1 << 20 end
    return S.adopt(number, ...)
  end
  list["sockeye.stream"] = function(first, ...)
    if type(first) == "number" then first = 1 << 20 end
    return S.stream(first, ...)
  end
  list["sockeye.dup2"] = function(old, new, ...)
    new = out_of_use(new)
    S.dup2(old, new, ...)
    S.adopt(new):close()
  end
  list["Socket:detach"] = detach(kit)
  list["sockeye.process"] = S.process and function(first, ...)
    if type(first) == "table" then pcall(rawset, first, 1, "true") end
    return S.process(first, ...)
  end
  return list
end

return M
