local cases = require "spec.support.scenarios.calls"
local process = require "spec.support.process"
local trace = require "spec.support.trace"

-- Each with how many calls fail: the first two where a second attempt is made
-- for lack of descriptors.
local failures = {
  { "EAGAIN", "1" }, { "ECONNABORTED", "1" }, { "EIO", "1" },
  { "EMFILE", "1..2" }, { "ENFILE", "1..2" }, { "ENOBUFS", "1" },
  { "ENOMEM", "1" }, { "EPERM", "1" }, { "EPROTO", "1" },
}

local function system_calls()
  local names, known = {}, {}
  for _, case in ipairs(cases) do
    if not known[case.system] then names[#names + 1] = case.system end
    known[case.system] = true
  end
  return trace.names(table.concat(names, ","))
end

-- What spec/support/inject.lua says of each case.
local function run(code, which)
  local names = system_calls()
  local result = process.run({ process.lua, "spec/support/inject.lua", code },
    {
      is_lua = true,
      prefix = { "strace", "-f", "-qq", "-o", "/dev/null",
                 "-e", "trace=" .. names, "-e",
                 ("inject=%s:error=%s:when=%s"):format(names, code, which) },
    })
  local outcomes = {}
  for number, outcome in result.stdout:gmatch("(%d+)\t([^\n]*)\n") do
    outcomes[tonumber(number)] = outcome
  end
  return outcomes, result.stderr
end

describe("a system call that fails with #ptrace", function()
  for _, failure in ipairs(failures) do
    local code, which = table.unpack(failure)
    it(("%s raises that and leaves nothing open"):format(code), function()
      local available, reason = trace.available()
      if not available then return pending(reason) end
      local outcomes, problem = run(code, which)
      for i, case in ipairs(cases) do
        assert.equal("ok", outcomes[i] or problem,
                     ("%s of %s"):format(case.system, case.call))
      end
    end)
  end
end)
