local process = require "spec.support.process"

-- Where the specs run under a sanitizer or valgrind, nothing is preloaded.
local checked <const> = os.getenv "SOCKEYE_CHECKED"

-- The calls of the C library that the module makes and that are not made to
-- fail: those that cannot, or whose failure is an answer ("not found").
local left_out <const> = {}
for name in ([[
  __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc __cxa_atexit __environ
  atexit
  __errno_location __memcpy_chk isalnum isalpha iscntrl isdigit isgraph islower
  ispunct isspace isupper isxdigit tolower
  __isoc23_strtoull __memset_chk __register_atfork __snprintf_chk
  __stack_chk_fail __tls_get_addr __vfprintf_chk __vsnprintf_chk _exit bcmp ceil
  clock_gettime dladdr dlopen
  fflush fileno fprintf free freeaddrinfo freeifaddrs fwrite gai_strerror
  getegid getenv geteuid getpgrp getpid getppid gettid if_freenameindex
  inet_ntop inet_pton localeconv memchr memcmp memcpy memmem memmove memset
  munmap
  pthread_attr_destroy pthread_attr_init pthread_attr_setdetachstate
  pthread_attr_setstacksize pthread_cond_broadcast pthread_cond_init
  pthread_cond_signal
  pthread_cond_timedwait pthread_kill pthread_mutex_init pthread_mutex_lock
  pthread_mutex_unlock pthread_once pthread_self pthread_sigmask sched_yield
  environ sigaddset sigemptyset sigfillset sigismember sigprocmask snprintf
  stderr stpcpy strcasecmp
  strchr strcmp strcspn strerror strlen strncasecmp strncmp strncpy strnlen
  strrchr strsep strspn strcpy strtoull calloc realloc umask
  vfork]]):gmatch "%S+" do
  left_out[name] = true
end

-- The functions that are made to fail, by tools/torture/plan.h.
local function wrapped()
  local file <close> = assert(io.open "tools/torture/plan.h")
  local names = {}
  for name in file:read("a"):gmatch "X%(([%w_]+)%)" do names[name] = true end
  return names
end

local function torture(environment)
  return process.run({ "tools/torture/run" }, {
    env = environment, timeout = 240,
  })
end

local function unavailable(result)
  if checked then return "runs without sanitizers" end
  return result.stdout:match "^pending: ([^\n]*)"
end

describe("torture", function()
  local stub

  local function run_stub()
    stub = stub or torture {
      SCENARIOS = "spec.support.torture_stub", WORLD = "outside", LIMIT = 3,
      KIND = "calls",
    }
    return stub
  end

  local found = {
    { "swallow", "a failure that is not raised", "was not raised" },
    { "leak", "a descriptor that is left open", "open were" },
    { "hang", "a call without end", "it hung" },
    { "crash", "a crash", "it signal 11" },
  }
  for _, case in ipairs(found) do
    local name, what, text = table.unpack(case)
    it("finds " .. what .. ", and prints how to repeat it", function()
      if checked then return pending "runs without sanitizers" end
      local result = run_stub()
      local reason = unavailable(result)
      if reason then return pending(reason) end
      assert.equal(1, result.status)
      assert.matches(("FAILED  %s, outside, calls: listen:1:EBADF\n[^\n]*%s")
        :format(name, text), result.stdout)
      assert.is_truthy(result.stdout:find(
        ("make torture SCENARIO='%s' WORLD=outside KIND=calls " ..
         "FAULT='listen:1:EBADF'"):format(name), 1, true))
    end)
  end

  it("finds nothing in what survives", function()
    if checked then return pending "runs without sanitizers" end
    local result = run_stub()
    local reason = unavailable(result)
    if reason then return pending(reason) end
    assert.is_nil(result.stdout:find("FAILED  sound", 1, true))
  end)

  for _, name in ipairs { "accept", "sendall", "a stream: read",
                          "a group that is cancelled", "resolve of a name" } do
    it("finds that the module survives every fault: " .. name, function()
      if checked then return pending "runs without sanitizers" end
      local result = torture { SCENARIO = name }
      local reason = unavailable(result)
      if reason then return pending(reason) end
      assert.equal("", result.stdout:match "FAILED.*" or "")
      assert.equal(0, result.status, result.stderr)
      assert.matches("torture: %d%d+ faults tried", result.stdout)
    end)
  end

  it("makes every function and method occur in a scenario", function()
    if checked then return pending "runs without sanitizers" end
    local result = process.run({ process.lua, "tools/torture/coverage.lua" }, {
      timeout = 120, env = { LD_PRELOAD = "./build/spec/torture.so" },
    })
    local reason = unavailable(result)
    if reason then return pending(reason) end
    assert.equal("", result.stdout .. result.stderr)
    assert.equal(0, result.status)
  end)

  it("can make every call fail that the module makes", function()
    local available, reason = process.available "nm"
    if not available then return pending(reason) end
    local result = process.run { "nm", "-D", "--undefined-only",
      package.searchpath("sockeye.core", package.cpath) }
    local names = wrapped()
    if checked or not result.stdout:find("GLIBC", 1, true) then
      return pending "needs a module that is built for glibc"
    end
    if string.packsize "T" < 8 then
      return pending "needs a module of 64 bits"
    end
    for name in result.stdout:gmatch "U ([%w_]+)@GLIBC" do
      local plain = name:gsub("^__(%l+)64_2$", "%1"):gsub("64$", "")
        :gsub("v64v2$", "v2")
      local unhardened = name:gsub("^__(%l+)_chk$", "%1")
      assert.is_true(names[plain] or names[unhardened] or left_out[plain] or
                     left_out[unhardened] or false, name)
    end
  end)
end)
